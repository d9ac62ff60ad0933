//! One job from its first object to its end.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::command::{self, Outcome, Output, Subject, Surroundings};
use super::context::{RunnerContext, Stop, stopped};
use super::message::cut;
use super::nodes::NodeRun;
use crate::api::name::WorkflowId;
use crate::api::objects::Budget;
use crate::api::wire::{Definition, JobState};
use crate::service::bucket::Bucket;
use crate::service::ids;
use crate::service::scan::{self, ScanError};
use crate::service::settings::WorkflowSettings;
use crate::service::store::{Execution, Start, StoreError, StoredJob};
use crate::stop::StopFlag;

/// How many scanned keys wait for a command at most.
const AHEAD: usize = 256;

/// The code for a bucket, workflow or object that is no longer there.
const GONE: &str = "ResourceNotFound";

/// Runs a job to its end. False if something else ended it, or if it was stopped and goes on at the
/// next start.
pub(super) async fn run(
    context: &Arc<RunnerContext>,
    job: StoredJob,
    stop: watch::Receiver<Stop>,
) -> Result<bool, StoreError> {
    if !context
        .store
        .start_job(job.sequence, Timestamp::now())
        .await?
    {
        return Ok(false);
    }
    let sequence = job.sequence;
    let end = match JobRun::new(context, job).await? {
        Ok(job_run) => {
            let scanned = Arc::new(job_run).run(&stop).await?;
            if *stop.borrow() != Stop::GoOn {
                return Ok(false);
            }
            match scanned {
                Ok(()) => judge(context, sequence).await?,
                Err(error) => failed(error.code(), error.to_string()),
            }
        }
        Err(message) => failed(GONE, message),
    };
    let (state, code, message) = end;
    let store = &context.store;
    store
        .end_job(sequence, state, code, message, Timestamp::now())
        .await
}

/// How a job ended: state, code and message.
type JobEnd = (JobState, String, String);

fn failed(code: &str, message: String) -> JobEnd {
    (JobState::Failed, code.to_owned(), cut(message))
}

