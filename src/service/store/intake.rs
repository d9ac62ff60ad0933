//! The one thread that takes jobs in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::StoreError;
use super::journal::{EncodedJob, Journal};
use super::thread::Thread;
use crate::bell::Bell;

/// How many jobs become one record at most.
const GROUP: usize = 256;

/// Jobs that have so many bytes are enough.
const GROUP_BYTES: usize = 1024 * 1024;

/// However slow the disk is, nobody waits longer than this for others to join.
const LONGEST_GATHERING: Duration = Duration::from_millis(2);

/// A job to take in, and who waits for that.
type Arrival = (EncodedJob, Waiting);

type Waiting = oneshot::Sender<Result<(), StoreError>>;

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Intake {
    thread: Thread<Arrival>,
    bell: Arc<Bell>,
    taken_in: watch::Sender<u64>,
}

impl Intake {
    /// Starts the thread, which answers from the current runtime.
    pub(super) fn start(journal: Arc<Journal>) -> Self {
        let taken_in = watch::Sender::new(0);
        let bell = Arc::new(Bell::new());
        let desk = Desk {
            journal,
            bell: Arc::clone(&bell),
            taken_in: taken_in.clone(),
            runtime: Handle::current(),
        };
        Self {
            thread: Thread::start(move |queue| desk.run(queue)),
            bell,
            taken_in,
        }
    }

    /// How many jobs were taken in.
    pub(super) fn taken_in(&self) -> watch::Receiver<u64> {
        self.taken_in.subscribe()
    }

    /// Takes a job in; it is counted before this returns, also when whoever asked has gone away.
    pub(super) async fn take_in(&self, job: EncodedJob) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.thread.send((job, reply)).await?;
        self.bell.came();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn close(&self) {
        self.thread.close().await;
    }
}

/// What the thread works with.
struct Desk {
    journal: Arc<Journal>,
    bell: Arc<Bell>,
    taken_in: watch::Sender<u64>,
    runtime: Handle,
}

/// How busy it was when the last record was written.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    /// Those who were answered, and those who had come meanwhile.
    callers: usize,
    took: Duration,
}

impl Desk {
    /// Takes in all jobs that wait, again and again.
    fn run(self, mut queue: mpsc::Receiver<Arrival>) {
        let mut last = Last::default();
        while let Some(first) = queue.blocking_recv() {
            self.gather(last);
            let (jobs, waiting) = group(first, &mut queue);
            self.bell.took(jobs.len());
            let begun = Instant::now();
            self.take_in(&jobs, waiting);
            last = Last {
                callers: jobs.len() + queue.len(),
                took: begun.elapsed(),
            };
        }
    }

    /// Those who were answered last come again soon. Half of them are waited for, so that few syncs
    /// serve many while the others keep the processors busy; but not for longer than three syncs take.
    /// One who asks alone does not wait.
    fn gather(&self, last: Last) {
        let expected = (last.callers / 2).min(GROUP);
        let patience = (last.took * 3).min(LONGEST_GATHERING);
        self.bell.wait(expected, patience);
    }

    fn take_in(&self, jobs: &[EncodedJob], waiting: Vec<Waiting>) {
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

/// The jobs that become one record, and who waits for them.
fn group(first: Arrival, queue: &mut mpsc::Receiver<Arrival>) -> (Vec<EncodedJob>, Vec<Waiting>) {
    let (mut jobs, mut waiting) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some((job, reply)) = next {
        bytes += job.length();
        jobs.push(job);
        waiting.push(reply);
        let is_full = jobs.len() >= GROUP || bytes >= GROUP_BYTES;
        next = if is_full { None } else { queue.try_recv().ok() };
    }
    (jobs, waiting)
}
