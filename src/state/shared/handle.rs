//! A shared state as callers without a runtime use it: a thread of its own talks to the store.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::Shared;
use super::acquire::Contender;
use super::failure::Failure;
use super::log::LogError;
use super::owner::{Done, Waiting, last_of_each, step_back};
use super::reader::SharedLog;
use crate::state::header::{Expected, Lineage};
use crate::state::listed::Listed;
use crate::state::lock::Holder;
use crate::state::record::Record;
use crate::state::writer::{SharedRecords, lock};

/// For how long a writer owns a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// From the opening to the end. What is appended is stored when that is answered.
    Throughout,
    /// At the end alone, for one slot. What is appended is stored when closing returns.
    AtTheEnd,
}

/// How to open a shared state.
pub(in crate::state) struct Opening {
    pub(in crate::state) hold: Hold,
    /// How long to wait for another run; the lease and 30 seconds if none is given.
    pub(in crate::state) timeout: Option<Duration>,
    /// Which state it has to be.
    pub(in crate::state) target: String,
    pub(in crate::state) lineage: Option<Lineage>,
    /// What is known of the service's jobs beside records; it may grow until the end.
    pub(in crate::state) listed: Arc<Mutex<Listed>>,
}

/// How much longer than its lease another run is waited for.
const BEYOND_THE_LEASE: Duration = Duration::from_secs(30);

enum Message {
    Waits(Option<Holder>),
    Opened(Box<Result<SharedLog, Failure>>),
}

/// The writer of a shared state.
#[derive(Debug)]
pub(in crate::state) struct SharedWriter {
    queue: Option<UnboundedSender<Waiting>>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl SharedWriter {
    /// Opens the state: what it holds, and its writer, which fills `records`.
    pub(in crate::state) fn open(
        shared: Shared,
        opening: Opening,
        records: SharedRecords,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<(SharedLog, Self), Failure> {
        let (messages, received) = mpsc::channel();
        let (queue, mut waiting) = unbounded_channel();
        let thread = thread::Builder::new().name("state".to_owned());
        let thread = thread.spawn(move || {
            let runtime = runtime()?;
            runtime.block_on(run(&shared, opening, &records, &mut waiting, &messages))
        });
        let thread = thread.map_err(|error| Failure::Process(error.to_string()))?;
        let writer = Self {
            queue: Some(queue),
            thread: Some(thread),
        };
        loop {
            match received.recv() {
                Ok(Message::Waits(holder)) => on_wait(holder.as_ref()),
                Ok(Message::Opened(opened)) => return Ok(((*opened)?, writer)),
                Err(_) => {
                    let ended = writer.finish();
                    let lost = Failure::Process("its thread ended".to_owned());
                    return Err(ended.err().unwrap_or(lost));
                }
            }
        }
    }

    /// Queues a record; the receiver is told when it is stored. None when the writer is gone.
    pub(in crate::state) fn append(
        &self,
        record: Arc<Record>,
        length: usize,
    ) -> Option<oneshot::Receiver<Done>> {
        let (done, receiver) = oneshot::channel();
        let waiting = Waiting {
            record,
            length,
            done,
        };
        self.queue.as_ref()?.send(waiting).ok()?;
        Some(receiver)
    }

    /// Waits until everything queued is stored and the log is let go.
    pub(in crate::state) fn finish(mut self) -> Result<(), Failure> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Failure> {
        drop(self.queue.take());
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let lost = || Failure::Process("its thread panicked".to_owned());
        thread.join().unwrap_or_else(|_| Err(lost()))
    }
}

/// A log that nobody uses any more is let go, so that others need not wait for the lease.
impl Drop for SharedWriter {
    fn drop(&mut self) {
        if let Err(failure) = self.end() {
            tracing::debug!(%failure, "the shared state was left");
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::Process(error.to_string()))
}

async fn run(
    shared: &Shared,
    opening: Opening,
    records: &SharedRecords,
    queue: &mut UnboundedReceiver<Waiting>,
    messages: &mpsc::Sender<Message>,
) -> Result<(), Failure> {
    let opened = open(shared, &opening, messages).await;
    let (mut contender, holder) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            let _ = messages.send(Message::Opened(Box::new(Err(failure))));
            return Ok(());
        }
    };
    let tell = |log: &SharedLog| {
        lock(records).clone_from(&log.records);
        let _ = messages.send(Message::Opened(Box::new(Ok(log.clone()))));
    };
    let publish = |record: &Arc<Record>| lock(records).insert(Arc::clone(record));
    if opening.hold == Hold::AtTheEnd {
        tell(&contender.log);
        return record_at_the_end(&mut contender, &holder, queue, &publish).await;
    }
    let begun = std::time::Instant::now();
    let timeout = timeout(&opening, &contender.log);
    let owner = loop {
        match contender.take(&holder).await {
            Ok(Some(owner)) => break Ok(owner),
            Ok(None) => {}
            Err(failure) => break Err(failure),
        }
        step_back().await;
        let left = timeout.saturating_sub(begun.elapsed());
        if let Err(failure) = wait(&mut contender, left, messages).await {
            break Err(failure);
        }
    };
    match owner {
        Ok(owner) => {
            tell(&contender.log);
            owner.run(queue, &opening.listed, &publish).await
        }
        Err(failure) => {
            let _ = messages.send(Message::Opened(Box::new(Err(failure))));
            Ok(())
        }
    }
}

/// Reads the log and waits for a turn.
async fn open<'a>(
    shared: &'a Shared,
    opening: &Opening,
    messages: &mpsc::Sender<Message>,
) -> Result<(Contender<'a>, Holder), Failure> {
    let log = SharedLog::read(&*shared.store).await?;
    log.check_is(Expected {
        target: &opening.target,
        lineage: opening.lineage.as_ref(),
    })?;
    let timeout = timeout(opening, &log);
    let mut contender = Contender::new(shared, log);
    wait(&mut contender, timeout, messages).await?;
    Ok((contender, Holder::this_process(shared.run.clone())))
}

