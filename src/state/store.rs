//! A state on disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::error::StateError;
use super::file;
use super::header::{Expected, Header};
use super::keep::Keep;
use super::listed::Listed;
use super::lock::{Holder, Lock};
use super::log::{self, Log};
use super::record::Record;
use super::records::Records;
use super::writer::{Appended, SharedRecords, Writer, lock};
use crate::files;
use crate::job::Fingerprint;

/// How to open a state for writing.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Begin an empty state where there is none.
    pub create: bool,
    /// How long to wait for another writer.
    pub lock_timeout: Duration,
}

/// A state that was read to its end and is right.
#[derive(Debug)]
pub struct Verified {
    /// Which state it is.
    pub header: Header,
    /// What it says.
    pub records: Records,
    /// In how many lines; more than there are records when the last writer was killed, or after a
    /// merge.
    pub lines: usize,
    /// Whether the last line is whole; one that is not belongs to a writer that was killed, and
    /// counts for nothing.
    pub ends_well: bool,
}

/// A state that is locked and can be written.
///
/// Dropping it gives the lock back and leaves the log as it is; [`close`](Self::close) compacts it.
#[derive(Debug)]
pub struct StateStore {
    path: PathBuf,
    header: Header,
    /// What this run found out about when every job is known; written when the log is compacted.
    listed: Mutex<Listed>,
    records: SharedRecords,
    /// Whether the log has more than one line a fingerprint.
    needs_compaction: bool,
    writer: Writer,
    _lock: Lock,
}

impl StateStore {
    /// Reads a state without taking its lock. What another run is writing at the moment may be
    /// missing; a half-written line is ignored.
    pub fn read(path: &Path, expected: Expected<'_>) -> Result<(Header, Records), StateError> {
        let log = log::read(path, expected)?;
        Ok((log.header, log.records))
    }

    /// Reads a state as [`read`](Self::read) does, but reports everything that is wrong with it.
    pub fn verify(path: &Path, expected: Expected<'_>) -> Result<Verified, Vec<StateError>> {
        let log = log::verify(path, expected)?;
        Ok(Verified {
            header: log.header,
            records: log.records,
            lines: log.lines,
            ends_well: log.ends_well,
        })
    }

    /// Begins an empty state; one that is there already is left alone, as an error.
    pub fn init(path: &Path, target: &str) -> Result<Header, StateError> {
        let header = Header::new(target);
        file::create(path, |file| log::write(file, &header, &Records::default()))?;
        Ok(header)
    }

