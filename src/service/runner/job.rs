//! One job from its first object to its end.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::Stop;
use super::command::{self, Ended, Output, Subject};
use super::scheduler::Workshop;
use crate::api::name::WorkflowId;
use crate::api::wire::JobState;
use crate::service::bucket::Bucket;
use crate::service::identity;
use crate::service::scan::{self, ScanError};
use crate::service::settings::WorkflowSettings;
use crate::service::store::{Execution, Start, StoreError, StoredJob};

/// How many scanned keys wait for a command at most.
const AHEAD: usize = 256;

/// What a job needs that its bucket or workflow no longer gives.
const GONE: &str = "ResourceNotFound";

/// Runs a job to its end and says whether it is this call that ended it; a job that was stopped
/// goes on another time.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    job: StoredJob,
    stop: watch::Receiver<Stop>,
) -> Result<bool, StoreError> {
    if !workshop
        .store
        .start_job(job.sequence, Timestamp::now())
        .await?
    {
        return Ok(false);
    }
    let sequence = job.sequence;
    let end = match Plan::new(workshop, job) {
        Ok(plan) => {
            let scanned = Arc::new(plan).run(&stop).await?;
            if *stop.borrow() != Stop::GoOn {
                return Ok(false);
            }
            match scanned {
                Ok(()) => judge(workshop, sequence).await?,
                Err(error) => failed(error.code(), error.to_string()),
            }
        }
        Err(message) => failed(GONE, message),
    };
    let (state, code, message) = end;
    let store = &workshop.store;
    store
        .end_job(sequence, state, code, message, Timestamp::now())
        .await
}

type End = (JobState, String, String);

fn failed(code: &str, message: String) -> End {
    (JobState::Failed, code.to_owned(), message)
}

/// Success when every run succeeded.
async fn judge(workshop: &Workshop, job: i64) -> Result<End, StoreError> {
    let tally = workshop.store.tally(job).await?;
    Ok(match tally.first_failure {
        None => (JobState::Success, "Success".to_owned(), String::new()),
        Some((key, message)) => {
            let (failures, total) = (tally.failed, tally.total);
            failed(
                "ExecutionFailed",
                format!("{failures} of {total} runs failed; the first: {key}: {message}"),
            )
        }
    })
}

/// A job with all that it runs with.
#[derive(Debug)]
struct Plan {
    workshop: Arc<Workshop>,
    bucket: Arc<Bucket>,
    workflows: Vec<(WorkflowId, WorkflowSettings)>,
    job: StoredJob,
}

impl Plan {
    /// Settings may have changed since the job was taken in.
    fn new(workshop: &Arc<Workshop>, job: StoredJob) -> Result<Self, String> {
        let bucket = workshop.buckets.get(&job.bucket);
        let bucket = bucket.ok_or_else(|| format!("there is no bucket {} any more", job.bucket))?;
        let ids = job.request.operation.workflow_ids.as_slice();
        let workflows = ids.iter().map(|id| {
            let settings = workshop.workflows.get(id);
            let settings = settings.ok_or_else(|| format!("there is no workflow {id} any more"))?;
            Ok((id.clone(), settings.clone()))
        });
        Ok(Self {
            workshop: Arc::clone(workshop),
            bucket: Arc::clone(bucket),
            workflows: workflows.collect::<Result<_, String>>()?,
            job,
        })
    }

    /// Scans and runs side by side. The inner result is the scan's.
    async fn run(
        self: Arc<Self>,
        stop: &watch::Receiver<Stop>,
    ) -> Result<Result<(), ScanError>, StoreError> {
        let (keys, mut scanned) = mpsc::channel(AHEAD);
        let plan = Arc::clone(&self);
        let scan = tokio::task::spawn_blocking(move || {
            let created = plan.job.created;
            let take = |key| keys.blocking_send(key).is_ok();
            scan::scan(&plan.bucket, &plan.job.request, created, take)
        });
        let mut runs = JoinSet::new();
        let mut outcome = self.dispatch(&mut scanned, &mut runs, stop).await;
        // Ends the scan, if something is left of it.
        drop(scanned);
        while let Some(ended) = runs.join_next().await {
            outcome = outcome.and(flatten(ended));
        }
        outcome?;
        scan.await.map_err(|_| StoreError::Closed)
    }

