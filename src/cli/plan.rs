//! `stocktake plan`

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::runtime::Runtime;

use super::estimate;
use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::plan_file::{self, Inputs};
use super::poll;
use super::session::Session;
use super::settings::Settings;
use super::strangers;
use crate::job::Job;
use crate::plain_text::printable;
use crate::plan::{Drift, PlanDocument, Selection};
use crate::report::{self, PlanView, Ui};
use crate::state::Records;

/// Show what `apply` would submit, and why
///
/// Compares the jobs of the files with the records of the state. Takes no lock, changes nothing, and
/// asks no service, unless --estimate or --refresh is given: with --refresh this plan, and nothing else,
/// counts with what the service says, and shows where that differs from the records.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "Examples:
  stocktake plan                        what is new or changed
  stocktake plan --all                  every job, unchanged ones too
  stocktake plan --only archive         every field of one job or one matrix
  stocktake plan --estimate             also how many objects and bytes, at what cost
  stocktake plan --out plan.json        keep it for `stocktake apply plan.json`
  stocktake plan --refresh              after a look at the service
  stocktake plan --detailed-exitcode    for a pipeline: 2 means work to do

Exit codes: 0 planned, 1 something is wrong or could not be counted, 2 with
--detailed-exitcode: there is something to submit, 4 a guard blocks the plan.")]
pub(super) struct PlanArgs {
    /// Show every job by itself, unchanged and retired ones too
    #[arg(long)]
    all: bool,

    /// Plan these jobs alone, and show every field of them
    #[arg(long, value_name = "KEY", num_args = 1..)]
    only: Vec<String>,

    /// Ask the service first how far the recorded jobs are; only this plan
    /// counts with the answers, nothing is recorded
    #[arg(long)]
    refresh: bool,

    /// Count what each job would process: lists buckets, reads inventories and lists of URLs
    #[arg(long)]
    estimate: bool,

    /// Also keep the plan in this file, for `apply` and `show`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// The form of the plan: human, json, markdown, gitlab (its counts)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true
    )]
    format: Format,

    /// End with 2 when there is something to submit
    #[arg(long)]
    detailed_exitcode: bool,
}

/// The forms of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// For comments and step summaries
    Markdown,
    /// For the plan widget of a merge request
    Gitlab,
}

pub(super) fn run(
    arguments: &PlanArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.jobs()?;
    let read = session.read_state()?;
    let header = read.as_ref().map(|read| read.header.clone());
    let known = header.as_ref().map(|header| header.listed.clone());
    let lineage = header.map(|header| header.lineage);
    let position = read.as_ref().and_then(|read| read.position);
    let holder = read.as_ref().and_then(|read| read.holder.clone());
    let mut records = read.map(|read| read.records).unwrap_or_default();
    let drift = refresh(&session, arguments, &jobs, &mut records)?;
    let is_kept = arguments.out.is_some() || arguments.format != Format::Human;
    let files = is_kept.then(|| {
        let selection = Selection::new(arguments.only.clone());
        plan_file::files_of(jobs.iter().filter(|job| selection.contains(&job.key)))
    });
    let (plan, inputs) = rayon::join(
        || session.plan_only(jobs, &records, None, &arguments.only),
        || files.map(|files| Inputs::new(&session, files)),
    );
    let mut plan = plan?;
    plan.drift = drift;
    if arguments.refresh {
        let known = known.unwrap_or_default();
        Runtime::new()?.block_on(strangers::show(&session, &mut plan, &records, &known))?;
    }
    if arguments.estimate {
        Runtime::new()?.block_on(estimate::estimate(&session, &mut plan))?;
    } else {
        plan.warn_of_unchecked(&session.limits(None));
    }
    let origin = plan_file::origin(&session, lineage, inputs.unwrap_or_default());
    let origin = origin.of_log(position, holder);
    let mut document = PlanDocument::new(&plan, origin);
    if is_kept {
        document = document.sealed().map_err(io::Error::from)?;
    }
    if let Some(path) = &arguments.out {
        plan_file::write(path, &document)?;
    }
    let apply = arguments.out.as_ref().map_or_else(
        || {
            let refresh = if arguments.refresh { " --refresh" } else { "" };
            format!("`stocktake apply{refresh}` does this; each job is submitted once.")
        },
        |path| {
            let path = printable(path);
            format!("Kept in {path}; `stocktake apply {path}` does exactly this.")
        },
    );
    let has_next = !session.settings.automation && plan.has_work();
    let view = PlanView {
        plan: &document,
        all: arguments.all,
        details: !arguments.only.is_empty(),
        rest: "--all",
        next: has_next.then_some(apply.as_str()),
        width: ui.look().width,
    };
    show(ui, arguments.format, &view)?;
    Ok(exit(&document, arguments.detailed_exitcode))
}

/// With --refresh, takes what the service says into `records` and gives what differs.
fn refresh(
    session: &Session,
    arguments: &PlanArgs,
    jobs: &[Arc<Job>],
    records: &mut Records,
) -> Result<Option<Vec<Drift>>, Failure> {
    if !arguments.refresh {
        return Ok(None);
    }
    let asked = poll::records_of(records, jobs, &arguments.only);
    if !asked.is_empty() {
        session.check_running()?;
    }
    let refreshed = poll::refresh(session, &asked)?;
    refreshed.apply_to(records);
    Ok(refreshed.drift)
}

/// Writes a plan in the form that is asked for.
pub(super) fn show(ui: Ui, format: Format, view: &PlanView<'_>) -> Result<(), Failure> {
    let mut out: Box<dyn Write> = match format {
        Format::Human => Box::new(ui.data()),
        _ => Box::new(ui.plain_data()),
    };
    match format {
        Format::Human => report::plan_human(&mut out, view)?,
        Format::Json => report::plan_json(&mut out, view.plan)?,
        Format::Markdown => report::plan_markdown(&mut out, view.plan)?,
        Format::Gitlab => report::plan_gitlab(&mut out, view.plan)?,
    }
    Ok(out.flush()?)
}

/// A look-up counts as a submission: it may end with one.
fn exit(plan: &PlanDocument<'_>, detailed: bool) -> Exit {
    if !plan.blocked.is_empty() {
        Exit::Blocked
    } else if plan
        .estimate
        .as_ref()
        .is_some_and(|total| total.uncounted > 0)
    {
        Exit::Failed
    } else if detailed && (plan.submits() || plan.summary.resolve > 0) {
        Exit::Changes
    } else {
        Exit::Done
    }
}
