//! `stocktake apply`

mod execute;
mod prepare;
mod view;

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::approval;
use super::as_planned;
use super::estimate;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_duration};
use super::plan_file::{self, Inputs};
use super::session::Session;
use super::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::plan::PlanDocument;
use crate::report::{ColorChoice, Ui, Verbosity};
use crate::state::StateStore;
use view::View;

/// Submissions in flight at once, unless the command line says otherwise.
const PARALLELISM: u16 = 8;

/// Submit what is new, each job exactly once, and record it
///
/// Shows the plan first. On the embedded target it asks nobody and waits for the jobs to end, because
/// they run in this process; on any other target it asks, or needs --auto-approve. Where the target
/// limits objects, bytes or cost, it counts them before it sends anything.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "Examples:
  stocktake apply                            the default target
  stocktake -t prod apply --auto-approve     in a pipeline
  stocktake -t prod apply --max-submissions 200
  stocktake apply plan.json                  what `plan --out plan.json` kept

Exit codes: 0 done, 1 something was rejected or is wrong, 3 unresolved
submissions: run it again, 4 a guard blocks the plan, 5 the state is locked, 6
the saved plan is stale, 7 a job that was waited for failed, 130 and 143
interrupted; everything sent is recorded.")]
pub(super) struct ApplyArgs {
    /// Apply this saved plan, which counts as approved, instead of planning now
    #[arg(value_name = "PLANFILE", conflicts_with = "only")]
    plan_file: Option<PathBuf>,

    /// Submit these jobs alone
    #[arg(long, value_name = "KEY", num_args = 1..)]
    only: Vec<String>,

    /// Ask the service first how far the recorded jobs are, and record it
    #[arg(long, conflicts_with = "plan_file")]
    refresh: bool,

    /// Do not ask
    #[arg(long, short = 'y')]
    auto_approve: bool,

    /// How many submissions are in flight at once
    #[arg(long, value_name = "N", default_value_t = PARALLELISM, value_parser = clap::value_parser!(u16).range(1..=1024))]
    parallelism: u16,

    /// Allow this many submissions in this run, instead of what the target allows
    #[arg(long, value_name = "N")]
    max_submissions: Option<usize>,

    /// How long to wait for another run that writes the state, such as 5m
    ///
    /// Without it: not at all for a state in a file; the lease and 30s for a shared one.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_timeout: Option<Duration>,

    /// Wait until every job has ended
    #[arg(long)]
    wait: bool,

    /// The form of what is said: human, json (one event a line)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true
    )]
    format: Format,

    /// Whether this is `stocktake retry`: the jobs of `only` that failed, once more.
    #[arg(skip)]
    is_retry: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For programs: JSON Lines, the last one a summary
    Json,
}

impl ApplyArgs {
    /// Those of `stocktake retry`.
    pub(super) fn retry(
        keys: Vec<String>,
        auto_approve: bool,
        max_submissions: Option<usize>,
        lock_timeout: Option<Duration>,
        wait: bool,
        format: Format,
    ) -> Self {
        Self {
            plan_file: None,
            only: keys,
            refresh: false,
            auto_approve,
            parallelism: PARALLELISM,
            max_submissions,
            lock_timeout,
            wait,
            format,
            is_retry: true,
        }
    }

    /// Jobs of an embedded target run in this process, and are waited for.
    fn waits(&self, session: &Session) -> bool {
        self.wait || session.target.embedded().is_some()
    }
}

/// Whether a command line that cannot be parsed asks for the stream all the same.
pub(super) fn wants_json(arguments: &[OsString]) -> bool {
    let is_apply = arguments.iter().any(|argument| argument == "apply");
    let mut pairs = arguments.windows(2);
    let has_form = arguments.iter().any(|argument| argument == "--format=json")
        || pairs.any(|pair| pair[0] == "--format" && pair[1] == "json");
    is_apply && has_form
}

/// The whole stream of a run whose command line is wrong.
pub(super) fn end_with_usage(error: &clap::Error) -> std::io::Result<()> {
    let ui = Ui::new(ColorChoice::Never, Verbosity::Normal, None);
    let view = View::begin(Format::Json, ui)?;
    let message = error.to_string();
    let first = message.lines().next().unwrap_or_default();
    let problem = Diagnostic::error("usage", first.trim_start_matches("error: "));
    let problem = problem.help("`stocktake apply --help` describes the command line");
    view.end(&Err(Failure::new(Exit::Usage, problem)))
}

pub(super) fn run(
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let view = View::begin(arguments.format, ui)?;
    let result = whole(|| run_in(&view, arguments, options, settings, ui));
    view.end(&result)?;
    result
}

/// A mistake of this program is no reason to leave a stream without its end. What was sent is on
/// disk: intents are written before, and nothing that panics can take them back.
fn whole(run: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let problem = Diagnostic::error("internal", "stocktake made a mistake and had to stop");
        Err(problem
            .help("run it again: what may have been sent is looked up first; and report it")
            .into())
    })
}

fn run_in(
    view: &View,
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let saved = arguments.plan_file.as_deref();
    let mut prepared = match saved {
        Some(path) => prepare::saved(arguments, path, options, settings, ui)?,
        None => prepare::now(arguments, options, settings, ui)?,
    };
    let embedded = prepared.session.target.embedded().is_some();
    let is_approved = embedded || arguments.auto_approve || saved.is_some();
    // What needs no answer is shown as it is done.
    if is_approved && prepared.needs_state(arguments) {
        prepared.own(arguments)?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let session = &prepared.session;
    runtime.block_on(estimate::estimate_for_guards(session, &mut prepared.plan))?;
    let plan = &prepared.plan;
    let inputs = (arguments.format == Format::Json).then(|| {
        let jobs = plan.jobs.iter().map(|planned| &planned.job);
        Inputs::new(session, plan_file::files_of(jobs))
    });
    let origin = plan_file::origin(
        session,
        Some(prepared.lineage()),
        inputs.unwrap_or_default(),
    );
    let origin = origin.of_log(prepared.read.position, prepared.read.holder.clone());
    view.plan(&PlanDocument::new(plan, origin))?;
    if !plan.blocked.is_empty() {
        let (_, _, store) = prepared.into_parts();
        store.map_or(Ok(()), StateStore::close)?;
        return Ok(Exit::Blocked);
    }
    if plan.has_work() && !is_approved {
        let can_ask = arguments.format == Format::Human;
        approval::submit(session, plan, can_ask)?;
    }
    if prepared.needs_state(arguments) {
        prepared.own_as_agreed(arguments)?;
    }
    // A saved plan is applied as it was reviewed, whatever the files say by now.
    if saved.is_none() && prepared.plan.has_work() {
        as_planned::check(&prepared.session, &prepared.plan)?;
    }
    let (session, plan, store) = prepared.into_parts();
    match store {
        Some(store) => runtime.block_on(execute::execute(&session, &plan, store, arguments, view)),
        None => Ok(Exit::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, whole};

    #[test]
    fn a_panic_is_a_failure_with_a_way_out() {
        let failure = whole(|| panic!("on purpose")).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert_eq!(failure.diagnostics[0].code, "internal");
    }
}
