//! `stocktake init`

mod request;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use request::FirstJob;

use super::exit::Exit;
use super::failure::Failure;
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;
use crate::report::Ui;
use crate::{jobfile, workspace};

/// Begin a workspace: an example that runs on this machine, schemas for editors, a pipeline
///
/// Writes files that are not there yet and leaves all others as they are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake init                    in this folder
  stocktake init jobs-of-media      in another one, made if need be
  stocktake init --ci github        with a workflow that plans and applies
  stocktake init --from body.xml    with the job that this request asks for

Then `stocktake apply` runs the example job on this machine.")]
pub(super) struct InitArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Write the job that this request asks for, instead of an example
    ///
    /// The file holds the body of a POST /inventorytriggerjob. Its job is written to
    /// jobs/<name>.yaml, here or in a workspace that is there already.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// Also write a pipeline for this system
    #[arg(long, value_name = "SYSTEM")]
    ci: Option<Pipeline>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pipeline {
    Github,
    Gitlab,
}

impl Pipeline {
    /// What people have to do before it runs.
    fn to_do(self) -> &'static str {
        match self {
            Self::Github => {
                "To do once, before the pipeline runs:\n\
                 - a target `prod` in stocktake.toml, then `stocktake -t prod state init`; commit the file\n\
                 - `git` and `revision` of both steps in .github/workflows/batch-jobs.yml: where stocktake comes from\n\
                 - the secrets TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY in the environment `prod`\n\
                 - where main is protected: a bypass of its ruleset for this workflow, which pushes the state"
            }
            Self::Gitlab => {
                "To do once, before the pipeline runs:\n\
                 - a target `prod` in stocktake.toml, then `stocktake -t prod state init`; commit the file\n\
                 - the variables at the head of .gitlab-ci.yml: where stocktake comes from\n\
                 - the masked variables TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY of the environment `prod`\n\
                 - a token that may push the state to the protected branch"
            }
        }
    }

    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Github => &[
                (
                    ".github/workflows/batch-jobs.yml",
                    include_str!("github.yml"),
                ),
                (
                    ".github/actions/stocktake/action.yml",
                    include_str!("../../../action.yml"),
                ),
            ],
            Self::Gitlab => &[(".gitlab-ci.yml", include_str!("gitlab.yml"))],
        }
    }
}

/// What the example bucket of the example workspace file holds.
const EXAMPLE_OBJECT: &str = "jobs/bucket/input/hello.txt";
/// Lines for files that others may have begun. Data of the embedded service and locks stay on the
/// machine; two branches that submitted different jobs merge line by line.
const LINES: [(&str, &[&str]); 2] = [
    (
        ".gitignore",
        &[".stocktake/", "*.state.jsonl.lock", "plan.json"],
    ),
    (".gitattributes", &["*.state.jsonl merge=union"]),
];

pub(super) fn run(arguments: &InitArgs, ui: Ui) -> Result<Exit, Failure> {
    let root = arguments.folder.clone();
    let root = root.unwrap_or_else(|| PathBuf::from("."));
    let job = arguments
        .from
        .as_ref()
        .map(|from| request::job_from(from, &root))
        .transpose()?;
    let next = match &job {
        None => "`stocktake plan` shows what would run, `stocktake apply` runs it.".to_owned(),
        Some(job) => format!("`stocktake render {}` shows what would be sent.", job.key),
    };
    let mut out = ui.data();
    let keeps_workspace = job.is_some() && root.join(workspace::FILE_NAME).exists();
    let mut files = files(arguments.ci, job);
    if keeps_workspace {
        files.retain(|(name, _)| name != EXAMPLE_OBJECT);
    }
    for (name, text) in files {
        let is_new =
            write_new(&root.join(&name), &text).map_err(|error| unwritable(&name, &error))?;
        let word = if is_new { "wrote" } else { "kept " };
        writeln!(out, "{word} {name}")?;
    }
    for (name, lines) in LINES {
        let mut is_new = false;
        for line in lines {
            let added = add_line(&root.join(name), line);
            is_new |= added.map_err(|error| unwritable(name, &error))?;
        }
        let word = if is_new { "wrote" } else { "kept " };
        writeln!(out, "{word} {name}")?;
    }
    out.flush()?;
    if let Some(above) = workspace_above(&root) {
        ui.note(format!(
            "note: this workspace lies inside that of {}",
            printable(&above)
        ))?;
    }
    if let Some(pipeline) = arguments.ci {
        ui.note(pipeline.to_do())?;
    }
    ui.note(format!("Next: {next}"))?;
    Ok(Exit::Done)
}

/// The workspace that the folder lies in, beside its own.
fn workspace_above(root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let mut above = root.ancestors().skip(1);
    let found = above.find(|folder| folder.join(workspace::FILE_NAME).is_file());
    found.map(Path::to_path_buf)
}

/// Names and texts, the job last: what it needs is there before it is.
fn files(pipeline: Option<Pipeline>, job: Option<FirstJob>) -> Vec<(String, String)> {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let mut files = vec![
        file(workspace::FILE_NAME, include_str!("stocktake.toml")),
        file(EXAMPLE_OBJECT, "Hello\n"),
        file(
            "schema/jobfile.schema.json",
            &format!("{:#}\n", jobfile::schema_json()),
        ),
        file(
            "schema/workspace.schema.json",
            &format!("{:#}\n", workspace::schema_json()),
        ),
    ];
    let pipeline = pipeline.map(Pipeline::files).unwrap_or_default();
    files.extend(pipeline.iter().map(|(name, text)| file(name, text)));
    files.push(match job {
        None => file("jobs/first.yaml", include_str!("first.yaml")),
        Some(job) => (job.name, job.text),
    });
    files
}

/// Whether the file was not there before.
fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the line was not there before.
fn add_line(path: &Path, line: &str) -> io::Result<bool> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if text.lines().any(|other| other.trim() == line) {
        return Ok(false);
    }
    let line_break = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    writeln!(file, "{line_break}{line}")?;
    Ok(true)
}

fn unwritable(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::error("unwritable-file", format!("cannot write {name}: {error}"))
}
