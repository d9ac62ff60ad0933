//! A state that is open for writing, wherever it is.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::error::StateError;
use super::file_state::{self, FileState};
use super::header::{Expected, Header};
use super::keep::Keep;
use super::line::encode;
use super::listed::Listed;
use super::location::Location;
use super::lock::Holder;
use super::log;
use super::record::Record;
use super::records::Records;
use super::shared::ownership::Terms;
use super::shared::{self, Failure, Hold, Opening, Position, Shared, SharedLog, SharedWriter};
use super::writer::{SharedRecords, lock};
use crate::job::Fingerprint;

/// How to open a state for writing.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Begin an empty state where there is none.
    pub create: bool,
    /// How long to wait for another writer.
    pub lock_timeout: Duration,
}

/// How to open a state for writing, wherever it is.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// Begin an empty state where there is none. A shared one is begun by a person alone.
    pub create: bool,
    /// How long to wait for another writer; without it not at all for a file, and the lease and 30
    /// seconds for a shared state.
    pub lock_timeout: Option<Duration>,
    /// For how long a shared state is owned. A file is locked throughout.
    pub hold: Hold,
}

/// A state as it was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Which state it is.
    pub header: Header,
    /// What it says.
    pub records: Records,
    /// Where a shared log ended.
    pub position: Option<Position>,
    /// The run that owns a shared log.
    pub holder: Option<Holder>,
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

/// A state that can be written.
///
/// Dropping it gives it back to others; [`close`](Self::close) ends it well.
#[derive(Debug)]
pub struct StateStore {
    header: Header,
    /// What this run found out about when every job is known; written with what it records.
    listed: Arc<Mutex<Listed>>,
    records: SharedRecords,
    position: Option<Position>,
    holder: Option<Holder>,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    File(FileState),
    Shared(String, SharedWriter),
}

/// What became of an append: told by the writer of a file, or of a shared log.
enum Receiver {
    File(oneshot::Receiver<Result<Arc<Record>, StateError>>),
    Shared(oneshot::Receiver<Result<Arc<Record>, Failure>>),
}

impl StateStore {
    /// Reads a state without taking its lock. What another run is writing at the moment may be
    /// missing; a half-written line is ignored.
    pub fn read(path: &Path, expected: Expected<'_>) -> Result<(Header, Records), StateError> {
        let log = log::read(path, expected)?;
        Ok((log.header, log.records))
    }

    /// [`read`](Self::read) for a state wherever it is.
    pub fn read_at(location: &Location, expected: Expected<'_>) -> Result<Reading, StateError> {
        match location {
            Location::File(path) => {
                let log = log::read(path, expected)?;
                Ok(Reading {
                    header: log.header,
                    records: log.records,
                    position: None,
                    holder: None,
                })
            }
            Location::Shared(shared) => {
                let log = read_shared(shared)?;
                let checked = log.check_is(expected);
                checked.map_err(|failure| StateError::shared(&shared.address, failure))?;
                Ok(Reading {
                    header: log.header().clone(),
                    position: log.position(),
                    holder: log.holder().cloned(),
                    records: log.records,
                })
            }
        }
    }

    /// Reads a state from memory.
    pub fn parse(text: &[u8], expected: Expected<'_>) -> Result<(Header, Records), StateError> {
        let log = log::parse(Path::new("state"), text, expected)?;
        Ok((log.header, log.records))
    }

