//! Jobs that are on the disk and have no rows of their own yet.
//!
//! Jobs that come together go to the disk as one record of a file beside the database, written over
//! what is there already, so that it costs one write and one sync of nothing but itself. The jobs get
//! rows before anybody looks; the transaction that gives them notes the number of their record, and
//! numbers never come again. When none waits, the next round begins at the start of the file.
//!
//! The database knows the journal's id. A new database begins a new journal; one that has lost its
//! own is refused, because jobs that were answered may be in it.

mod error;
mod record;
mod recovery;
#[cfg(test)]
pub(super) mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::NamedTempFile;
use uuid::Uuid;

pub use error::{JournalError, JournalProblem};
pub(in crate::service) use record::EncodedJob;

use super::jobs::NewJob;
use crate::service::lock::lock;
use record::{Record, Seal};

/// A journal begins with this and its id, on a line of their own.
const TITLE: &str = "stocktake-journal 1 ";

/// Where the first record stands.
const BEGIN: u64 = TITLE.len() as u64 + 32 + 1;

/// By so much the file grows at once: a sync costs twice as much when the file has grown.
const CHUNK: u64 = 4 * 1024 * 1024;

/// By so much it is written then: all callers wait meanwhile, twice as long with [`io::copy`]'s own
/// buffer.
const STEP: usize = 256 * 1024;

/// What a round has used beyond this is given back.
const KEPT: u64 = 8 * CHUNK;

/// Where a record stands, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    offset: u64,
    pub(super) sequence: i64,
}

impl Place {
    /// Where the next record stands.
    fn behind(self, record: &Record) -> Self {
        Self {
            offset: self.offset + record.length(),
            sequence: self.sequence + 1,
        }
    }
}

/// The journal, open. One thread appends to it and another one reads and forgets.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    seal: Seal,
    waiting: Mutex<Range>,
    /// Locked while a record is written, and before `waiting`.
    appender: Mutex<Appender>,
    /// For what waits, which is not written over.
    reader: File,
}

/// The records that wait.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: Place,
    /// Where the next record goes.
    end: Place,
}

impl Range {
    fn is_empty(&self) -> bool {
        self.first == self.end
    }
}

/// The file as it is written to.
#[derive(Debug)]
struct Appender {
    file: File,
    /// Up to here it is filled with what may be written over.
    size: u64,
    /// Whether all syncs went well.
    is_sound: bool,
}

