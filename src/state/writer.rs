//! The one thread that appends to the log.
//!
//! Whatever waits while the disk is busy is written and synced together, so that the number of syncs
//! grows with the batches and not with the lines.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::error::StateError;
use super::file::refers_to;
use super::line::encode;
use super::record::Record;
use super::records::Records;
use crate::crash;

/// What one append ends with.
pub(super) type Appended = Result<Arc<Record>, StateError>;

/// Records that several threads see; what is in them is on disk.
pub(super) type SharedRecords = Arc<Mutex<Records>>;

struct Waiting {
    line: Vec<u8>,
    record: Arc<Record>,
    done: oneshot::Sender<Appended>,
}

/// The writer as its users see it.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Sender<Waiting>,
    thread: JoinHandle<Written>,
}

/// What the writer ends with.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: File,
    pub(super) lines: u64,
    pub(super) syncs: u64,
    /// The failure that ended the writing.
    pub(super) failure: Option<StateError>,
}

impl Writer {
    /// Starts appending after `length` bytes of `file`, which is the file at `path`.
    pub(super) fn start(
        path: &Path,
        file: File,
        length: u64,
        records: SharedRecords,
    ) -> Result<Self, StateError> {
        let (queue, waiting) = channel();
        let appending = Appending {
            path: path.to_owned(),
            file,
            length,
            records,
            text: Vec::new(),
            lines: 0,
            syncs: 0,
            failure: None,
        };
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || appending.run(&waiting))
            .map_err(StateError::io("start writing", path))?;
        Ok(Self { queue, thread })
    }

    /// Queues a record; the receiver is told when it is durable. `None` when the writer is gone.
    pub(super) fn append(&self, record: Arc<Record>) -> Option<oneshot::Receiver<Appended>> {
        let line = encode(&*record).ok()?;
        let (done, receiver) = oneshot::channel();
        let waiting = Waiting { line, record, done };
        self.queue.send(waiting).ok()?;
        Some(receiver)
    }

    /// Waits until everything queued is written.
    pub(super) fn finish(self) -> Option<Written> {
        drop(self.queue);
        self.thread.join().ok()
    }
}

/// Locks records; a thread that panicked while it held them left them as they were on disk.
pub(super) fn lock(records: &SharedRecords) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Appending {
    path: PathBuf,
    file: File,
    length: u64,
    records: SharedRecords,
    /// The lines of one group, for one write; reused.
    text: Vec<u8>,
    lines: u64,
    syncs: u64,
    failure: Option<StateError>,
}

impl Appending {
    fn run(mut self, queue: &Receiver<Waiting>) -> Written {
        while let Ok(first) = queue.recv() {
            let group: Vec<Waiting> = std::iter::once(first).chain(queue.try_iter()).collect();
            // After a failed write or sync it is unknown what the disk holds: nothing may follow.
            if self.failure.is_none() {
                self.failure = self.write(&group).err();
            }
            self.answer(group);
        }
        Written {
            file: self.file,
            lines: self.lines,
            syncs: self.syncs,
            failure: self.failure,
        }
    }

    fn write(&mut self, group: &[Waiting]) -> Result<(), StateError> {
        self.text.clear();
        for waiting in group {
            self.text.extend_from_slice(&waiting.line);
        }
        crash::point("before lines are appended");
        self.check_unmodified()?;
        if let Err(source) = self.append() {
            // A half-written line would hide what is appended next.
            let _ = self.file.set_len(self.length);
            return Err(StateError::io("write", &self.path)(source));
        }
        self.length += self.text.len() as u64;
        self.lines += group.len() as u64;
        self.syncs += 1;
        crash::point("lines are durable and nobody knows");
        // What was written to a file that is no longer the state is not durable at all.
        self.check_unmodified()
    }

    fn append(&mut self) -> std::io::Result<()> {
        let text = self.text.as_slice();
        #[cfg(feature = "crash-points")]
        let text = {
            let (half, rest) = text.split_at(text.len() / 2);
            self.file.write_all(half)?;
            crash::point("in the middle of a line");
            rest
        };
        self.file.write_all(text)?;
        crash::point("lines are written and not synced");
        self.file.sync_data()
    }

    fn check_unmodified(&self) -> Result<(), StateError> {
        let modified = |problem| StateError::ExternallyModified {
            path: self.path.clone(),
            problem,
        };
        if !refers_to(&self.path, &self.file) {
            return Err(modified("was removed or replaced"));
        }
        let metadata = self.file.metadata();
        let length = metadata
            .map_err(StateError::io("look at", &self.path))?
            .len();
        if length != self.length {
            return Err(modified("was changed by another program"));
        }
        Ok(())
    }

    fn answer(&self, group: Vec<Waiting>) {
        if self.failure.is_none() {
            let mut records = lock(&self.records);
            for waiting in &group {
                records.insert(Arc::clone(&waiting.record));
            }
        }
        for waiting in group {
            let result = match &self.failure {
                None => Ok(waiting.record),
                Some(failure) => Err(failure.clone()),
            };
            // A caller that was interrupted has dropped its receiver; the line is durable regardless.
            let _ = waiting.done.send(result);
        }
    }
}
