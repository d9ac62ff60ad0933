//! A state in a file of this machine: locked, appended to, compacted at the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
use super::store::WriteOptions;
use super::writer::{Appended, SharedRecords, Writer, lock};
use crate::files;

/// A state in a file that is locked and can be written. Dropping it gives the lock back and leaves the
/// log as it is.
#[derive(Debug)]
pub(super) struct FileState {
    path: PathBuf,
    header: Header,
    records: SharedRecords,
    /// Whether the log has more than one line a fingerprint.
    needs_compaction: bool,
    writer: Writer,
    _lock: Lock,
}

/// Begins an empty state; one that is there already is left alone, as an error.
pub(super) fn init(path: &Path, target: &str) -> Result<Header, StateError> {
    let header = Header::new(target);
    file::create(path, |file| log::write(file, &header, &Records::default()))?;
    Ok(header)
}

/// Ends contradictions between two branches, and compacts the log.
pub(super) fn keep(
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

impl FileState {
    /// Takes the lock, then reads. `on_wait` is told once when another writer has to be waited for.
    pub(super) fn open(
        path: &Path,
        expected: Expected<'_>,
        options: WriteOptions,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        if !path.exists() && files::is_dangling(path) {
            return Err(log::leads_nowhere(path));
        }
        if options.create && !path.exists() {
            // Two that begin at once are one beginning.
            match init(path, expected.target) {
                Ok(_) | Err(StateError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let path = &resolve_links(path)?;
        let timeout = options.lock_timeout.unwrap_or(Duration::ZERO);
        let lock = Lock::take(path, timeout, on_wait)?;
        let mut log = log::read(path, expected)?;
        // A torn line would hide what is appended, and an older version must not read half of it.
        if !log.ends_well || !log.is_current {
            let write = |file: &mut File| log::write(file, &log.header, &log.records);
            file::replace(path, write, || Ok(()))?;
            log = log::read(path, expected)?;
        }
        Self::start(path, log, lock)
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
            records,
            needs_compaction,
            writer,
            _lock: lock,
        })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn shared_records(&self) -> SharedRecords {
        Arc::clone(&self.records)
    }

    /// Queues a record; the receiver is told when it is durable.
    pub(super) fn append(
        &self,
        record: Arc<Record>,
    ) -> Result<oneshot::Receiver<Appended>, StateError> {
        self.writer.append(record).ok_or_else(|| self.writer_gone())
    }

    pub(super) fn writer_gone(&self) -> StateError {
        StateError::ExternallyModified {
            path: self.path.clone(),
            problem: "lost its writer",
        }
    }

    /// Ends writing: compacts the log and gives the lock back.
    pub(super) fn close(self, listed: &Listed) -> Result<(), StateError> {
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
        header.listed.extend(listed);
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
