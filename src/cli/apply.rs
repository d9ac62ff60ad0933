//! `stocktake apply`

use std::collections::HashSet;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::following;
use super::options::GlobalOptions;
use super::plan_file;
use super::session::Session;
use super::settings::Settings;
use super::signals::Interrupts;
use crate::api::name::{BucketName, Region};
use crate::apply::{self, ApplyOutcome, Event, Halt};
use crate::diagnostic::Diagnostic;
use crate::job::Fingerprint;
use crate::plan::{self, Plan, PlanDocument};
use crate::report::{self, ApplyReporter, ApplyStream, PlanView, Ui};
use crate::state::{Expected, OpenOptions, Record, Records, StateError, StateStore};
use crate::status::{self, Recorder};

/// Submit what is new, each job exactly once, and record it
///
/// Shows the plan first. On the embedded target it asks nobody and waits for the jobs to end, because
/// they run in this process; on any other target it asks, or needs --auto-approve.
#[derive(Debug, Args)]
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

    /// Do not ask
    #[arg(long)]
    auto_approve: bool,

    /// How many submissions are in flight at once
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1024))]
    parallelism: u16,

    /// Allow this many submissions in this run, instead of what the target allows
    #[arg(long, value_name = "N")]
    max_submissions: Option<usize>,

    /// How long to wait for another run that writes the state, such as 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    lock_timeout: Duration,

    /// Wait until every job has ended
    #[arg(long)]
    wait: bool,

    /// The form of what is said: human, json (one event a line)
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
    /// For people
    Human,
    /// For programs: JSON Lines, the last one a summary
    Json,
}

impl ApplyArgs {
    /// Jobs of an embedded target run in this process, and are waited for.
    fn waits(&self, session: &Session) -> bool {
        self.wait || session.target.embedded().is_some()
    }
}

/// Says what happens, in the form that is asked for.
enum View {
    Human(Ui, ApplyReporter),
    Json(ApplyStream),
}

impl View {
    fn plan(&self, plan: &PlanDocument) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) => {
                let view = PlanView {
                    plan,
                    all: false,
                    details: false,
                    next: None,
                    width: ui.look().width,
                };
                report::plan_human(&mut ui.data(), &view)
            }
            Self::Json(stream) => stream.plan(plan),
        }
    }

    fn event(&self, event: &Event) -> std::io::Result<()> {
        match self {
            Self::Human(_, reporter) => reporter.event(event),
            Self::Json(stream) => stream.event(event),
        }
    }

    fn outcome(&self, outcome: &ApplyOutcome) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) => report::apply_outcome(&mut ui.data(), outcome),
            Self::Json(stream) => {
                stream.outcome(outcome);
                Ok(())
            }
        }
    }

    /// People have seen it as it happened.
    fn status(&self, record: &Record) -> std::io::Result<()> {
        match self {
            Self::Human(..) => Ok(()),
            Self::Json(stream) => stream.status(record),
        }
    }

    /// The stream ends with a summary, whatever happened.
    fn end(&self, result: &Result<Exit, Failure>) -> std::io::Result<()> {
        let Self::Json(stream) = self else {
            return Ok(());
        };
        match result {
            Ok(exit) => stream.end(exit.code()),
            Err(failure) => {
                for finding in &failure.diagnostics {
                    stream.diagnostic(finding)?;
                }
                stream.end(failure.exit.code())
            }
        }
    }
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| "write a length of time such as 30s or 5m".to_owned())
}

pub(super) fn run(
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let view = match arguments.format {
        Format::Human => View::Human(ui, ApplyReporter::new(ui)),
        Format::Json => View::Json(ApplyStream::begin(ui)?),
    };
    let result = run_in(&view, arguments, options, settings, ui);
    view.end(&result)?;
    result
}

