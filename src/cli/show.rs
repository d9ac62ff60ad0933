//! `stocktake show`

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::plan::{Format, show};
use super::plan_file;
use crate::report::{PlanView, Ui};

/// Show a saved plan
///
/// Needs no workspace and sends nothing: what is shown is what was planned, whatever happened since.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake show plan.json                        as `plan` showed it
  stocktake show plan.json --format markdown      for a comment

Exit codes: 0 shown, 1 it cannot be read, 6 it is no plan of this version.")]
pub(super) struct ShowArgs {
    /// The file that `stocktake plan --out FILE` wrote
    #[arg(value_name = "PLANFILE")]
    plan_file: PathBuf,

    /// Show every job by itself, unchanged and retired ones too
    #[arg(long)]
    all: bool,

    /// The form of the plan: human, json, markdown, gitlab (its counts)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true
    )]
    format: Format,
}

pub(super) fn run(arguments: &ShowArgs, ui: Ui) -> Result<Exit, Failure> {
    let plan = plan_file::read(&arguments.plan_file)?;
    let view = PlanView {
        plan: &plan,
        all: arguments.all,
        details: false,
        rest: "--all",
        next: None,
        width: ui.look().width,
    };
    show(ui, arguments.format, &view)?;
    Ok(Exit::Done)
}