impl Journal {
    /// Makes an empty journal, durably and in the place of any other, and gives back its id.
    pub(super) fn create(path: &Path) -> Result<String, JournalError> {
        let id = Uuid::new_v4().simple().to_string();
        let create = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            let mut file = NamedTempFile::new_in(folder)?;
            writeln!(file, "{TITLE}{id}")?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            File::open(folder)?.sync_all()
        };
        create().map_err(|error| failed(path, error))?;
        Ok(id)
    }

    /// Opens the journal of that id, whose records up to the number `indexed` have their rows.
    pub(super) fn open(path: &Path, id: &str, indexed: i64) -> Result<Self, JournalError> {
        let open = || -> Result<Self, JournalProblem> {
            let file = OpenOptions::new().read(true).write(true).open(path);
            let mut file = file.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => JournalProblem::Missing,
                _ => error.into(),
            })?;
            check_title(&mut file, id)?;
            let seal = Seal::new(id);
            let waiting = recovery::recover(&file, &seal, indexed)?;
            let appender = Appender {
                size: file.metadata()?.len(),
                file,
                is_sound: true,
            };
            Ok(Self {
                path: path.to_owned(),
                seal,
                waiting: Mutex::new(waiting),
                appender: Mutex::new(appender),
                reader: File::open(path)?,
            })
        };
        open().map_err(|problem| failed(path, problem))
    }

    /// The number of the last record that waits.
    pub(super) fn last_waiting(&self) -> Option<i64> {
        let waiting = *lock(&self.waiting);
        (!waiting.is_empty()).then_some(waiting.end.sequence - 1)
    }

    /// The first record that waits, or will.
    pub(super) fn first_waiting(&self) -> Place {
        lock(&self.waiting).first
    }

    /// Makes a job ready for [`Journal::append`].
    pub(super) fn encode(&self, job: &NewJob) -> Result<EncodedJob, JournalError> {
        EncodedJob::new(job).map_err(|error| failed(&self.path, error))
    }

    /// Takes in jobs that came together, all of them or none. When this returns, they are on the disk.
    pub(super) fn append(&self, jobs: &[EncodedJob]) -> Result<(), JournalError> {
        self.try_append(jobs)
            .map_err(|problem| failed(&self.path, problem))
    }

    fn try_append(&self, jobs: &[EncodedJob]) -> Result<(), JournalProblem> {
        let mut appender = lock(&self.appender);
        let mut end = lock(&self.waiting).end;
        let line = record::encode(&self.seal, end.sequence, jobs);
        appender.write(end.offset, &line)?;
        end.offset += line.len() as u64;
        end.sequence += 1;
        lock(&self.waiting).end = end;
        Ok(())
    }

    /// Reads waiting records one by one, those from `place` to the number `last`. `take` gets the jobs
    /// of each and says whether it wants another one. Gives back where it stopped.
    pub(super) fn read<E: From<JournalError>>(
        &self,
        mut place: Place,
        last: i64,
        mut take: impl FnMut(Vec<NewJob>) -> Result<bool, E>,
    ) -> Result<Place, E> {
        let failed = |problem| failed(&self.path, problem);
        let end = lock(&self.waiting).end;
        let mut reader = BufReader::new(&self.reader);
        let sought = reader.seek(SeekFrom::Start(place.offset));
        sought.map_err(|error| failed(error.into()))?;
        let mut wants_more = true;
        while wants_more && place.sequence <= last && place != end {
            let (jobs, behind) = self.next(&mut reader, place).map_err(failed)?;
            wants_more = take(jobs)?;
            place = behind;
        }
        Ok(place)
    }

    fn next(
        &self,
        source: &mut impl Read,
        place: Place,
    ) -> Result<(Vec<NewJob>, Place), JournalProblem> {
        let record = record::read(source, &self.seal)?.record();
        let record = record.filter(|record| record.sequence == place.sequence);
        let record = record.ok_or(JournalProblem::Damaged {
            offset: place.offset,
        })?;
        Ok((record.jobs()?, place.behind(&record)))
    }

    /// What stands before `place` has rows that are on the disk.
    pub(super) fn forget(&self, place: Place) {
        if place == self.first_waiting() {
            return;
        }
        // Nothing is being written where this begins anew.
        let mut appender = lock(&self.appender);
        let mut waiting = lock(&self.waiting);
        waiting.first = place;
        if waiting.is_empty() {
            waiting.end.offset = BEGIN;
            waiting.first = waiting.end;
            appender.give_back();
        }
    }
}

impl Appender {
    /// Puts a record there, durably.
    fn write(&mut self, offset: u64, line: &[u8]) -> Result<(), JournalProblem> {
        if !self.is_sound {
            return Err(JournalProblem::Unsynced);
        }
        let length = line.len() as u64;
        if length > record::LONGEST {
            return Err(JournalProblem::TooLarge);
        }
        self.make_room(offset + length)?;
        self.file.write_all_at(line, offset)?;
        self.file.sync_data().map_err(|error| {
            self.is_sound = false;
            tracing::error!(%error, "a sync of the journal failed");
            JournalProblem::Unsynced
        })
    }

    /// Fills the file with zeros up to that offset and beyond, for syncs to come.
    fn make_room(&mut self, needed: u64) -> io::Result<()> {
        if needed <= self.size {
            return Ok(());
        }
        let size = needed.next_multiple_of(CHUNK);
        if let Err(error) = self.fill(size).and_then(|()| self.file.sync_all()) {
            // A disk that is full needs the room for other things.
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size = size;
        Ok(())
    }

    /// Writes zeros up to that offset.
    fn fill(&mut self, size: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.size))?;
        let mut writer = BufWriter::with_capacity(STEP, &self.file);
        io::copy(&mut io::repeat(0).take(size - self.size), &mut writer)?;
        writer.flush()
    }

    fn give_back(&mut self) {
        if self.size > KEPT && self.file.set_len(KEPT).is_ok() {
            self.size = KEPT;
        }
    }
}

fn failed(path: &Path, problem: impl Into<JournalProblem>) -> JournalError {
    JournalError {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

fn check_title(file: &mut File, id: &str) -> Result<(), JournalProblem> {
    let mut title = Vec::new();
    file.take(BEGIN).read_to_end(&mut title)?;
    let found = title.strip_prefix(TITLE.as_bytes());
    let found = found.and_then(|found| found.strip_suffix(b"\n"));
    match found.ok_or(JournalProblem::Format)? {
        found if found == id.as_bytes() => Ok(()),
        _ => Err(JournalProblem::Foreign),
    }
}