    /// Takes the lock, then reads. `on_wait` is told once when another writer has to be waited for.
    pub fn open_for_writing(
        path: &Path,
        expected: Expected<'_>,
        options: OpenOptions,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        if !path.exists() && files::is_dangling(path) {
            return Err(log::leads_nowhere(path));
        }
        if options.create && !path.exists() {
            // Two that begin at once are one beginning.
            match Self::init(path, expected.target) {
                Ok(_) | Err(StateError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let path = &resolve_links(path)?;
        let lock = Lock::take(path, options.lock_timeout, on_wait)?;
        let mut log = log::read(path, expected)?;
        // A torn line would hide what is appended, and an older version must not read half of it.
        if !log.ends_well || !log.is_current {
            let write = |file: &mut File| log::write(file, &log.header, &log.records);
            file::replace(path, write, || Ok(()))?;
            log = log::read(path, expected)?;
        }
        Self::start(path, log, lock)
    }

    /// Ends contradictions between two branches that submitted the same work, as `keep` says, and
    /// compacts the log. Returns the record; none if the job is not one of the key.
    pub fn keep(
        path: &Path,
        expected: Expected<'_>,
        lock_timeout: Duration,
        keep: &Keep<'_>,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Option<Arc<Record>>, StateError> {
        let path = &resolve_links(path)?;
        let _lock = Lock::take(path, lock_timeout, on_wait)?;
        let log = log::read_keeping(path, expected, keep)?;
        let mut records = log.records.iter();
        let is_kept = |record: &&Arc<Record>| record.key == *keep.key && keep.is_kept_in(record);
        let Some(kept) = records.find(is_kept).cloned() else {
            return Ok(None);
        };
        let write = |file: &mut File| log::write(file, &log.header, &log.records);
        file::replace(path, write, || Ok(()))?;
        Ok(Some(kept))
    }

    fn start(path: &Path, log: Log, lock: Lock) -> Result<Self, StateError> {
        let file = File::options()
            .append(true)
            .open(path)
            .map_err(StateError::io("open", path))?;
        let needs_compaction = log.lines > log.records.len();
        let records = Arc::new(Mutex::new(log.records));
        let writer = Writer::start(path, file, log.length, Arc::clone(&records))?;
        Ok(Self {
            path: path.to_owned(),
            header: log.header,
            listed: Mutex::default(),
            records,
            needs_compaction,
            writer,
            _lock: lock,
        })
    }

    /// Which state this is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Takes note of until when every job of the service is known. It becomes durable with the end of a
    /// run that records something; until then the state knows less than it could.
    pub fn note_listed(&self, listed: &Listed) {
        let mut noted = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(listed);
    }

    /// All records as they are now on disk.
    pub fn records(&self) -> Records {
        lock(&self.records).clone()
    }

    /// One record as it is now on disk.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Arc<Record>> {
        lock(&self.records).get(fingerprint).cloned()
    }

    /// Writes a record and returns when it is durable. Those who call it at the same time share
    /// one fsync.
    pub async fn append(&self, record: Record) -> Appended {
        match self.queue(record)?.await {
            Ok(appended) => appended,
            Err(_) => Err(self.writer_gone()),
        }
    }

    /// [`append`](Self::append) for callers without a runtime.
    pub fn append_blocking(&self, record: Record) -> Appended {
        match self.queue(record)?.blocking_recv() {
            Ok(appended) => appended,
            Err(_) => Err(self.writer_gone()),
        }
    }

    /// Every line of a fingerprint is younger than the ones before it, whatever the clock does.
    fn queue(&self, mut record: Record) -> Result<oneshot::Receiver<Appended>, StateError> {
        let mut written_at = Timestamp::now();
        if let Some(previous) = self.get(&record.fingerprint) {
            let next = previous
                .written_at
                .checked_add(SignedDuration::from_nanos(1));
            written_at = written_at.max(next.unwrap_or(written_at));
        }
        record.written_at = written_at;
        self.writer.append(record).ok_or_else(|| self.writer_gone())
    }

    fn writer_gone(&self) -> StateError {
        StateError::ExternallyModified {
            path: self.path.clone(),
            problem: "lost its writer",
        }
    }

    /// Ends writing: compacts the log and gives the lock back.
    pub fn close(self) -> Result<(), StateError> {
        let gone = self.writer_gone();
        let written = self.writer.finish().ok_or(gone)?;
        if let Some(failure) = written.failure {
            return Err(failure);
        }
        tracing::debug!(
            lines = written.lines,
            syncs = written.syncs,
            "state written"
        );
        if written.lines == 0 && !self.needs_compaction {
            return Ok(());
        }
        let mut header = self.header;
        let listed = self.listed.into_inner();
        header
            .listed
            .extend(&listed.unwrap_or_else(PoisonError::into_inner));
        let write = |file: &mut File| log::write(file, &header, &lock(&self.records));
        file::replace(&self.path, write, || {
            if file::refers_to(&self.path, &written.file) {
                return Ok(());
            }
            Err(StateError::ExternallyModified {
                path: self.path.clone(),
                problem: "was removed or replaced",
            })
        })
    }
}

/// A link stays a link when the file behind it is replaced.
fn resolve_links(path: &Path) -> Result<PathBuf, StateError> {
    fs::canonicalize(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => StateError::Missing {
            path: path.to_owned(),
        },
        _ => StateError::io("open", path)(source),
    })
}
