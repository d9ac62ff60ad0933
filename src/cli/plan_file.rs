//! Saved plans: what they were made from, writing and reading them.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rayon::slice::ParallelSliceMut;
use sha2::{Digest, Sha256};

use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::job::Job;
use crate::plain_text::printable;
use crate::plan::{Origin, PlanDocument, StaleJob};
use crate::report;
use crate::source::SourceFile;
use crate::state::Lineage;
use crate::workspace::FILE_NAME;

/// A plan of a million jobs is smaller.
const SIZE_LIMIT: u64 = 2 << 30;

/// What the plan of a session was made from; the rest is known of a plan that is kept.
pub(super) fn origin(session: &Session, lineage: Option<Lineage>, inputs: Inputs) -> Origin {
    Origin {
        created: session.settings.plan_date.unwrap_or(session.now),
        target: session.target.name.clone(),
        lineage,
        files: inputs.files,
        workspace: inputs.workspace,
        commit: inputs.commit,
        log: None,
        holder: None,
    }
}

/// What is looked up for a plan that somebody keeps.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    commit: Option<String>,
    files: Option<String>,
    workspace: Option<String>,
}

impl Inputs {
    /// Looks it up for a plan of jobs of these files.
    pub(super) fn new(session: &Session, files: Vec<Arc<SourceFile>>) -> Self {
        let (commit, files) = rayon::join(|| commit(session.workspace.root()), || digest(files));
        Self {
            commit,
            files: Some(files),
            workspace: workspace_digest(session),
        }
    }
}

/// The files of jobs. Neighbours mostly come from one file, and paths are slow to compare.
pub(super) fn files_of<'a>(jobs: impl Iterator<Item = &'a Arc<Job>>) -> Vec<Arc<SourceFile>> {
    let mut files: Vec<Arc<SourceFile>> = Vec::new();
    for job in jobs {
        let file = &job.source.file;
        if files.last().is_none_or(|last| !Arc::ptr_eq(last, file)) {
            files.push(Arc::clone(file));
        }
    }
    files
}

/// The commit that is checked out in `folder`, if git knows one.
fn commit(folder: &Path) -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--verify", "HEAD"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let commit = String::from_utf8(output.stdout).ok()?;
    Some(commit.trim().to_owned())
}

/// SHA-256 over path and content of every job file, each with its length.
fn digest(mut files: Vec<Arc<SourceFile>>) -> String {
    files.par_sort_unstable_by(|left, right| left.path().cmp(right.path()));
    files.dedup_by(|left, right| left.path() == right.path());
    let mut hash = Sha256::new();
    for file in files {
        let path = file.path().as_os_str().as_encoded_bytes();
        for part in [path, file.text().as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    HEXLOWER.encode(&hash.finalize())
}

/// SHA-256 of the workspace file.
fn workspace_digest(session: &Session) -> Option<String> {
    let source = session.workspace.source()?;
    Some(HEXLOWER.encode(&Sha256::digest(source.text().as_bytes())))
}

/// Refuses a plan that was made with another workspace file: calls would go elsewhere than was reviewed,
/// or within other limits.
pub(super) fn check_workspace(session: &Session, plan: &PlanDocument<'_>) -> Result<(), Failure> {
    if plan.workspace == workspace_digest(session) {
        return Ok(());
    }
    let message = format!("{FILE_NAME} is not the one that the plan was made with");
    let problem = Diagnostic::error("stale-plan", message);
    Err(Failure::new(Exit::Stale, problem.help(PLAN_AGAIN)))
}

/// Writes a plan: the whole file or none.
pub(super) fn write(path: &Path, plan: &PlanDocument<'_>) -> Result<(), Failure> {
    let written = files::write_output(path, |file| {
        let mut out = BufWriter::new(file);
        report::plan_json(&mut out, plan)?;
        out.flush()
    });
    written.map_err(|error| {
        let message = format!("cannot write the plan to {}: {error}", printable(path));
        Diagnostic::error("plan-file", message).into()
    })
}

/// Reads a plan that was written by this version.
pub(super) fn read(path: &Path) -> Result<PlanDocument<'static>, Failure> {
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read the plan {}: {error}", printable(path));
        Diagnostic::error("plan-file", message).help("`stocktake plan --out FILE` writes one")
    };
    let is_job = path.extension().is_none() && !path.exists();
    if is_job {
        let name = printable(path);
        let message = format!("there is no saved plan {name}");
        let command = format!("`stocktake apply --only {}`", report::quoted(&name));
        return Err(Diagnostic::error("plan-file", message)
            .help(format!(
                "if it is a job: {command}; `stocktake plan --out FILE` saves a plan"
            ))
            .into());
    }
    let mut file = files::open_stream(path).map_err(unreadable)?;
    let text = files::read_all(&mut file, SIZE_LIMIT).map_err(unreadable)?;
    let Some(text) = text else {
        let message = format!("{} is larger than any plan", printable(path));
        return Err(Diagnostic::error("plan-file", message).into());
    };
    PlanDocument::from_json(files::without_mark(&text)).map_err(|error| {
        let message = format!("{} {error}", printable(path));
        let problem = Diagnostic::error("plan-file", message);
        Failure::new(Exit::Stale, problem.help(PLAN_AGAIN))
    })
}

const PLAN_AGAIN: &str = "nothing was sent; make a new plan with `stocktake plan --out FILE`";

/// The plan is for another target than the one that is asked for.
pub(super) fn other_target(plan: &PlanDocument<'_>, asked: &str) -> Failure {
    let message = format!(
        "the plan is for the target `{}`, and this run is for `{asked}`",
        plan.target
    );
    Failure::new(
        Exit::Stale,
        Diagnostic::error("stale-plan", message)
            .help("nothing was sent; leave the target out, a saved plan knows its own"),
    )
}

/// The plan was made against another state.
pub(super) fn other_state(error: &crate::state::StateError) -> Failure {
    Failure::new(
        Exit::Stale,
        Diagnostic::error("stale-plan", error.to_string()).help(PLAN_AGAIN),
    )
}

/// Some jobs are no longer what the plan saw; the first ones by name.
pub(super) fn stale(jobs: &[StaleJob]) -> Failure {
    const NAMED: usize = 20;
    let mut problems: Vec<Diagnostic> = jobs
        .iter()
        .take(NAMED)
        .map(|job| Diagnostic::error("stale-plan", format!("`{}`: {}", job.key, job.since)))
        .collect();
    if jobs.len() > NAMED {
        let message = format!("and {} more jobs", jobs.len() - NAMED);
        problems.push(Diagnostic::error("stale-plan", message));
    }
    if let Some(last) = problems.pop() {
        problems.push(last.help(PLAN_AGAIN));
    }
    Failure {
        exit: Exit::Stale,
        diagnostics: problems,
    }
}
