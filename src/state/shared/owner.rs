//! The owner of a log: whatever waits while a slot is being stored goes into the next one together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::acquire::{PATIENCE, until};
use super::checkpoint::encode_checkpoint;
use super::failure::Failure;
use super::log::LogError;
use super::ownership::{Mode, may_act, may_write};
use super::put::{Put, put};
use super::reader::SharedLog;
use super::slot::{Kind, MAX_SLOT_BYTES, Slot, Writer};
use super::store::slot_name;
use super::{Shared, StoreTime};
use crate::crash;
use crate::state::listed::Listed;
use crate::state::lock::Holder;
use crate::state::record::Record;
use crate::state::records::Records;

/// An owner with nothing to say for so long lets others take over.
const IDLE: Duration = Duration::from_mins(10);
/// What is longer than this is not read by everybody any more: a checkpoint is made.
const TAIL_SLOTS: usize = 64;
const TAIL_BYTES: usize = 1 << 20;
/// Room for the header.
const HEADER_BYTES: usize = 4096;
/// A guarded slot leaves in one piece, so that its head cannot arrive without its end.
const GUARDED_SLOT_BYTES: usize = 12 << 10;

/// What one append ends with.
pub(super) type Done = Result<Arc<Record>, Failure>;

/// A record that is to be written.
pub(super) struct Waiting {
    pub(super) record: Arc<Record>,
    /// How long its line is.
    pub(super) length: usize,
    pub(super) done: oneshot::Sender<Done>,
}

pub(super) struct Owner {
    shared: Shared,
    log: SharedLog,
    writer: Writer,
    holder: Holder,
    /// What is known of the service's jobs beside the records.
    listed: Listed,
}

impl Owner {
    pub(super) fn new(shared: Shared, log: SharedLog, writer: Writer, holder: Holder) -> Self {
        Self {
            shared,
            log,
            writer,
            holder,
            listed: Listed::default(),
        }
    }