/// Success if every run succeeded.
async fn judge(context: &RunnerContext, job: i64) -> Result<JobEnd, StoreError> {
    let tally = context.store.tally(job).await?;
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

/// What a workflow runs.
#[derive(Debug)]
enum Program {
    /// One of the settings.
    Command(WorkflowSettings),
    /// One that was made through the API.
    Nodes(Definition),
}

/// A job with its bucket and workflows.
#[derive(Debug)]
struct JobRun {
    context: Arc<RunnerContext>,
    bucket: Arc<Bucket>,
    workflows: Vec<(WorkflowId, Program)>,
    job: StoredJob,
}

impl JobRun {
    /// Fails if the settings have changed since the trigger.
    async fn new(
        context: &Arc<RunnerContext>,
        job: StoredJob,
    ) -> Result<Result<Self, String>, StoreError> {
        let Some(bucket) = context.buckets.get(&job.bucket) else {
            return Ok(Err(format!("there is no bucket {} any more", job.bucket)));
        };
        let mut workflows = Vec::new();
        for id in job.request.operation.workflow_ids.as_slice() {
            let program = if let Some(settings) = context.workflows.get(id) {
                Some(Program::Command(settings.clone()))
            } else {
                let stored = context.store.workflow(job.bucket.clone(), id.clone());
                let stored = stored.await?;
                stored.map(|workflow| Program::Nodes(workflow.definition))
            };
            match program {
                Some(program) => workflows.push((id.clone(), program)),
                None => return Ok(Err(format!("there is no workflow {id} any more"))),
            }
        }
        Ok(Ok(Self {
            context: Arc::clone(context),
            bucket: Arc::clone(bucket),
            workflows,
            job,
        }))
    }

    /// Scans and runs concurrently. The inner result is that of the scan.
    async fn run(
        self: Arc<Self>,
        stop: &watch::Receiver<Stop>,
    ) -> Result<Result<(), ScanError>, StoreError> {
        let (keys, mut scanned) = mpsc::channel(AHEAD);
        let job_run = Arc::clone(&self);
        let flag = StopFlag::default();
        // Ends the scan, if something is left of it, however this ends.
        let scanning = flag.raise_on_drop();
        let budget = Budget::new(self.context.list_limits, flag);
        let scan = tokio::task::spawn_blocking(move || {
            let created = job_run.job.created;
            let take = |key| keys.blocking_send(key).is_ok();
            scan::scan(
                &job_run.bucket,
                &job_run.job.request,
                created,
                &budget,
                take,
            )
        });
        let mut runs = JoinSet::new();
        let mut until = stop.clone();
        let mut outcome = tokio::select! {
            biased;
            () = stopped(&mut until) => Ok(()),
            outcome = self.dispatch(&mut scanned, &mut runs, stop) => outcome,
        };
        drop((scanned, scanning));
        while let Some(ended) = runs.join_next().await {
            outcome = outcome.and(flatten(ended));
        }
        outcome?;
        scan.await.map_err(|_| StoreError::Closed)
    }

    /// Starts a run for each key as soon as there is a slot.
    async fn dispatch(
        self: &Arc<Self>,
        scanned: &mut mpsc::Receiver<String>,
        runs: &mut JoinSet<Result<(), StoreError>>,
        stop: &watch::Receiver<Stop>,
    ) -> Result<(), StoreError> {
        while let Some(key) = scanned.recv().await {
            for index in 0..self.workflows.len() {
                let slot = Arc::clone(&self.context.slots).acquire_owned().await;
                while let Some(ended) = runs.try_join_next() {
                    flatten(ended)?;
                }
                let (job_run, key, stop) = (Arc::clone(self), key.clone(), stop.clone());
                runs.spawn(async move {
                    let result = job_run.run_one(index, &key, stop).await;
                    drop(slot);
                    result
                });
            }
        }
        Ok(())
    }

    /// Runs one workflow over one object, unless this job has done so before.
    async fn run_one(
        &self,
        index: usize,
        key: &str,
        stop: watch::Receiver<Stop>,
    ) -> Result<(), StoreError> {
        let Some((workflow, program)) = self.workflows.get(index) else {
            return Ok(());
        };
        let store = &self.context.store;
        let start = store.start_execution(Execution {
            id: ids::run_id(),
            job: self.job.sequence,
            workflow: workflow.clone(),
            key: key.to_owned(),
            created: Timestamp::now(),
        });
        let Start::Run(id) = start.await? else {
            return Ok(());
        };
        let ended = self
            .execute(workflow, program, key, &id, stop.clone())
            .await?;
        let (state, message) = match ended {
            Outcome::Success => (JobState::Success, String::new()),
            Outcome::Failed(message) => (JobState::Failed, cut(message)),
            Outcome::Stopped if *stop.borrow() == Stop::Cancelled => {
                (JobState::Cancel, "cancelled".to_owned())
            }
            // It stays `Running` in the database and runs again at the next start.
            Outcome::Stopped => return Ok(()),
        };
        store
            .end_execution(id, state, message, Timestamp::now())
            .await
    }

    async fn execute(
        &self,
        workflow: &WorkflowId,
        program: &Program,
        key: &str,
        run: &str,
        stop: watch::Receiver<Stop>,
    ) -> Result<Outcome, StoreError> {
        if *stop.borrow() != Stop::GoOn {
            return Ok(Outcome::Stopped);
        }
        match self.bucket.find(key) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let message = format!("{GONE}: the bucket has no such object");
                return Ok(Outcome::Failed(message));
            }
            Err(error) => return Ok(Outcome::Failed(error.to_string())),
        }
        match program {
            Program::Command(settings) => {
                Ok(self.command(workflow, settings, key, run, stop).await)
            }
            Program::Nodes(definition) => {
                let run = NodeRun {
                    context: &self.context,
                    bucket: &self.bucket,
                    definition,
                    key,
                    run,
                    results: self.context.results.join(self.job.id.as_str()),
                };
                run.run(stop).await
            }
        }
    }

    /// Runs the command of a workflow of the settings.
    async fn command(
        &self,
        workflow: &WorkflowId,
        settings: &WorkflowSettings,
        key: &str,
        run: &str,
        stop: watch::Receiver<Stop>,
    ) -> Outcome {
        let object = self.bucket.path(key);
        let output = Output::new(&self.context.running, run);
        let subject = Subject {
            object: &object,
            key,
            bucket: self.bucket.name.as_str(),
            output: None,
        };
        let surroundings = Surroundings {
            folder: &self.context.working_folder,
            environment: &self.context.environment,
        };
        let ended = command::run(settings, surroundings, subject, &output, stop).await;
        let ended = ended.and_then(|ended| {
            if ended != Outcome::Stopped {
                output.keep(&self.result(workflow, key))?;
            }
            Ok(ended)
        });
        output.discard();
        ended.unwrap_or_else(|error| Outcome::Failed(error.to_string()))
    }

    /// Where the result of a run is kept; several workflows of one job keep theirs apart. The key
    /// is plain, because its object was found.
    fn result(&self, workflow: &WorkflowId, key: &str) -> PathBuf {
        let folder = self.context.results.join(self.job.id.as_str());
        match self.workflows.as_slice() {
            [_] => folder.join(key),
            _ => folder.join(workflow.as_str()).join(key),
        }
    }
}

/// A panic counts as a failure to store the run's end: the job must not succeed.
fn flatten(ended: Result<Result<(), StoreError>, JoinError>) -> Result<(), StoreError> {
    ended.unwrap_or(Err(StoreError::Closed))
}
