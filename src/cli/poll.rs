//! Polling the service: until jobs end for `--wait`, once before a decision for `--refresh`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::{Failure, call_problem, credentials_refused};
use super::notify::Notifier;
use super::session::Session;
use crate::api::name::JobId;
use crate::diagnostic::Diagnostic;
use crate::job::{Fingerprint, Job};
use crate::plan::{Drift, Selection};
use crate::remedy;
use crate::report::{Progress, ProgressLine};
use crate::state::{Record, Records, StateStore};
use crate::status::{
    self, Event, PollError, Poller, ReportError, Round, StatusError, StatusWriter, Waited,
};

/// Another run that records something needs far less.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes what is seen into the session's state.
pub(super) fn writer(session: &Session, lock_timeout: Duration) -> StatusWriter<'static> {
    StatusWriter::Closed {
        state: session.location.clone(),
        target: session.target.name.clone(),
        lock_timeout,
    }
}

/// Waits until none of `records` can change any more, recording and showing what happens.
pub(super) async fn follow(
    session: &Session,
    connection: &Connection,
    writer: &StatusWriter<'_>,
    mut records: Vec<Arc<Record>>,
    timeout: Option<Duration>,
) -> Result<Exit, Failure> {
    // People find their jobs where every other list has them.
    records.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    let mut progress = Progress::new(session.ui, &records);
    let mut poller = Poller::new(connection.client.clone(), records);
    let notifier = Notifier::begin(session);
    let mut has_failed = false;
    let waited = status::wait(
        &mut poller,
        writer,
        timeout,
        &mut || connection.moved(session),
        &mut |event| {
            match &event {
                Event::Changed(record) => {
                    let seen = record.last_seen();
                    has_failed |= seen.is_some_and(|seen| seen.state.is_failure());
                }
                Event::Ending(records) => notifier.ending(records),
                Event::Recorded => notifier.recorded(),
                Event::Unanswered(_) | Event::Tick(_) => {}
            }
            progress.event(&event);
        },
    )
    .await;
    drop(progress);
    notifier.end().await;
    match waited? {
        Waited::Ended { lost } if lost.is_empty() => {}
        Waited::Ended { lost } => {
            let lost = lost.iter().map(|error| {
                Diagnostic::error("job-lost", error.to_string())
                    .help("look it up in the console; `stocktake state rm KEY` forgets it")
            });
            return Err(lost.collect::<Vec<_>>().into());
        }
        Waited::TimedOut => {
            let problem =
                Diagnostic::error("timeout", "the time is up, and jobs are still running");
            return Err(problem
                .help("they go on; wait again with `stocktake status --wait`")
                .into());
        }
    }
    Ok(if has_failed {
        Exit::JobFailed
    } else {
        Exit::Done
    })
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::State(error) => error.into(),
            StatusError::Client(error) => error.into(),
            StatusError::Call(error) => {
                let otherwise = "nothing was changed; ask again with `stocktake status`";
                let refused = credentials_refused(&error);
                refused
                    .unwrap_or_else(|| call_problem("status", &error, otherwise))
                    .into()
            }
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Status(error) => error.into(),
            ReportError::Endless(_) => Diagnostic::error("report", error.to_string())
                .help("the report is not complete; ask the service's support about this job")
                .into(),
            ReportError::Output(error) => error.into(),
        }
    }
}

/// What the service says of recorded jobs.
pub(super) struct Refreshed {
    /// Records of which something new is known.
    pub(super) changed: Vec<Arc<Record>>,
    /// What the service says otherwise than the records; absent where there was nothing to ask.
    pub(super) drift: Option<Vec<Drift>>,
}

impl Refreshed {
    /// Takes what is new into `records`, for this run alone.
    pub(super) fn apply_to(&self, records: &mut Records) {
        for record in &self.changed {
            records.insert(Arc::clone(record));
        }
    }
}

/// The records that stand for the jobs named, or all.
pub(super) fn records_of(
    records: &Records,
    jobs: &[Arc<Job>],
    only: &[String],
) -> Vec<Arc<Record>> {
    let selection = Selection::new(only.to_vec());
    let jobs = jobs.iter().filter(|job| selection.contains(&job.key));
    let fingerprints: HashSet<Fingerprint> = jobs.map(|job| job.fingerprint).collect();
    let is_asked = |record: &&Arc<Record>| {
        selection.contains(&record.key) || fingerprints.contains(&record.fingerprint)
    };
    records.iter().filter(is_asked).cloned().collect()
}

/// Asks for the jobs of `records`, and changes nothing.
pub(super) fn refresh(session: &Session, records: &[Arc<Record>]) -> Result<Refreshed, Failure> {
    tokio::runtime::Runtime::new()?.block_on(refresh_all(session, records))
}

/// Asks for the jobs of `records`, and writes what is new into the state.
pub(super) fn refresh_and_record(
    session: &Session,
    store: &StateStore,
    records: &[Arc<Record>],
) -> Result<Refreshed, Failure> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let refreshed = refresh_all(session, records).await?;
        StatusWriter::Open(store).write(&refreshed.changed).await?;
        Ok(refreshed)
    })
}

async fn refresh_all(session: &Session, records: &[Arc<Record>]) -> Result<Refreshed, Failure> {
    let mut accepted = records.iter().filter(|record| record.accepted().is_some());
    let Some(first) = accepted.next() else {
        session
            .ui
            .note("no accepted job is recorded, so there is none to refresh")?;
        return Ok(Refreshed {
            changed: Vec::new(),
            drift: None,
        });
    };
    let (bucket, region) = (first.work.bucket.clone(), first.work.region.clone());
    let connection = Connection::open(session, bucket, region).await?;
    let mut progress = ProgressLine::new(session.ui);
    let jobs = 1 + accepted.count();
    let round = status::poll_all(&connection.client, records, &mut |answered| {
        progress.answered(answered, jobs);
    })
    .await;
    drop(progress);
    connection.close().await;
    let round = round.map_err(unanswered)?;
    Ok(Refreshed {
        drift: Some(drift(records, &round, session.now)),
        changed: round.changed,
    })
}

fn drift(records: &[Arc<Record>], round: &Round, now: Timestamp) -> Vec<Drift> {
    let changed = round.changed.iter();
    let changed: HashMap<_, _> = changed.map(|record| (record.fingerprint, record)).collect();
    let gone: HashSet<&JobId> = round.errors.iter().filter_map(PollError::gone).collect();
    let differs = |record: &Arc<Record>| {
        let (_, job_id) = record.accepted()?;
        if let Some(news) = changed.get(&record.fingerprint) {
            return Drift::between(record, news);
        }
        let is_gone = gone.contains(job_id);
        is_gone.then(|| Drift::unknown(record, status::is_fresh(record, now)))?
    };
    let mut drift: Vec<Drift> = records.iter().filter_map(differs).collect();
    drift
        .sort_by(|left, right| (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint)));
    drift
}

fn unanswered(error: StatusError) -> Failure {
    let StatusError::Call(error) = error else {
        return error.into();
    };
    if let Some(refused) = credentials_refused(&error) {
        return refused.into();
    }
    let message = format!("cannot learn what became of the recorded jobs: {error}");
    let otherwise = "nothing was sent; without --refresh the records alone are looked at";
    let help = remedy::of_call(&error).unwrap_or(otherwise);
    Diagnostic::error("refresh", message).help(help).into()
}
