//! Starts jobs in the order of their triggers and keeps a bounded number of them running.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::context::{RunnerContext, Stop, stopped};
use super::job;
use crate::api::name::JobId;
use crate::service::store::{StoreError, StoredJob};
use crate::sync::lock;

/// How many unfinished jobs are fetched from the database at once.
const PAGE: u32 = 64;

/// Runs the jobs of the database.
#[derive(Debug)]
pub(in crate::service) struct Runner {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    context: Arc<RunnerContext>,
    /// Jobs that had not ended when the service started.
    found: u64,
    /// Jobs that have ended since.
    ended: watch::Sender<u64>,
    /// Stops each job that is running.
    running: Mutex<HashMap<JobId, watch::Sender<Stop>>>,
    stop: watch::Sender<Stop>,
    /// How many jobs run at once.
    width: usize,
}

impl Runner {
    /// Starts with what the database holds unfinished.
    pub(in crate::service) async fn start(
        context: RunnerContext,
        width: usize,
    ) -> Result<Self, StoreError> {
        context.store.interrupt_executions().await?;
        let found = context.store.count_unfinished_jobs().await?;
        let shared = Arc::new(Shared {
            context: Arc::new(context),
            found,
            ended: watch::Sender::new(0),
            running: Mutex::default(),
            stop: watch::Sender::new(Stop::GoOn),
            width,
        });
        let task = tokio::spawn(schedule(Arc::clone(&shared)));
        Ok(Self {
            shared,
            task: Mutex::new(Some(task)),
        })
    }

    /// Ends the commands of a job that was cancelled in the database.
    pub(in crate::service) fn job_cancelled(&self, id: &JobId) {
        self.shared.ended.send_modify(|count| *count += 1);
        if let Some(stop) = lock(&self.shared.running).get(id) {
            stop.send_replace(Stop::Cancelled);
        }
    }

    /// Waits until every job has ended.
    pub(in crate::service) async fn idle(&self) {
        let mut accepted = self.shared.context.store.accepted();
        let mut ended = self.shared.ended.subscribe();
        loop {
            let known = self.shared.found + *accepted.borrow_and_update();
            if *ended.borrow_and_update() >= known {
                return;
            }
            tokio::select! {
                _ = accepted.changed() => {}
                _ = ended.changed() => {}
            }
        }
    }

    /// Ends the running commands; their jobs go on when the service starts again.
    pub(in crate::service) async fn shutdown(&self) {
        self.shared.stop.send_replace(Stop::Shutdown);
        let task = lock(&self.task).take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the scheduler ended in a panic");
        }
    }
}

async fn schedule(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    let mut running = JoinSet::new();
    tokio::select! {
        () = run_queue(&shared, &mut running) => {}
        () = stopped(&mut stop) => {}
    }
    for stop in lock(&shared.running).values() {
        stop.send_if_modified(|stop| {
            let goes_on = *stop == Stop::GoOn;
            if goes_on {
                *stop = Stop::Shutdown;
            }
            goes_on
        });
    }
    while running.join_next().await.is_some() {}
}

/// Starts jobs until the task is dropped.
async fn run_queue(shared: &Arc<Shared>, running: &mut JoinSet<()>) {
    let width = Arc::new(Semaphore::new(shared.width));
    let mut accepted = shared.context.store.accepted();
    let mut last = 0;
    loop {
        accepted.mark_unchanged();
        let jobs = match shared.context.store.unfinished_jobs(last, PAGE).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "no job can be started");
                Vec::new()
            }
        };
        if jobs.is_empty() {
            if accepted.changed().await.is_err() {
                return;
            }
            continue;
        }
        for job in jobs {
            last = job.sequence;
            let Ok(place) = Arc::clone(&width).acquire_owned().await else {
                return;
            };
            while running.try_join_next().is_some() {}
            let shared = Arc::clone(shared);
            running.spawn(async move {
                run_job(&shared, job).await;
                drop(place);
            });
        }
    }
}

async fn run_job(shared: &Shared, job: StoredJob) {
    let (stop, stopped) = watch::channel(Stop::GoOn);
    let id = job.id.clone();
    lock(&shared.running).insert(id.clone(), stop);
    if *shared.stop.borrow() != Stop::GoOn {
        return;
    }
    let outcome = job::run(&shared.context, job, stopped).await;
    lock(&shared.running).remove(&id);
    match outcome {
        Ok(true) => {}
        // Counted by the cancel that ended it, or it goes on at the next start.
        Ok(false) => return,
        // It goes on at the next start; this process does nothing more about it.
        Err(error) => tracing::error!(job = %id, %error, "the job stopped"),
    }
    shared.ended.send_modify(|count| *count += 1);
}
