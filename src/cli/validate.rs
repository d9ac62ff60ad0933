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
        value_name = "FORM",
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
    let session = Session::open(options, settings, ui)?;
    let loaded = session.load();
    let exit = if loaded.has_errors() {
        Exit::Failed
    } else {
        Exit::Done
    };
    let totals = diagnostics::Totals {
        files: loaded.files,
        jobs: loaded.jobs.len(),
    };
    match arguments.format {
        Format::Human => {
            diagnostics::human(&mut ui.messages(), &loaded.diagnostics, ui.look().width)?;
            diagnostics::summary(&mut ui.data(), &loaded.diagnostics, totals)?;
        }
        Format::Json => diagnostics::json(&mut ui.data(), &loaded.diagnostics, totals)?,
        Format::Github | Format::Gitlab | Format::Sarif | Format::Junit => {
            report(arguments.format, &session, &loaded)?;
        }
    }
    Ok(exit)
}

/// Writes findings in the form of a forge.
fn report(format: Format, session: &Session, loaded: &Loaded) -> std::io::Result<()> {
    let out = &mut session.ui.data();
    let findings = &loaded.diagnostics;
    let prefix = prefix(session.workspace.root());
    match format {
        Format::Github => diagnostics::github(out, findings, &prefix),
        Format::Gitlab => diagnostics::gitlab(out, findings, &prefix),
        Format::Sarif => diagnostics::sarif(out, findings, &prefix),
        Format::Junit => {
            let files = loaded.jobs.iter().map(|job| job.source.file.path());
            diagnostics::junit(out, findings, files)
        }
        Format::Human | Format::Json => Ok(()),
    }
}

/// The way from the repository to a workspace in it: empty, or with a slash behind it.
fn prefix(root: &Path) -> String {
    let is_repository = |folder: &&Path| folder.join(".git").exists();
    let repository = root.ancestors().find(is_repository);
    let way = repository.and_then(|repository| root.strip_prefix(repository).ok());
    let parts = way.into_iter().flat_map(Path::components);
    parts.fold(String::new(), |way, part| {
        way + &part.as_os_str().to_string_lossy() + "/"
    })
}
