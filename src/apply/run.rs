//! What all parts of one apply share.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval};

use super::breaker::Breaker;
use super::event::Event;
use super::outcome::{Halt, JobResult};
use super::{Interrupt, Options};
use crate::api::client::{Client, ClientError};
use crate::api::name::JobId;
use crate::job::{Fingerprint, Job, JobKey, Work};
use crate::plan::{PlannedJob, Reason};
use crate::state::{Outcome, Record, Seen, StateError, StateStore, SubmissionId, Window};

/// One apply while it runs.
pub(super) struct Run<'a> {
    pub(super) store: &'a StateStore,
    pub(super) client: &'a Client,
    pub(super) options: &'a Options,
    /// When the run began, and with it knew what was unresolved.
    pub(super) begun: Instant,
    interrupt: watch::Receiver<Interrupt>,
    events: &'a (dyn Fn(Event) + Send + Sync),
    breaker: Mutex<Breaker>,
    halt: Mutex<Option<Halt>>,
    in_flight: AtomicUsize,
    intended: AtomicBool,
    /// The ids of all jobs that the state knows: each belongs to one submission.
    job_ids: Mutex<HashSet<JobId>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        store: &'a StateStore,
        client: &'a Client,
        options: &'a Options,
        interrupt: watch::Receiver<Interrupt>,
        events: &'a (dyn Fn(Event) + Send + Sync),
    ) -> Self {
        let records = store.records();
        let submissions = records.iter().flat_map(|record| &record.submissions);
        let job_ids = submissions.filter_map(|submission| submission.job_id().cloned());
        Self {
            store,
            client,
            options,
            begun: Instant::now(),
            interrupt,
            events,
            breaker: Mutex::new(Breaker::new(options.failures_in_a_row)),
            halt: Mutex::default(),
            in_flight: AtomicUsize::default(),
            intended: AtomicBool::default(),
            job_ids: Mutex::new(job_ids.collect()),
        }
    }

    pub(super) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// The client of the bucket that the work names.
    pub(super) fn client_of(&self, work: &Work) -> Result<Client, ClientError> {
        self.client.for_bucket(&work.bucket, &work.region)
    }

    /// Ends when the person wants at least `interrupt`; never, if they do not.
    pub(super) async fn interrupted(&self, interrupt: Interrupt) {
        let mut receiver = self.interrupt.clone();
        let is_reached = receiver
            .wait_for(|current| *current >= interrupt)
            .await
            .is_ok();
        if !is_reached {
            std::future::pending::<()>().await;
        }
    }

    /// Halts the run as soon as the person interrupts it, and counts down until every call that is
    /// under way must have ended.
    pub(super) async fn watch_interrupt(&self) -> Infallible {
        self.interrupted(Interrupt::Drain).await;
        self.stop(Halt::Interrupted);
        let interrupted_at = Instant::now();
        let mut seconds = interval(Duration::from_secs(1));
        loop {
            seconds.tick().await;
            let in_flight = self.in_flight.load(Ordering::SeqCst);
            let left = self.client.call_timeout();
            let left = left.saturating_sub(interrupted_at.elapsed());
            if in_flight > 0 {
                self.tell(Event::Draining { in_flight, left });
            }
        }
    }

    /// Lets nothing new begin. The first reason is the one that counts.
    pub(super) fn stop(&self, halt: Halt) {
        let mut current = guard(&self.halt);
        if current.is_none() {
            *current = Some(halt.clone());
            drop(current);
            let in_flight = self.in_flight.load(Ordering::SeqCst);
            self.tell(Event::Halted { halt, in_flight });
        }
    }

    /// Renews the credentials if it is time for that. What cannot be signed is not begun.
    pub(super) async fn renew_credentials(&self) {
        if let Err(error) = self.client.ready().await {
            self.stop(Halt::CredentialsEnded(error));
        }
    }

    /// Why nothing new may begin.
    pub(super) fn halted(&self) -> Option<Halt> {
        guard(&self.halt).clone()
    }

    /// Takes note of the end of a submission.
    pub(super) fn note(&self, result: &JobResult) {
        let halt = guard(&self.breaker).note(result);
        if let Some(halt) = halt {
            self.stop(halt);
        }
    }

    /// Counts a submission as being in flight until the answer is dropped.
    pub(super) fn track_in_flight(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(&self.in_flight)
    }

    /// Takes a job id for one submission; false when it belongs to another one already.
    pub(super) fn claim(&self, job_id: &JobId) -> bool {
        guard(&self.job_ids).insert(job_id.clone())
    }

    /// Whether a job id belongs to a submission.
    pub(super) fn is_claimed(&self, job_id: &JobId) -> bool {
        guard(&self.job_ids).contains(job_id)
    }

    /// Makes the intent to submit a job durable.
    pub(super) async fn intend(
        &self,
        planned: &PlannedJob,
        window: Window,
    ) -> (SubmissionId, Result<(), StateError>) {
        let job = &planned.job;
        let earlier = self.store.get(&job.fingerprint);
        let mut record = Record::of(job, earlier.as_deref());
        let id = record.intend(window);
        if planned.reason == Reason::Retried {
            record.asked_by_hand(&id);
        }
        let intended = self.append(record).await;
        if intended.is_ok() {
            self.intended.store(true, Ordering::SeqCst);
        }
        (id, intended)
    }

    /// Whether an intent of this run was made durable.
    pub(super) fn has_intended(&self) -> bool {
        self.intended.load(Ordering::SeqCst)
    }

    /// Makes what became of a submission durable.
    pub(super) async fn conclude(
        &self,
        work: &Fingerprint,
        id: &SubmissionId,
        outcome: Outcome,
        seen: Option<Seen>,
    ) -> Result<(), StateError> {
        let conclude = |record: &mut Record| record.conclude(id, outcome, seen);
        self.change(work, conclude).await
    }

    /// Makes a new key durable; returns the old one.
    pub(super) async fn rename(&self, job: &Job) -> Result<JobKey, StateError> {
        let mut from = job.key.clone();
        let rename = |record: &mut Record| from = record.rename(job.key.clone());
        self.change(&job.fingerprint, rename).await?;
        Ok(from)
    }

    async fn change(
        &self,
        work: &Fingerprint,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), StateError> {
        let Some(record) = self.store.get(work) else {
            return Ok(());
        };
        let mut record = Record::clone(&record);
        change(&mut record);
        self.append(record).await
    }

    /// A state that can no longer be written ends the run: nothing is sent that it cannot record.
    async fn append(&self, record: Record) -> Result<(), StateError> {
        let appended = self.store.append(record).await;
        appended.map(drop).inspect_err(|error| {
            self.stop(match error {
                StateError::Fenced { .. } => Halt::Fenced(error.to_string()),
                _ => Halt::StateUnwritable(error.to_string()),
            });
        })
    }
}

/// A submission that is in flight.
pub(super) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
