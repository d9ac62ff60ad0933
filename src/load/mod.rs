//! All jobs of a workspace: its files found, read, validated and expanded, on all cores.

mod cache;
mod context;
mod duplicates;
mod read_back;
mod settle;
mod stamp;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::diagnostic::{self, Diagnostic};
use crate::expand::{ABOUT_TARGET, ExpandContext, Expander, check_unique, check_unique_workflows};
use crate::job::Job;
use crate::jobfile::Reader;
use crate::jobfile::discover::{self, FoundFile};
use crate::plain_text::printable;
use crate::workflow::DeclaredWorkflow;
use crate::workspace::{JOBS_FOLDER, Workspace};

pub use cache::{Cache, ChangedFiles, JobChanges, Updated};
pub use context::{bucket_folders, context};
pub use read_back::{Inexpressible, ReadBack};
pub use settle::being_written;
pub use stamp::Stamp;

/// The code of the finding that there is no job file at all.
pub const NO_JOB_FILES: &str = "no-job-files";

/// What the job files of a workspace come to.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The jobs without mistakes.
    pub jobs: Vec<Arc<Job>>,
    /// The workflows without mistakes.
    pub workflows: Vec<Arc<DeclaredWorkflow>>,
    /// Every finding, in the order of files and paths.
    pub diagnostics: Vec<Diagnostic>,
    /// How many files were read.
    pub files: usize,
}

impl Loaded {
    /// Whether anything is wrong that stops a plan.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Adds a finding for what no two jobs or workflows may share.
    fn check_unique(&mut self) {
        let jobs = check_unique(self.jobs.iter().map(Arc::as_ref));
        let workflows = check_unique_workflows(self.workflows.iter().map(Arc::as_ref));
        self.diagnostics.extend(jobs.into_iter().chain(workflows));
    }

    /// Appends what later files come to.
    fn and(mut self, mut later: Self) -> Self {
        self.jobs.append(&mut later.jobs);
        self.workflows.append(&mut later.workflows);
        self.diagnostics.append(&mut later.diagnostics);
        self.files += later.files;
        self
    }
}

/// Loads all jobs of `workspace`, leaving out the folders that stand for buckets.
pub fn load(workspace: &Workspace, bucket_folders: &[PathBuf], context: ExpandContext) -> Loaded {
    let folder = Path::new(JOBS_FOLDER);
    let (found, problems) = discover::discover(workspace.root(), folder, bucket_folders);
    let (reader, expander) = (Reader::new(), Expander::new(context));
    let mut loaded = load_each(&found, &reader, &expander);
    loaded.diagnostics.extend(problems);
    if found.is_empty() {
        loaded.diagnostics.push(no_job_files(workspace.root()));
    }
    loaded.check_unique();
    put_in_order(&mut loaded.diagnostics);
    loaded
}

/// A job file of `workspace` that may still be being written.
pub fn being_written_in(workspace: &Workspace, bucket_folders: &[PathBuf]) -> Option<PathBuf> {
    let folder = Path::new(JOBS_FOLDER);
    let (found, _) = discover::discover(workspace.root(), folder, bucket_folders);
    let paths = found.iter().map(|file| file.path.as_path());
    let written = being_written(paths, false);
    let file = found
        .iter()
        .find(|file| written.contains(&file.path.as_path()))?;
    Some(file.shown.clone())
}

/// Sorts findings, and says once what every job says of the target.
fn put_in_order(findings: &mut Vec<Diagnostic>) {
    diagnostic::sort(findings);
    let mut said = HashSet::new();
    findings.retain(|finding| {
        !ABOUT_TARGET.contains(&finding.code) || said.insert(finding.message.clone())
    });
}

fn no_job_files(root: &Path) -> Diagnostic {
    let folder = root.join(JOBS_FOLDER);
    let message = format!("there is no job file in {}", printable(&folder));
    Diagnostic::error(NO_JOB_FILES, message)
        .help("job files end in .yaml, .yml or .toml; `stocktake init` writes a first one")
}

/// Loads the jobs of the given files.
pub fn load_files(found: &[FoundFile], context: ExpandContext) -> Loaded {
    let mut loaded = load_each(found, &Reader::new(), &Expander::new(context));
    loaded.check_unique();
    loaded
}

/// Loads the jobs of the given files, each by itself.
fn load_each(found: &[FoundFile], reader: &Reader, expander: &Expander) -> Loaded {
    let files = found.par_iter();
    let some = files.fold(Loaded::default, |mut loaded, file| {
        loaded.files += 1;
        load_file(file, reader, expander, &mut loaded);
        loaded
    });
    some.reduce(Loaded::default, Loaded::and)
}

/// Adds what one file comes to.
fn load_file(found: &FoundFile, reader: &Reader, expander: &Expander, loaded: &mut Loaded) {
    let source = match discover::open(found) {
        Ok(source) => source,
        Err(problem) => return loaded.diagnostics.push(problem),
    };
    let (job_file, mut problems) = reader.load(&source, found.syntax);
    loaded.diagnostics.append(&mut problems);
    if let Some(job_file) = job_file {
        let mut content = expander.expand_traced(&source, &job_file);
        loaded.jobs.extend(content.jobs.into_iter().map(Arc::new));
        let workflows = content.workflows.into_iter().map(Arc::new);
        loaded.workflows.extend(workflows);
        loaded.diagnostics.append(&mut content.findings);
    }
}
