//! `stocktake validate`

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use crate::report::{Ui, diagnostics};

/// Check the job files: every mistake, underlined where it stands
///
/// Reads every job file, checks it against the schema, and resolves its jobs for the target. Asks no
/// service and reads no state.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake validate                    all job files of the workspace
  stocktake validate --format json      the findings for a program, on standard output

Exit codes: 0 all is well (warnings included), 1 something is wrong.")]
pub(super) struct ValidateArgs {
    /// The form of the findings
    #[arg(long, value_name = "FORM", default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The lines underlined, for people
    Human,
    /// One document, for programs
    Json,
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
    }
    Ok(exit)
}
