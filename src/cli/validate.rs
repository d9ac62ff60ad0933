//! `stocktake validate`

use std::path::Path;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use crate::load::Loaded;
use crate::report::{Ui, diagnostics};
use crate::workspace;

/// Check the job files: every mistake, underlined where it stands
///
/// Reads every job file, checks it against the schema, and resolves its jobs for the target. Asks no
/// service and reads no state.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake validate                    all job files of the workspace
  stocktake validate --format json      the findings for a program
  stocktake validate --format sarif > findings.sarif

Exit codes: 0 all is well (warnings included), 1 something is wrong.")]
pub(super) struct ValidateArgs {
    /// The form of the findings: human, json, github (annotations), gitlab (code
    /// quality), sarif, junit
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true
    )]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The lines underlined, for people
    Human,
    /// One document, for programs
    Json,
    /// Annotations of a GitHub workflow
    Github,
    /// A code quality report of GitLab
    Gitlab,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
}

pub(super) fn run(
    arguments: &ValidateArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let (loaded, root) = match Session::open(options, settings, ui) {
        Ok(session) => (session.load(), session.workspace.root().to_path_buf()),
        Err(failure) if arguments.format == Format::Human => return Err(failure),
        // What is wrong with the workspace itself belongs into the report too.
        Err(failure) => {
            let start = options.start.clone();
            let loaded = Loaded {
                diagnostics: failure.diagnostics,
                ..Loaded::default()
            };
            (loaded, workspace::find(&start).unwrap_or(start))
        }
    };
    write(arguments.format, &loaded, &root, ui)?;
    Ok(if loaded.has_errors() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// Writes findings in the form that is asked for; `root` is the folder of the workspace.
fn write(format: Format, loaded: &Loaded, root: &Path, ui: Ui) -> std::io::Result<()> {
    let out = &mut ui.data();
    let findings = &loaded.diagnostics;
    let totals = diagnostics::Totals {
        files: loaded.files,
        jobs: loaded.jobs.len(),
    };
    match format {
        Format::Human => {
            diagnostics::human(&mut ui.messages(), findings, ui.look().width)?;
            diagnostics::summary(out, findings, totals)
        }
        Format::Json => diagnostics::json(out, findings, totals),
        Format::Github => diagnostics::github(out, findings, &prefix(root)),
        Format::Gitlab => diagnostics::gitlab(out, findings, &prefix(root)),
        Format::Sarif => diagnostics::sarif(out, findings, &prefix(root)),
        Format::Junit => {
            let files = loaded.jobs.iter().map(|job| job.source.file.path());
            diagnostics::junit(out, findings, files)
        }
    }
}

/// The path from the repository to a workspace in it: empty, or ending with a slash.
fn prefix(root: &Path) -> String {
    let is_repository = |folder: &&Path| folder.join(".git").exists();
    let repository = root.ancestors().find(is_repository);
    let way = repository.and_then(|repository| root.strip_prefix(repository).ok());
    let parts = way.into_iter().flat_map(Path::components);
    parts.fold(String::new(), |way, part| {
        way + &part.as_os_str().to_string_lossy() + "/"
    })
}