    /// Starts a run for each key as soon as there is a slot, until the job is stopped.
    async fn dispatch(
        self: &Arc<Self>,
        scanned: &mut mpsc::Receiver<String>,
        runs: &mut JoinSet<Result<(), StoreError>>,
        stop: &watch::Receiver<Stop>,
    ) -> Result<(), StoreError> {
        while let Some(key) = scanned.recv().await {
            for index in 0..self.workflows.len() {
                let slot = Arc::clone(&self.workshop.slots).acquire_owned().await;
                while let Some(ended) = runs.try_join_next() {
                    flatten(ended)?;
                }
                if *stop.borrow() != Stop::GoOn {
                    return Ok(());
                }
                let (plan, key, stop) = (Arc::clone(self), key.clone(), stop.clone());
                runs.spawn(async move {
                    let result = plan.run_one(index, &key, stop).await;
                    drop(slot);
                    result
                });
            }
        }
        Ok(())
    }

    /// One workflow over one object, unless this job has had it.
    async fn run_one(
        &self,
        index: usize,
        key: &str,
        stop: watch::Receiver<Stop>,
    ) -> Result<(), StoreError> {
        let Some((workflow, settings)) = self.workflows.get(index) else {
            return Ok(());
        };
        let store = &self.workshop.store;
        let start = store.start_execution(Execution {
            id: identity::run_id(),
            job: self.job.sequence,
            workflow: workflow.clone(),
            key: key.to_owned(),
            created: Timestamp::now(),
        });
        let Start::Run(id) = start.await? else {
            return Ok(());
        };
        let ended = self
            .execute(workflow, settings, key, &id, stop.clone())
            .await;
        let (state, message) = match ended {
            Ended::Success => (JobState::Success, String::new()),
            Ended::Failed(message) => (JobState::Failed, message),
            Ended::Stopped if *stop.borrow() == Stop::Cancelled => {
                (JobState::Cancel, "cancelled".to_owned())
            }
            // It stays noted as running, and runs again when the service starts again.
            Ended::Stopped => return Ok(()),
        };
        store
            .end_execution(id, state, message, Timestamp::now())
            .await
    }

    async fn execute(
        &self,
        workflow: &WorkflowId,
        settings: &WorkflowSettings,
        key: &str,
        run: &str,
        stop: watch::Receiver<Stop>,
    ) -> Ended {
        if *stop.borrow() != Stop::GoOn {
            return Ended::Stopped;
        }
        let found = match self.bucket.find(key) {
            Ok(found) => found.and_then(|_| self.bucket.path(key)),
            Err(error) => return Ended::Failed(error.to_string()),
        };
        let Some(object) = found else {
            return Ended::Failed(format!("{GONE}: the bucket has no such object"));
        };
        let output = Output::new(&self.workshop.running, run);
        let subject = Subject {
            object: &object,
            key,
            bucket: self.bucket.name.as_str(),
        };
        let folder = &self.workshop.working_folder;
        let ended = command::run(settings, folder, subject, &output, stop).await;
        let ended = ended.and_then(|ended| {
            if ended != Ended::Stopped {
                output.keep(&self.result(workflow, key))?;
            }
            Ok(ended)
        });
        output.discard();
        ended.unwrap_or_else(|error| Ended::Failed(error.to_string()))
    }

    /// Where the result of a run is kept; several workflows of one job keep theirs apart. The key
    /// is plain, because its object was found.
    fn result(&self, workflow: &WorkflowId, key: &str) -> PathBuf {
        let folder = self.workshop.results.join(self.job.id.as_str());
        match self.workflows.as_slice() {
            [_] => folder.join(key),
            _ => folder.join(workflow.as_str()).join(key),
        }
    }
}

/// A run that panicked is as good as one whose end could not be noted: the job cannot end well.
fn flatten(ended: Result<Result<(), StoreError>, JoinError>) -> Result<(), StoreError> {
    ended.unwrap_or(Err(StoreError::Closed))
}
