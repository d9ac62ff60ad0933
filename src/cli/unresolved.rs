//! Unresolved submissions outside of an apply: looked up as they are, and not ended by hand before
//! the service can take them no more.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep;

use super::connection::Connection;
use super::failure::Failure;
use super::session::Session;
use crate::apply::{self, Interrupt, fence};
use crate::diagnostic::Diagnostic;
use crate::report::ApplyReporter;
use crate::state::{Hold, Record, Records, StateError, Submission};

/// A moment that is further away is not waited for.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// Looks up every unresolved submission of the state, as far as the service's list says something by
/// now. A run that has the state open does that itself.
pub(super) async fn look_up(session: &Session, records: &Records) -> Result<(), Failure> {
    let mut unresolved = records
        .iter()
        .filter(|record| record.unresolved().is_some());
    let Some(first) = unresolved.next() else {
        return Ok(());
    };
    let (bucket, region) = (first.work.bucket.clone(), first.work.region.clone());
    let store = match session.lock_state(session.expected(), Some(Duration::ZERO), Hold::Throughout)
    {
        Err(StateError::Locked { .. }) => return Ok(()),
        store => store?,
    };
    let connection = match Connection::open(session, bucket, region).await {
        Ok(connection) => connection,
        // The records can be shown all the same.
        Err(failure) => {
            let reasons = failure
                .diagnostics
                .iter()
                .map(|problem| problem.message.as_str());
            let reasons = reasons.collect::<Vec<_>>().join("; ");
            return Ok(session
                .ui
                .note(format!("what is unresolved cannot be looked up: {reasons}"))?);
        }
    };
    let options = apply::Options {
        waits: false,
        ..connection.options()
    };
    let reporter = ApplyReporter::new(session.ui);
    let (_person, interrupt) = watch::channel(Interrupt::No);
    apply::look_up(&store, &connection.client, &options, interrupt, &|event| {
        let _ = reporter.event(&event);
    })
    .await;
    connection.close().await;
    match store.close() {
        // What another run came before is looked up by that one.
        Err(StateError::Fenced { .. } | StateError::Unconfirmed { .. }) => Ok(()),
        closed => Ok(closed?),
    }
}

/// Waits until the service can no longer take any unresolved submission of `records`, and its list
/// shows what it took: a person who ended one earlier could be wrong a moment later.
pub(super) async fn wait_for_window(
    session: &Session,
    records: &[Arc<Record>],
) -> Result<(), Failure> {
    let is_open = |record: &&Arc<Record>| record.unresolved().is_some();
    let Some(first) = records.iter().find(is_open) else {
        return Ok(());
    };
    // An embedded service that does not run takes nothing.
    if session.check_running().is_err() {
        return Ok(());
    }
    let (bucket, region) = (first.work.bucket.clone(), first.work.region.clone());
    let connection = Connection::open(session, bucket, region).await;
    let mut waited = Ok(());
    for record in records.iter().filter(is_open) {
        let moment = match &connection {
            Ok(connection) => by_service_clock(connection, record).await,
            Err(_) => Err("there is no connection to it".to_owned()),
        };
        let (end, left) = moment.or_else(|reason| by_own_clock(session, record, &reason))?;
        waited = wait(session, record, end, left).await;
        if waited.is_err() {
            break;
        }
    }
    if let Ok(connection) = connection {
        connection.close().await;
    }
    waited
}

/// A moment, and how far away it is.
type Moment = (Timestamp, Duration);

async fn by_service_clock(connection: &Connection, record: &Record) -> Result<Moment, String> {
    let Some(settle) = connection.settle else {
        return Ok((Timestamp::MIN, Duration::ZERO));
    };
    let work = &record.work;
    let client = connection.client.for_bucket(&work.bucket, &work.region);
    let client = client.map_err(|error| error.to_string())?;
    let asked = client.synchronize().await;
    asked.map_err(|error| error.to_string())?;
    let end = |submission: &Submission| {
        let end = fence::ends_by_service_clock(submission, settle);
        end.unwrap_or_else(|| fence::ends_by_own_clock(submission))
    };
    let end = record.all_unresolved().map(end).max();
    let end = end.unwrap_or(Timestamp::MIN);
    Ok((end, left(end, client.clock().early())))
}

fn by_own_clock(session: &Session, record: &Record, reason: &str) -> Result<Moment, Failure> {
    session.ui.note(format!(
        "the service's time is not known ({reason}): going by this machine's clock"
    ))?;
    let end = record.all_unresolved().map(fence::ends_by_own_clock).max();
    let end = end.unwrap_or(Timestamp::MIN);
    Ok((end, left(end, Some(Timestamp::now()))))
}

/// How long it takes until the second of `end` is over.
fn left(end: Timestamp, now: Option<Timestamp>) -> Duration {
    let over = end.checked_add(Duration::from_secs(1));
    let over = over.unwrap_or(Timestamp::MAX);
    let left = over.duration_since(now.unwrap_or(Timestamp::MIN));
    Duration::try_from(left).unwrap_or_default()
}

async fn wait(
    session: &Session,
    record: &Record,
    end: Timestamp,
    left: Duration,
) -> Result<(), Failure> {
    let key = &record.key;
    if left > MAX_WAIT {
        let message =
            format!("the service may still take the submission of `{key}` until {end:.0}");
        let problem = Diagnostic::error("window", message);
        return Err(problem.help("run the command again then").into());
    }
    if !left.is_zero() {
        session.ui.note(format!(
            "waiting {left:.0?}, until {end:.0}: so long the service may take the submission of `{key}`"
        ))?;
        sleep(left).await;
    }
    Ok(())
}
