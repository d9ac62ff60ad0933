//! The one thread that takes jobs in.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::StoreError;
use super::jobs::NewJob;
use super::journal::Journal;
use super::thread::Thread;

/// How many jobs become one record at most.
const GROUP: usize = 256;

/// Jobs that have so many bytes are enough.
const GROUP_BYTES: usize = 1024 * 1024;

/// A job to take in, and who waits for that.
type Arrival = (Box<NewJob>, Waiting);

type Waiting = oneshot::Sender<Result<(), StoreError>>;

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Intake {
    thread: Thread<Arrival>,
    taken_in: watch::Sender<u64>,
}

impl Intake {
    /// Starts the thread, which answers from the current runtime.
    pub(super) fn start(journal: Arc<Journal>) -> Self {
        let taken_in = watch::Sender::new(0);
        let desk = Desk {
            journal,
            taken_in: taken_in.clone(),
            runtime: Handle::current(),
        };
        Self {
            thread: Thread::start(move |queue| desk.run(queue)),
            taken_in,
        }
    }

    /// How many jobs were taken in.
    pub(super) fn taken_in(&self) -> watch::Receiver<u64> {
        self.taken_in.subscribe()
    }

    /// Takes a job in; it is counted before this returns, also when whoever asked has gone away.
    pub(super) async fn take_in(&self, job: NewJob) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.thread.send((Box::new(job), reply)).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn close(&self) {
        self.thread.close().await;
    }
}

/// What the thread works with.
struct Desk {
    journal: Arc<Journal>,
    taken_in: watch::Sender<u64>,
    runtime: Handle,
}

impl Desk {
    /// Takes in all jobs that wait, again and again. While one sync lasts, others come.
    fn run(self, mut queue: mpsc::Receiver<Arrival>) {
        while let Some(first) = queue.blocking_recv() {
            let (mut jobs, mut waiting) = (Vec::new(), Vec::new());
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some((job, reply)) = next {
                bytes += job.size();
                jobs.push(*job);
                waiting.push(reply);
                let is_full = jobs.len() >= GROUP || bytes >= GROUP_BYTES;
                next = if is_full { None } else { queue.try_recv().ok() };
            }
            self.take_in(&jobs, waiting);
        }
    }

    fn take_in(&self, jobs: &[NewJob], waiting: Vec<Waiting>) {
        let taken_in = self.journal.append(jobs).map_err(|error| {
            tracing::error!(%error, jobs = jobs.len(), "jobs were not taken in");
            StoreError::from(error)
        });
        if taken_in.is_ok() {
            // Before anybody is answered, so that who is sees what he was told.
            self.taken_in
                .send_modify(|count| *count += jobs.len() as u64);
        }
        // One task wakes all who wait: from here, each would cost a message between threads.
        self.runtime.spawn(async move {
            for waiting in waiting {
                let _ = waiting.send(taken_in.clone());
            }
        });
    }
}
