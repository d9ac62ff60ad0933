//! Waiting for jobs to end, for `status --wait` and `apply --wait` alike.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::job::Fingerprint;
use crate::report::Progress;
use crate::state::Record;
use crate::status::{self, Event, Recorder, Refresher, StatusError, Waited};

/// Another run that records something needs far less.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes what is seen into the session's state.
pub(super) fn recorder(session: &Session, lock_timeout: Duration) -> Recorder<'static> {
    Recorder::Closed {
        state: session.target.state.clone(),
        target: session.target.name.clone(),
        lock_timeout,
    }
}

/// Waits until none of `records` can change any more, recording and showing what happens.
pub(super) async fn follow(
    session: &Session,
    connection: &Connection,
    recorder: &Recorder<'_>,
    mut records: Vec<Arc<Record>>,
    timeout: Option<Duration>,
) -> Result<Exit, Failure> {
    // People find their jobs where every other list has them.
    records.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    let mut progress = Progress::new(session.ui, &records);
    let mut refresher = Refresher::new(connection.client.clone(), records);
    let mut has_failed = false;
    let waited = status::wait(
        &mut refresher,
        recorder,
        timeout,
        &mut || connection.moved(session),
        &mut |event| {
            if let Event::Changed(record) = &event {
                let seen = record.last_seen();
                has_failed |= seen.is_some_and(|seen| seen.state.is_failure());
            }
            progress.event(&event);
        },
    )
    .await;
    drop(progress);
    match waited? {
        Waited::Ended { lost } if lost.is_empty() => {}
        Waited::Ended { lost } => {
            let lost = lost.iter().map(|trouble| {
                Diagnostic::error("job-lost", trouble.to_string())
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
                let problem = Diagnostic::error("status", error.to_string());
                problem
                    .help("nothing was changed; ask again with `stocktake status`")
                    .into()
            }
        }
    }
}

/// `records` with what is newly known of some of them.
pub(super) fn with_news(mut records: Vec<Arc<Record>>, news: &[Arc<Record>]) -> Vec<Arc<Record>> {
    let news = news.iter().map(|record| (record.fingerprint, record));
    let news: HashMap<Fingerprint, &Arc<Record>> = news.collect();
    for record in &mut records {
        if let Some(newer) = news.get(&record.fingerprint) {
            *record = Arc::clone(newer);
        }
    }
    records
}
