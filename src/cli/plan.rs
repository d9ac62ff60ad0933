//! `stocktake plan`

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use crate::plan::Plan;
use crate::report::{self, PlanView, Ui};

/// Show what `apply` would submit, and why
///
/// Compares the jobs of the files with the records of the state. Asks no service, takes no lock and
/// changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake plan                        what is new or changed
  stocktake plan --all                  also what stays as it is
  stocktake plan --detailed-exitcode    for a pipeline: 2 means work to do

Exit codes: 0 planned, 1 something is wrong, 2 with --detailed-exitcode: there is
something to submit, 4 a guard blocks the plan.")]
pub(super) struct PlanArgs {
    /// Show unchanged and retired jobs too
    #[arg(long)]
    all: bool,

    /// End with 2 when there is something to submit
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) fn run(
    arguments: &PlanArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.jobs()?;
    let plan = session.plan(jobs, &session.records()?, None);
    let view = PlanView {
        plan: &plan,
        target: &session.target,
        all: arguments.all,
        hints: !session.settings.automation,
    };
    report::plan_human(&mut ui.data(), &view)?;
    Ok(exit(&plan, arguments.detailed_exitcode))
}

/// A look-up may end with a submission, so that it counts as one.
fn exit(plan: &Plan, detailed: bool) -> Exit {
    if !plan.blocked.is_empty() {
        Exit::Blocked
    } else if detailed && (plan.submits() || plan.summary.resolve > 0) {
        Exit::Changes
    } else {
        Exit::Done
    }
}
