//! `--refresh`: what the service says of the recorded jobs, before anything is decided.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::connection::Connection;
use super::failure::Failure;
use super::session::Session;
use crate::api::name::JobId;
use crate::diagnostic::Diagnostic;
use crate::job::{Fingerprint, Job};
use crate::plan::{Drift, Selection};
use crate::report::Asking;
use crate::state::{Record, Records, StateStore};
use crate::status::{self, Recorder, StatusError, Survey};

/// What asking has led to.
pub(super) struct Refreshed {
    /// Records of which something new is known.
    pub(super) changed: Vec<Arc<Record>>,
    /// What the service says otherwise than the records.
    pub(super) drift: Vec<Drift>,
}

impl Refreshed {
    /// Takes what is new into `records`, for this run alone.
    pub(super) fn enter(&self, records: &mut Records) {
        for record in &self.changed {
            records.insert(Arc::clone(record));
        }
    }
}

/// The records that stand for the jobs named, or all.
pub(super) fn of_jobs(records: &Records, jobs: &[Arc<Job>], only: &[String]) -> Vec<Arc<Record>> {
    let selection = Selection::new(only.to_vec());
    let jobs = jobs.iter().filter(|job| selection.contains(&job.key));
    let fingerprints: HashSet<Fingerprint> = jobs.map(|job| job.fingerprint).collect();
    let is_asked = |record: &&Arc<Record>| {
        selection.contains(&record.key) || fingerprints.contains(&record.fingerprint)
    };
    records.iter().filter(is_asked).cloned().collect()
}

/// Asks for the jobs of `records`, and changes nothing.
pub(super) fn ask(session: &Session, records: &[Arc<Record>]) -> Result<Refreshed, Failure> {
    tokio::runtime::Runtime::new()?.block_on(ask_all(session, records))
}

/// Asks for the jobs of `records`, and writes what is new into the state.
pub(super) fn ask_and_record(
    session: &Session,
    store: &StateStore,
    records: &[Arc<Record>],
) -> Result<Refreshed, Failure> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let refreshed = ask_all(session, records).await?;
        Recorder::Open(store).record(&refreshed.changed).await?;
        Ok(refreshed)
    })
}

async fn ask_all(session: &Session, records: &[Arc<Record>]) -> Result<Refreshed, Failure> {
    let mut accepted = records.iter().filter(|record| record.accepted().is_some());
    let Some(first) = accepted.next() else {
        return Ok(Refreshed {
            changed: Vec::new(),
            drift: Vec::new(),
        });
    };
    let (bucket, region) = (first.work.bucket.clone(), first.work.region.clone());
    let connection = Connection::open(session, bucket, region).await?;
    let mut asking = Asking::new(session.ui, 1 + accepted.count());
    let survey = status::survey(&connection.client, records, &mut |answered| {
        asking.answered(answered);
    })
    .await;
    asking.finish();
    connection.close().await;
    let survey = survey.map_err(unanswered)?;
    Ok(Refreshed {
        drift: drift(records, &survey, session.now),
        changed: survey.changed,
    })
}

fn drift(records: &[Arc<Record>], survey: &Survey, now: Timestamp) -> Vec<Drift> {
    let changed = survey.changed.iter();
    let changed: HashMap<_, _> = changed.map(|record| (record.fingerprint, record)).collect();
    let gone: HashSet<&JobId> = survey.gone.iter().collect();
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
    let message = format!("cannot learn what became of the recorded jobs: {error}");
    Diagnostic::error("refresh", message)
        .help("nothing was sent; without --refresh the records alone are looked at")
        .into()
}