    /// The text of a state with these records, as it is written when it is begun anew.
    pub fn to_text(header: &Header, records: &Records) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        log::write(&mut text, header, records)?;
        Ok(text)
    }

    /// Reads a state as [`read`](Self::read) does, but reports everything that is wrong with it.
    pub fn verify(path: &Path, expected: Expected<'_>) -> Result<Verified, Vec<StateError>> {
        Self::verify_at(&path.into(), expected)
    }

    /// [`verify`](Self::verify) for a state wherever it is.
    pub fn verify_at(
        location: &Location,
        expected: Expected<'_>,
    ) -> Result<Verified, Vec<StateError>> {
        let Location::File(path) = location else {
            let read = Self::read_at(location, expected).map_err(|error| vec![error])?;
            let is_wrong = |record: &&Arc<Record>| record.work.fingerprint() != record.fingerprint;
            if let Some(record) = read.records.iter().find(is_wrong) {
                return Err(vec![StateError::Shared {
                    address: location.to_string(),
                    problem: format!(
                        "the fingerprint of `{}` is not that of its work",
                        record.key
                    ),
                }]);
            }
            return Ok(Verified {
                lines: read.records.len(),
                header: read.header,
                records: read.records,
                ends_well: true,
            });
        };
        let log = log::verify(path, expected)?;
        Ok(Verified {
            header: log.header,
            records: log.records,
            lines: log.lines,
            ends_well: log.ends_well,
        })
    }

    /// Begins an empty state in a file; one that is there already is left alone, as an error.
    pub fn init(path: &Path, target: &str) -> Result<Header, StateError> {
        file_state::init(path, target)
    }

    /// Begins an empty shared state, on these terms.
    pub fn init_shared(shared: &Shared, target: &str, terms: &Terms) -> Result<Header, StateError> {
        let begun = shared::read(shared, async |shared| {
            Ok(shared::begin(shared, target, terms).await)
        });
        let begun = begun.and_then(|begun| begun);
        let begun = begun.map_err(|failure| StateError::shared(&shared.address, failure))?;
        begun.ok_or_else(|| StateError::Exists {
            path: (&shared.address).into(),
        })
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
        file_state::keep(path, expected, lock_timeout, keep, on_wait)
    }

    /// Takes the lock, then reads. `on_wait` is told once when another writer has to be waited for.
    pub fn open_for_writing(
        path: &Path,
        expected: Expected<'_>,
        options: OpenOptions,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        let options = WriteOptions {
            create: options.create,
            lock_timeout: Some(options.lock_timeout),
            hold: Hold::Throughout,
        };
        Self::open(&path.into(), expected, options, on_wait)
    }

    /// [`open_for_writing`](Self::open_for_writing) for a state wherever it is.
    pub fn open(
        location: &Location,
        expected: Expected<'_>,
        options: WriteOptions,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        match location {
            Location::File(path) => {
                let file = FileState::open(path, expected, options, on_wait)?;
                Ok(Self {
                    header: file.header().clone(),
                    listed: Arc::default(),
                    records: file.shared_records(),
                    position: None,
                    holder: None,
                    backend: Backend::File(file),
                })
            }
            Location::Shared(shared) => Self::own(shared, expected, options, on_wait),
        }
    }

    fn own(
        shared: &Shared,
        expected: Expected<'_>,
        options: WriteOptions,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        let records = Arc::new(Mutex::new(Records::default()));
        let listed = Arc::default();
        let opening = Opening {
            hold: options.hold,
            timeout: options.lock_timeout,
            target: expected.target.to_owned(),
            lineage: expected.lineage.cloned(),
            listed: Arc::clone(&listed),
        };
        let opened = SharedWriter::open(shared.clone(), opening, Arc::clone(&records), on_wait);
        let (log, writer) =
            opened.map_err(|failure| StateError::shared(&shared.address, failure))?;
        Ok(Self {
            header: log.header().clone(),
            listed,
            records,
            position: log.position(),
            holder: log.holder().cloned(),
            backend: Backend::Shared(shared.address.clone(), writer),
        })
    }

    /// Which state this is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Takes note of until when every job of the service is known. It becomes durable with what a run
    /// records; until then the state knows less than it could.
    pub fn note_listed(&self, listed: &Listed) {
        let mut noted = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(listed);
    }

    /// Where a shared log ended when it was opened.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The run that owns a shared log: this one, or none.
    pub fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// All records as they are stored now; with [`Hold::AtTheEnd`], as they will be.
    pub fn records(&self) -> Records {
        lock(&self.records).clone()
    }

    /// One record as it is stored now.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Arc<Record>> {
        lock(&self.records).get(fingerprint).cloned()
    }

    /// Writes a record and returns when it is durable. Those who call it at the same time share
    /// one fsync, or one slot.
    pub async fn append(&self, record: Record) -> Result<Arc<Record>, StateError> {
        let gone = || self.writer_gone();
        match self.queue(record)? {
            Receiver::File(receiver) => receiver.await.unwrap_or_else(|_| Err(gone())),
            Receiver::Shared(receiver) => match receiver.await {
                Ok(appended) => appended.map_err(|failure| self.failed(failure)),
                Err(_) => Err(gone()),
            },
        }
    }

    /// [`append`](Self::append) for callers without a runtime.
    pub fn append_blocking(&self, record: Record) -> Result<Arc<Record>, StateError> {
        let gone = || self.writer_gone();
        match self.queue(record)? {
            Receiver::File(receiver) => receiver.blocking_recv().unwrap_or_else(|_| Err(gone())),
            Receiver::Shared(receiver) => match receiver.blocking_recv() {
                Ok(appended) => appended.map_err(|failure| self.failed(failure)),
                Err(_) => Err(gone()),
            },
        }
    }

    /// Every line of a fingerprint is younger than the ones before it, whatever the clock does.
    fn queue(&self, mut record: Record) -> Result<Receiver, StateError> {
        let mut written_at = Timestamp::now();
        if let Some(previous) = self.get(&record.fingerprint) {
            let next = previous
                .written_at
                .checked_add(SignedDuration::from_nanos(1));
            written_at = written_at.max(next.unwrap_or(written_at));
        }
        record.written_at = written_at;
        let record = Arc::new(record);
        match &self.backend {
            Backend::File(file) => file.append(record).map(Receiver::File),
            Backend::Shared(_, writer) => {
                let length = encode(&*record).map_or(0, |line| line.len());
                let queued = writer.append(record, length).map(Receiver::Shared);
                queued.ok_or_else(|| self.writer_gone())
            }
        }
    }

    fn writer_gone(&self) -> StateError {
        match &self.backend {
            Backend::File(file) => file.writer_gone(),
            Backend::Shared(address, _) => StateError::Shared {
                address: address.clone(),
                problem: "it lost its writer".to_owned(),
            },
        }
    }

    fn failed(&self, failure: Failure) -> StateError {
        match &self.backend {
            Backend::File(file) => file.writer_gone(),
            Backend::Shared(address, _) => StateError::shared(address, failure),
        }
    }

    /// Ends writing: compacts a file and gives its lock back; lets a shared log go.
    pub fn close(self) -> Result<(), StateError> {
        match self.backend {
            Backend::File(file) => {
                let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
                file.close(&listed)
            }
            Backend::Shared(address, writer) => {
                let ended = writer.finish();
                ended.map_err(|failure| StateError::shared(&address, failure))
            }
        }
    }
}

fn read_shared(shared: &Shared) -> Result<SharedLog, StateError> {
    let read = shared::read(shared, async |shared| SharedLog::read(&*shared.store).await);
    read.map_err(|failure| StateError::shared(&shared.address, failure))
}

/// The log as it is, for those who look at its owner.
pub fn look_at(shared: &Shared) -> Result<SharedLog, StateError> {
    read_shared(shared)
}

/// Refuses a log that no longer contains what was read of it before.
pub fn check_position(shared: &Shared, place: &Position) -> Result<(), StateError> {
    let checked = shared::read(shared, async |shared| {
        let log = SharedLog::read(&*shared.store).await?;
        log.check(&*shared.store, place).await
    });
    checked.map_err(|failure| StateError::shared(&shared.address, failure))
}
