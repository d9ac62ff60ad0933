//! Takes jobs in the order in which they came and keeps a bounded number of them going.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::{Stop, job, stopped};
use crate::api::name::{BucketName, JobId, WorkflowId};
use crate::service::bucket::Bucket;
use crate::service::lock::lock;
use crate::service::settings::WorkflowSettings;
use crate::service::store::{Store, StoreError, StoredJob};

/// How many unfinished jobs are fetched from the database at once.
const PAGE: u32 = 64;

/// Taking jobs in comes before running them: while this many come in so short a time, no others are
/// started, but a page of them now and then, so that none waits for ever.
const STREAM: u64 = 16;
const STREAM_STEP: Duration = Duration::from_millis(5);
const LONGEST_LET: Duration = Duration::from_secs(1);

/// Everything that running a job needs.
#[derive(Debug)]
pub(in crate::service) struct Workshop {
    pub(in crate::service) store: Arc<Store>,
    pub(in crate::service) buckets: Arc<BTreeMap<BucketName, Arc<Bucket>>>,
    pub(in crate::service) workflows: Arc<BTreeMap<WorkflowId, WorkflowSettings>>,
    /// Where results are kept.
    pub(in crate::service) results: PathBuf,
    /// Where the output of running commands goes.
    pub(in crate::service) running: PathBuf,
    /// The folder that commands run in.
    pub(in crate::service) working_folder: PathBuf,
    /// One permit a command.
    pub(in crate::service) slots: Arc<Semaphore>,
}

/// Runs the jobs of the database.
#[derive(Debug)]
pub(in crate::service) struct Runner {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    workshop: Arc<Workshop>,
    /// Jobs that had not ended when the service started.
    found: u64,
    /// Jobs that have ended since.
    ended: watch::Sender<u64>,
    /// What stops each job that is going.
    going: Mutex<HashMap<JobId, watch::Sender<Stop>>>,
    stop: watch::Sender<Stop>,
    /// How many jobs go at once.
    width: usize,
}

impl Runner {
    /// Starts with what the database holds unfinished.
    pub(in crate::service) async fn start(
        workshop: Workshop,
        width: usize,
    ) -> Result<Self, StoreError> {
        workshop.store.interrupt_executions().await?;
        let found = workshop.store.count_unfinished_jobs().await?;
        let shared = Arc::new(Shared {
            workshop: Arc::new(workshop),
            found,
            ended: watch::Sender::new(0),
            going: Mutex::default(),
            stop: watch::Sender::new(Stop::GoOn),
            width,
        });
        let task = tokio::spawn(schedule(Arc::clone(&shared)));
        Ok(Self {
            shared,
            task: Mutex::new(Some(task)),
        })
    }

    /// A job was cancelled in the database: what it has under way is ended.
    pub(in crate::service) fn job_cancelled(&self, id: &JobId) {
        self.shared.ended.send_modify(|count| *count += 1);
        if let Some(stop) = lock(&self.shared.going).get(id) {
            stop.send_replace(Stop::Cancelled);
        }
    }

    /// Waits until every job has ended.
    pub(in crate::service) async fn idle(&self) {
        let mut taken_in = self.shared.workshop.store.taken_in();
        let mut ended = self.shared.ended.subscribe();
        loop {
            let known = self.shared.found + *taken_in.borrow_and_update();
            if *ended.borrow_and_update() >= known {
                return;
            }
            tokio::select! {
                _ = taken_in.changed() => {}
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
    let mut going = JoinSet::new();
    tokio::select! {
        () = feed(&shared, &mut going) => {}
        () = stopped(&mut stop) => {}
    }
    for stop in lock(&shared.going).values() {
        stop.send_if_modified(|stop| {
            let goes_on = *stop == Stop::GoOn;
            if goes_on {
                *stop = Stop::Shutdown;
            }
            goes_on
        });
    }
    while going.join_next().await.is_some() {}
}

/// Starts one job after the other, for ever.
async fn feed(shared: &Arc<Shared>, going: &mut JoinSet<()>) {
    let width = Arc::new(Semaphore::new(shared.width));
    let mut taken_in = shared.workshop.store.taken_in();
    let mut last = 0;
    loop {
        let seen = *taken_in.borrow_and_update();
        let jobs = match shared.workshop.store.unfinished_jobs(last, PAGE).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "no job can be started");
                Vec::new()
            }
        };
        if jobs.is_empty() {
            if taken_in.changed().await.is_err() {
                return;
            }
            continue;
        }
        for job in jobs {
            last = job.sequence;
            let Ok(place) = Arc::clone(&width).acquire_owned().await else {
                return;
            };
            while going.try_join_next().is_some() {}
            let shared = Arc::clone(shared);
            going.spawn(async move {
                run_job(&shared, job).await;
                drop(place);
            });
        }
        let_stream(&taken_in, seen).await;
    }
}

/// Waits until jobs no longer stream in, unless that takes too long. `seen` are those that had come
/// when jobs were started last.
async fn let_stream(taken_in: &watch::Receiver<u64>, mut seen: u64) {
    let begun = Instant::now();
    loop {
        let known = *taken_in.borrow();
        if known - seen < STREAM || begun.elapsed() >= LONGEST_LET {
            return;
        }
        seen = known;
        tokio::time::sleep(STREAM_STEP).await;
    }
}

async fn run_job(shared: &Shared, job: StoredJob) {
    let (stop, stopped) = watch::channel(Stop::GoOn);
    let id = job.id.clone();
    lock(&shared.going).insert(id.clone(), stop);
    if *shared.stop.borrow() != Stop::GoOn {
        return;
    }
    let outcome = job::run(&shared.workshop, job, stopped).await;
    lock(&shared.going).remove(&id);
    match outcome {
        Ok(true) => {}
        // Whoever ended it has counted it, or it goes on at the next start.
        Ok(false) => return,
        // It goes on at the next start as well, but this process does nothing more about it.
        Err(error) => tracing::error!(job = %id, %error, "the job stopped"),
    }
    shared.ended.send_modify(|count| *count += 1);
}