fn run_in(
    view: &View,
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let saved = arguments.plan_file.as_deref();
    let (session, store, plan) = match saved {
        Some(path) => prepare_saved(arguments, path, options, settings, ui)?,
        None => prepare(arguments, options, settings, ui)?,
    };
    let lineage = Some(store.header().lineage.clone());
    let origin = plan_file::origin(&session, lineage, &plan, arguments.format == Format::Json);
    view.plan(&PlanDocument::new(plan.clone(), origin))?;
    if !plan.blocked.is_empty() {
        store.close()?;
        return Ok(Exit::Blocked);
    }
    let embedded = session.target.embedded().is_some();
    let is_approved = embedded || arguments.auto_approve || saved.is_some();
    if plan.has_work() && !is_approved {
        approve(&session, arguments.format)?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(execute(&session, &plan, store, arguments, view))
}

/// Plans now, under the lock.
fn prepare(
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<(Session, StateStore, Plan), Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.jobs()?;
    let store = open_state(&session, arguments.lock_timeout)?;
    let plan = session.plan_only(
        jobs,
        &store.records(),
        arguments.max_submissions,
        &arguments.only,
    )?;
    Ok((session, store, plan))
}

/// Takes the plan from a file, if everything that it assumes still holds under the lock.
fn prepare_saved(
    arguments: &ApplyArgs,
    path: &Path,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<(Session, StateStore, Plan), Failure> {
    let document = plan_file::read(path)?;
    if let Some(asked) = options
        .target
        .as_ref()
        .filter(|asked| **asked != document.target)
    {
        return Err(plan_file::other_target(&document, asked));
    }
    let options = GlobalOptions {
        target: Some(document.target.clone()),
        ..options.clone()
    };
    let session = Session::open(&options, settings, ui)?;
    let expected = Expected {
        lineage: document.lineage.as_ref(),
        ..session.expected()
    };
    let store = match lock_state(&session, expected, arguments.lock_timeout) {
        Err(error @ StateError::Foreign { .. }) => return Err(plan_file::other_state(&error)),
        other => other?,
    };
    let limits = session.limits(arguments.max_submissions);
    let plan = plan::confirm(document, &store.records(), limits)
        .map_err(|jobs| plan_file::stale(&jobs))?;
    Ok((session, store, plan))
}

/// Opens the state for writing. Only the embedded target may begin one by itself.
pub(super) fn open_state(session: &Session, lock_timeout: Duration) -> Result<StateStore, Failure> {
    Ok(lock_state(session, session.expected(), lock_timeout)?)
}

fn lock_state(
    session: &Session,
    expected: Expected<'_>,
    lock_timeout: Duration,
) -> Result<StateStore, StateError> {
    let options = OpenOptions {
        create: session.target.embedded().is_some(),
        lock_timeout,
    };
    let ui = session.ui;
    StateStore::open_for_writing(&session.target.state, expected, options, &mut |holder| {
        let holder = holder
            .map(|holder| format!(" (process {} on {})", holder.pid, holder.host))
            .unwrap_or_default();
        let _ = ui.note(format!(
            "waiting for another run that writes the state{holder}"
        ));
    })
}

/// Asks on a terminal; elsewhere nobody could answer.
fn approve(session: &Session, format: Format) -> Result<(), Failure> {
    let target = &session.target.name;
    let can_ask =
        std::io::stdin().is_terminal() && !session.settings.no_input && format == Format::Human;
    if !can_ask {
        let message = format!("`{target}` costs money, and there is nobody to ask");
        return Err(Diagnostic::error("approval", message)
            .help("nothing was sent; give --auto-approve, or a plan that `plan --out` kept")
            .into());
    }
    let mut out = session.ui.messages();
    let wanted = &session.target.confirm;
    write!(out, "\nSubmit to `{target}`? Only `{wanted}` does: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() == wanted {
        return Ok(());
    }
    Err(Diagnostic::error("approval", "declined; nothing was sent").into())
}

async fn execute(
    session: &Session,
    plan: &Plan,
    store: StateStore,
    arguments: &ApplyArgs,
    view: &View,
) -> Result<Exit, Failure> {
    let may_change = store
        .records()
        .iter()
        .any(|record| status::may_change(record));
    let Some((bucket, region)) = first_bucket(session, plan, &store)
        .filter(|_| plan.has_work() || (arguments.waits(session) && may_change))
    else {
        store.close()?;
        return Ok(Exit::Done);
    };
    let interrupts = Interrupts::listen()?;
    let connection = Connection::open(session, bucket, region).await?;
    let submitted = submit(
        session,
        plan,
        &store,
        &connection,
        arguments,
        &interrupts,
        view,
    )
    .await;
    let records = store.records();
    // The service that runs in this process ends with it: nobody else may begin to rely on it.
    let held = if session.target.embedded().is_some() {
        Some(store)
    } else {
        store.close()?;
        None
    };
    let result = match submitted {
        Ok(Exit::Done) if arguments.waits(session) => {
            let recorder = held.as_ref().map_or_else(
                || following::recorder(session, following::LOCK_TIMEOUT),
                Recorder::Open,
            );
            wait(session, &connection, &recorder, &records, interrupts, view).await
        }
        submitted => submitted,
    };
    connection.close().await;
    if let Some(store) = held {
        store.close()?;
    }
    result
}

/// The bucket to connect to first; the client goes on to others by itself.
pub(super) fn first_bucket(
    session: &Session,
    plan: &Plan,
    store: &StateStore,
) -> Option<(BucketName, Region)> {
    let of_target = session
        .target
        .bucket
        .clone()
        .zip(session.target.region.clone());
    let of_plan = || {
        plan.jobs.first().map(|planned| {
            (
                planned.job.work.bucket.clone(),
                planned.job.work.region.clone(),
            )
        })
    };
    let of_state = || {
        store
            .records()
            .iter()
            .next()
            .map(|record| (record.work.bucket.clone(), record.work.region.clone()))
    };
    of_target.or_else(of_plan).or_else(of_state)
}

async fn submit(
    session: &Session,
    plan: &Plan,
    store: &StateStore,
    connection: &Connection,
    arguments: &ApplyArgs,
    interrupts: &Interrupts,
    view: &View,
) -> Result<Exit, Failure> {
    let options = apply::Options {
        parallelism: usize::from(arguments.parallelism),
        look_up_after: connection.look_up_after,
        rate: session.target.rate,
        ..apply::Options::default()
    };
    let outcome = apply::apply(
        plan,
        store,
        &connection.client,
        &options,
        interrupts.interrupt.clone(),
        &|event| {
            // A closed terminal must not stop what is being recorded.
            let _ = view.event(&event);
        },
    )
    .await;
    if plan.has_work() {
        view.outcome(&outcome)?;
    }
    Ok(exit(&outcome, interrupts))
}

fn exit(outcome: &ApplyOutcome, interrupts: &Interrupts) -> Exit {
    if outcome.unresolved() > 0 {
        Exit::Unresolved
    } else if let Some(exit) = interrupts.exit() {
        exit
    } else if outcome.rejected() > 0
        || outcome.not_attempted() > 0
        || matches!(outcome.halt, Some(Halt::StateUnwritable(_)))
    {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// Waits until nothing can change any more.
async fn wait(
    session: &Session,
    connection: &Connection,
    recorder: &Recorder<'_>,
    records: &Records,
    mut interrupts: Interrupts,
    view: &View,
) -> Result<Exit, Failure> {
    let open = records.iter().filter(|record| status::may_change(record));
    let open: Vec<Arc<Record>> = open.cloned().collect();
    let waited_for: HashSet<Fingerprint> = open.iter().map(|record| record.fingerprint).collect();
    tokio::select! {
        result = following::follow(session, connection, recorder, open, None) => {
            let records = session.records()?;
            let ended = records.iter().filter(|record| waited_for.contains(&record.fingerprint));
            for record in ended {
                view.status(record)?;
            }
            result
        }
        () = interrupts.arrived() => {
            session.ui.note("interrupted; the jobs stay as they are recorded")?;
            Ok(interrupts.exit().unwrap_or(Exit::Interrupted))
        }
    }
}
