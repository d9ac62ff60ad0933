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
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::StateError;
use super::file::refers_to;
use super::line::encode;
use super::record::Record;
use super::records::Records;
use crate::bell::Bell;
use crate::crash;

/// What one append ends with.
pub(super) type Appended = Result<Arc<Record>, StateError>;

/// Records that several threads see; what is in them is on disk.
pub(super) type SharedRecords = Arc<Mutex<Records>>;

/// However slow the disk is, nobody waits longer than this for others to join.
const LONGEST_GATHERING: Duration = Duration::from_millis(5);

struct Waiting {
    line: Vec<u8>,
    record: Arc<Record>,
    done: oneshot::Sender<Appended>,
}

/// The writer as its users see it.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Sender<Waiting>,
    bell: Arc<Bell>,
    thread: JoinHandle<Written>,
}

/// What the writer leaves behind.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: File,
    pub(super) lines: u64,
    pub(super) syncs: u64,
    /// The failure that ended the writing.
    pub(super) failure: Option<StateError>,
}

impl Writer {
    /// Starts writing behind `length` bytes of `file`, which is the file at `path`.
    pub(super) fn start(
        path: &Path,
        file: File,
        length: u64,
        records: SharedRecords,
    ) -> Result<Self, StateError> {
        let (queue, waiting) = channel();
        let bell = Arc::new(Bell::new());
        let appending = Appending {
            bell: Arc::clone(&bell),
            path: path.to_owned(),
            file,
            length,
            records,
            text: Vec::new(),
            lines: 0,
            syncs: 0,
            last: Group::default(),
            failure: None,
        };
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || appending.run(&waiting))
            .map_err(StateError::io("start writing", path))?;
        Ok(Self {
            queue,
            bell,
            thread,
        })
    }

    /// Queues a record; the receiver is told when it is durable. `None` when the writer is gone.
    pub(super) fn append(&self, record: Record) -> Option<oneshot::Receiver<Appended>> {
        let line = encode(&record).ok()?;
        let (done, receiver) = oneshot::channel();
        let waiting = Waiting {
            line,
            record: Arc::new(record),
            done,
        };
        self.queue.send(waiting).ok()?;
        self.bell.came();
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

/// Lines that were written and synced together.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    lines: usize,
    took: Duration,
}

struct Appending {
    bell: Arc<Bell>,
    path: PathBuf,
    file: File,
    length: u64,
    records: SharedRecords,
    /// The lines of one group, for one write; kept because every group needs the room.
    text: Vec<u8>,
    lines: u64,
    syncs: u64,
    last: Group,
    failure: Option<StateError>,
}

impl Appending {
    fn run(mut self, queue: &Receiver<Waiting>) -> Written {
        while let Ok(first) = queue.recv() {
            let group = self.gather(first, queue);
            // After a failed write or sync nobody knows what the disk holds: nothing may follow.
            if self.failure.is_none() {
                let begun = Instant::now();
                self.failure = self.write(&group).err();
                self.last = Group {
                    lines: group.len(),
                    took: begun.elapsed(),
                };
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

    /// Those whose lines were written last come again soon, as they have more to say. Until as many
    /// have come, the group waits for them, but less than a sync takes. One that writes alone does
    /// not wait.
    fn gather(&self, first: Waiting, queue: &Receiver<Waiting>) -> Vec<Waiting> {
        if self.last.lines > 1 {
            let expected = self.bell.present() + self.last.lines;
            self.bell
                .wait(expected, (self.last.took / 2).min(LONGEST_GATHERING));
        }
        let group: Vec<Waiting> = std::iter::once(first).chain(queue.try_iter()).collect();
        self.bell.took(group.len());
        group
    }

    fn write(&mut self, group: &[Waiting]) -> Result<(), StateError> {
        self.text.clear();
        for waiting in group {
            self.text.extend_from_slice(&waiting.line);
        }
        crash::point("before lines are appended");
        self.check_undisturbed()?;
        if let Err(source) = self.append() {
            // A half-written line must not stay in the way of those who read next.
            let _ = self.file.set_len(self.length);
            return Err(StateError::io("write", &self.path)(source));
        }
        self.length += self.text.len() as u64;
        self.lines += group.len() as u64;
        self.syncs += 1;
        crash::point("lines are durable and nobody knows");
        // What was written to a file that is no longer the state is not durable at all.
        self.check_undisturbed()
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

    fn check_undisturbed(&self) -> Result<(), StateError> {
        let disturbed = |problem| StateError::Disturbed {
            path: self.path.clone(),
            problem,
        };
        if !refers_to(&self.path, &self.file) {
            return Err(disturbed("was removed or replaced"));
        }
        let metadata = self.file.metadata();
        let length = metadata
            .map_err(StateError::io("look at", &self.path))?
            .len();
        if length != self.length {
            return Err(disturbed("was changed by another program"));
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
            // Who no longer waits was interrupted; the line is written all the same.
            let _ = waiting.done.send(result);
        }
    }
}