fn timeout(opening: &Opening, log: &SharedLog) -> Duration {
    let terms = log.terms();
    let usual = terms.lease + terms.delay + BEYOND_THE_LEASE;
    opening.timeout.unwrap_or(usual)
}

async fn wait(
    contender: &mut Contender<'_>,
    timeout: Duration,
    messages: &mpsc::Sender<Message>,
) -> Result<(), Failure> {
    let mut on_wait = |holder| {
        let _ = messages.send(Message::Waits(holder));
    };
    contender.wait(timeout, &mut on_wait).await
}

/// Collects what is to be recorded, and records it in one slot, if nothing was written since.
async fn record_at_the_end(
    contender: &mut Contender<'_>,
    holder: &Holder,
    queue: &mut UnboundedReceiver<Waiting>,
    publish: &(dyn Fn(&Arc<Record>) + Send + Sync),
) -> Result<(), Failure> {
    let mut written = Vec::new();
    while let Some(waiting) = queue.recv().await {
        publish(&waiting.record);
        written.push(Arc::clone(&waiting.record));
        let _ = waiting.done.send(Ok(waiting.record));
    }
    if written.is_empty() {
        return Ok(());
    }
    let stored = contender
        .record_at_once(holder, last_of_each(written))
        .await?;
    if stored {
        Ok(())
    } else {
        Err(Failure::Overtaken)
    }
}

/// Reads a shared state, for callers with or without a runtime.
pub(in crate::state) fn read<T: Send>(
    shared: &Shared,
    read: impl AsyncFnOnce(&Shared) -> Result<T, LogError> + Send,
) -> Result<T, Failure> {
    let in_thread = || Ok(runtime()?.block_on(read(shared))?);
    let lost = || Failure::Process("its thread panicked".to_owned());
    thread::scope(|scope| scope.spawn(in_thread).join()).unwrap_or_else(|_| Err(lost()))
}