    /// Writes what comes until nothing more can come, then lets the log go. `publish` gets what is
    /// stored, before those who wait for it are told.
    pub(super) async fn run(
        mut self,
        queue: &mut UnboundedReceiver<Waiting>,
        listed: &Mutex<Listed>,
        publish: &(dyn Fn(&Arc<Record>) + Send + Sync),
    ) -> Result<(), Failure> {
        let beat = self.log.terms().lease / 3;
        let mut active = Instant::now();
        let mut next = None;
        let mut failure = self.shorten().await.err();
        loop {
            let first = match next.take() {
                Some(first) => Some(first),
                None if failure.is_some() => queue.recv().await,
                None => match timeout(beat, queue.recv()).await {
                    Ok(first) => first,
                    Err(_) if active.elapsed() > IDLE => queue.recv().await,
                    Err(_) => {
                        failure = self.write(vec![Kind::Beat], Vec::new()).await.err();
                        continue;
                    }
                },
            };
            let Some(first) = first else { break };
            active = Instant::now();
            let (group, left) = self.gather(first, queue);
            next = left;
            if failure.is_none() {
                let records = group.iter().map(|waiting| Arc::clone(&waiting.record));
                let written = self.write(vec![Kind::Records], records.collect()).await;
                failure = written.err();
            }
            answer(group, failure.as_ref(), publish);
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        let noted = listed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        self.listed = noted;
        self.release().await
    }

    /// What waits and fits into one slot with `first`, and what does not fit any more.
    fn gather(
        &self,
        first: Waiting,
        queue: &mut UnboundedReceiver<Waiting>,
    ) -> (Vec<Waiting>, Option<Waiting>) {
        let room = match self.log.terms().mode {
            Mode::Atomic => MAX_SLOT_BYTES - HEADER_BYTES,
            Mode::Guarded => GUARDED_SLOT_BYTES - HEADER_BYTES,
        };
        let mut length = first.length;
        let mut group = vec![first];
        while let Ok(waiting) = queue.try_recv() {
            if length + waiting.length > room {
                return (group, Some(waiting));
            }
            length += waiting.length;
            group.push(waiting);
        }
        (group, None)
    }

    /// Writes one slot, and returns when it is known to be stored, and when its owner may act on it.
    async fn write(&mut self, kinds: Vec<Kind>, records: Vec<Arc<Record>>) -> Result<(), Failure> {
        let terms = self.log.terms();
        let Some((last, digest)) = self.log.last() else {
            return Err(LogError::Missing { name: slot_name(1) }.into());
        };
        let lease = last.until;
        if !may_write(&terms, lease, self.time().map(|time| time.late)) {
            return Err(Failure::Fenced);
        }
        let store = Arc::clone(&self.shared.store);
        let slot = Slot::new(
            &self.log.header().lineage,
            Some((last, digest)),
            (&self.writer, &self.holder),
            kinds,
            until(&*store, &terms),
            records,
        );
        let slot = slot.with_listed(&self.listed);
        let (number, bytes) = (slot.header.number, slot.encode()?);
        let (ends, patience) = match terms.mode {
            Mode::Atomic => (None, PATIENCE),
            Mode::Guarded => (Some(lease), terms.lease),
        };
        crash::point("before a slot is created");
        match put(&*store, number, &bytes, ends, patience).await {
            Put::Stored => {}
            Put::Fenced => return Err(Failure::Fenced),
            Put::Refused(error) => return Err(LogError::Store(error).into()),
            Put::Unknown(error) => return Err(Failure::Unconfirmed(slot_name(number), error)),
        }
        crash::point("a slot is created and nobody knows");
        if !may_act(&terms, lease, self.time().map(|time| time.late)) {
            // It may be hidden by now: what it says is looked up by the next owner.
            return Err(Failure::Unconfirmed(
                slot_name(number),
                late_answer(&self.shared),
            ));
        }
        Ok(self.log.push(&bytes)?)
    }

    fn time(&self) -> Option<StoreTime> {
        self.shared.store.clock()
    }

    /// Lets the log go. A release that fails is no harm: the lease ends by itself.
    async fn release(mut self) -> Result<(), Failure> {
        self.shorten().await?;
        crash::point("before a log is released");
        let released = self.write(vec![Kind::Release], Vec::new()).await;
        crash::point("a log is released");
        self.log.tell_head(&*self.shared.store).await;
        match released {
            // Everything is recorded already.
            Err(Failure::Log(LogError::Store(error)) | Failure::Unconfirmed(_, error)) => {
                tracing::debug!(%error, "the log is not released");
                Ok(())
            }
            // Whoever took it over read everything.
            Err(Failure::Fenced) => Ok(()),
            released => released,
        }
    }

    /// Makes a checkpoint if the tail is long, so that it stays short whoever dies.
    async fn shorten(&mut self) -> Result<(), Failure> {
        if self.log.slots <= TAIL_SLOTS && self.log.bytes <= TAIL_BYTES {
            return Ok(());
        }
        let Some(position) = self.log.position() else {
            return Ok(());
        };
        let lineage = self.log.header().lineage.clone();
        let made = encode_checkpoint(
            &lineage,
            position.number,
            position.digest,
            &self.log.records,
        );
        let (name, bytes) = made.map_err(|error| Failure::Process(error.to_string()))?;
        let store = &*self.shared.store;
        match store.create(&name, &bytes, None).await {
            // Its name tells its content.
            Ok(_) => {
                crash::point("a checkpoint is stored and nothing names it");
                self.log.head.checkpoint = Some(name);
                (self.log.slots, self.log.bytes) = (0, 0);
            }
            Err(error) => tracing::debug!(%error, "the checkpoint is not stored"),
        }
        Ok(())
    }
}

fn late_answer(shared: &Shared) -> super::StoreError {
    super::StoreError::Unknown {
        store: shared.address.clone(),
        name: "the slot".to_owned(),
        reason: "it was confirmed after the lease had ended".to_owned(),
    }
}

fn answer(
    group: Vec<Waiting>,
    failure: Option<&Failure>,
    publish: &(dyn Fn(&Arc<Record>) + Send + Sync),
) {
    if failure.is_none() {
        for waiting in &group {
            publish(&waiting.record);
        }
    }
    for waiting in group {
        let result = match failure {
            None => Ok(waiting.record),
            Some(failure) => Err(failure.clone()),
        };
        // A caller that was interrupted has dropped its receiver; the slot is stored regardless.
        let _ = waiting.done.send(result);
    }
}

/// All records that a short owner is to write, one a fingerprint.
pub(super) fn last_of_each(written: Vec<Arc<Record>>) -> Vec<Arc<Record>> {
    let mut records = Records::default();
    for record in written {
        records.insert(record);
    }
    records.iter().cloned().collect()
}

/// A moment for others who wait, after another run was faster.
pub(super) async fn step_back() {
    sleep(Duration::from_millis(20)).await;
}
