//! An apply beside the watch: submits, then follows the jobs until they end or until there is more
//! to submit.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::apply;
use crate::cli::as_planned;
use crate::cli::connection::{Connection, first_bucket};
use crate::cli::estimate;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::notify;
use crate::cli::poll;
use crate::cli::session::Session;
use crate::cli::signals::Interrupts;
use crate::cli::strangers;
use crate::plan::{self, Plan, PlannedJob};
use crate::report::{self, ApplyReporter};
use crate::state::StateStore;
use crate::status::{self, StatusWriter};

/// An apply under way.
pub(super) struct Applying {
    /// Polled by the watch itself: what is in flight goes on between two looks.
    task: Pin<Box<dyn Future<Output = Result<Ending, Failure>>>>,
    enough: watch::Sender<bool>,
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// What could be done is done.
    Done,
    /// Another run writes the state; nothing was done.
    Locked,
    /// The state says something else than the plan that was agreed to; nothing was done.
    Outdated,
    /// A job file says something else than the plan that was agreed to; nothing was done.
    FileChanged,
    /// A guard that depends on an estimate forbids it; nothing was done.
    Blocked,
}

impl Applying {
    /// Begins to apply what `plan` shows.
    pub(super) fn begin(session: Arc<Session>, plan: Plan, interrupts: Interrupts) -> Self {
        let (enough, asked) = watch::channel(false);
        let task = Box::pin(async move { run(&session, &plan, interrupts, asked).await });
        Self { task, enough }
    }

    /// Asks it to end as soon as nothing of it is in flight.
    pub(super) fn stop_after_flight(&self) {
        self.enough.send_replace(true);
    }

    /// Waits for its end; never returns where there is none. Cancel safe.
    pub(super) async fn join(applying: &mut Option<Self>) -> Result<Ending, Failure> {
        let Some(under_way) = applying else {
            return std::future::pending().await;
        };
        let ending = under_way.task.as_mut().await;
        *applying = None;
        ending
    }
}

async fn run(
    session: &Session,
    shown: &Plan,
    interrupts: Interrupts,
    enough: watch::Receiver<bool>,
) -> Result<Ending, Failure> {
    let store = match session.open_state(Some(Duration::ZERO)) {
        Ok(store) => store,
        Err(failure) if failure.exit == Exit::Locked => return Ok(Ending::Locked),
        Err(failure) => return Err(failure),
    };
    let jobs = shown.jobs.iter().map(|planned| Arc::clone(&planned.job));
    let mut plan = plan::plan(jobs, &store.records(), session.limits(None));
    if !plan.blocked.is_empty() || submits_more(shown, &plan) {
        store.close()?;
        return Ok(Ending::Outdated);
    }
    estimate::estimate_for_guards(session, &mut plan).await?;
    if !plan.blocked.is_empty() {
        store.close()?;
        for blocked in plan.blocked.iter().map(|blocked| &blocked.message) {
            session
                .ui
                .note(format!("blocked: {blocked}; nothing was submitted"))?;
        }
        return Ok(Ending::Blocked);
    }
    if plan.has_work() && as_planned::changed(session, &plan).is_some() {
        store.close()?;
        return Ok(Ending::FileChanged);
    }
    let follows = session.target.embedded().is_some();
    let is_open = || {
        store
            .records()
            .iter()
            .any(|record| status::may_change(record))
    };
    let bucket = first_bucket(session, &plan, &store.records());
    let Some((bucket, region)) = bucket.filter(|_| plan.has_work() || (follows && is_open()))
    else {
        store.close()?;
        return Ok(Ending::Done);
    };
    let connection = Connection::open(session, bucket, region).await?;
    connection.check_buckets(&plan)?;
    let result = match is_known(session, &plan, &store, &connection).await {
        Ok(true) => submit(session, &plan, &store, &connection, &interrupts)
            .await
            .map(|()| Ending::Done),
        Ok(false) => Ok(Ending::Blocked),
        Err(failure) => Err(failure),
    };
    let result = match result {
        Ok(Ending::Done) if follows => {
            let followed = follow(session, &store, &connection, interrupts, enough).await;
            followed.map(|()| Ending::Done)
        }
        other => other,
    };
    connection.close().await;
    store.close()?;
    result
}

/// Whether the state knows every job of the service that does work of the plan.
async fn is_known(
    session: &Session,
    plan: &Plan,
    store: &StateStore,
    connection: &Connection,
) -> Result<bool, Failure> {
    let (records, known) = (store.records(), &store.header().listed);
    let Some(found) = strangers::look(session, connection, plan, &records, known).await? else {
        return Ok(true);
    };
    store.note_listed(&found.listed);
    let (mut out, width) = (session.ui.data(), session.ui.look().width);
    report::plan_blocked(&mut out, &found.blocked, width)?;
    Ok(found.blocked.is_empty())
}

/// Whether a plan would submit a job that the one that was shown would not.
fn submits_more(shown: &Plan, now: &Plan) -> bool {
    let both = shown.jobs.iter().zip(&now.jobs);
    let submits_more =
        |(shown, now): (&PlannedJob, &PlannedJob)| now.action.submits() && !shown.action.submits();
    both.into_iter().any(submits_more)
}

async fn submit(
    session: &Session,
    plan: &Plan,
    store: &StateStore,
    connection: &Connection,
    interrupts: &Interrupts,
) -> Result<(), Failure> {
    if !plan.has_work() {
        return Ok(());
    }
    let reporter = ApplyReporter::new(session.ui);
    let options = connection.options();
    let interrupt = interrupts.interrupt.clone();
    let outcome = apply::apply(
        plan,
        store,
        &connection.client,
        &options,
        interrupt,
        &|event| {
            // A closed terminal must not stop what is being recorded.
            let _ = reporter.event(&event);
        },
    )
    .await;
    report::apply_outcome(&mut session.ui.data(), &outcome)?;
    notify::unresolved(session, &outcome).await;
    Ok(())
}

/// Reports how jobs end, until something else is asked for.
async fn follow(
    session: &Session,
    store: &StateStore,
    connection: &Connection,
    mut interrupts: Interrupts,
    mut enough: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let records = store.records();
    let open = records.iter().filter(|record| status::may_change(record));
    let open = open.cloned().collect();
    let writer = StatusWriter::Open(store);
    tokio::select! {
        result = poll::follow(session, connection, &writer, open, None) => result.map(drop),
        () = interrupts.arrived() => Ok(()),
        _ = enough.wait_for(|enough| *enough) => Ok(()),
    }
}
