//! The whole log: read into records, and written anew, one line a fingerprint.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rayon::iter::{
    IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator,
};
use rayon::slice::ParallelSlice;

use super::error::StateError;
use super::header::{Expected, Header, HeaderLine};
use super::join::join;
use super::known::KnownJobs;
use super::line::{Line, LineError, encode, encode_behind};
use super::pieces::{End, each_piece};
use super::record::Record;
use super::records::Records;

/// Room for so many records is taken at once, when a header promises them.
const MANY: usize = 1 << 17;

/// So many records become one piece of a log that is written.
const RECORDS_A_PIECE: usize = 256;

/// A log as it was found.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) header: Header,
    pub(super) records: Records,
    /// Bytes in the file.
    pub(super) length: u64,
    /// Lines that say something about a record.
    pub(super) lines: usize,
    /// Whether lines can be appended as it is.
    pub(super) ends_well: bool,
}

/// Reads the log at `path`. The work of a job that is `known` is not read again.
pub(super) fn read(
    path: &Path,
    expected: Expected<'_>,
    known: &KnownJobs<'_>,
) -> Result<Log, StateError> {
    parse(path, open(path)?, expected, known)
}

/// Reads a log; `path` is for messages.
pub(super) fn parse(
    path: &Path,
    source: impl Read + Send,
    expected: Expected<'_>,
    known: &KnownJobs<'_>,
) -> Result<Log, StateError> {
    let mut reading = Reading::new(path, expected);
    let end = each_piece(path, source, known, |lines| {
        lines.into_iter().try_for_each(|line| reading.take(line))
    })?;
    reading.finish(&end)
}

/// Reads the log at `path` to its end, whatever is wrong with it, and checks more than [`read`] has
/// time for.
pub(super) fn verify(path: &Path, expected: Expected<'_>) -> Result<Log, Vec<StateError>> {
    let mut reading = Reading::new(path, expected);
    let mut problems = Vec::new();
    let end = open(path).and_then(|file| {
        each_piece(path, file, &KnownJobs::default(), |lines| {
            problems.extend(
                lines
                    .into_iter()
                    .filter_map(|line| reading.take(line).err()),
            );
            Ok(())
        })
    });
    let end = end.map_err(|error| vec![error])?;
    for (line, record) in &reading.found {
        if record.work.fingerprint() != record.fingerprint {
            let problem = "has a fingerprint that is not that of its work";
            problems.push(reading.damaged(*line, problem.to_owned()));
        }
    }
    let log = reading.finish(&end);
    match log {
        Ok(log) if problems.is_empty() => Ok(log),
        // A state without a header is told once, by its first line.
        Err(error) if problems.is_empty() || matches!(error, StateError::CutShort { .. }) => {
            problems.push(error);
            Err(problems)
        }
        _ => Err(problems),
    }
}

fn open(path: &Path) -> Result<File, StateError> {
    File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => StateError::Missing {
            path: path.to_owned(),
        },
        _ => StateError::io("open", path)(source),
    })
}

/// Writes the log anew: the header, then one line a fingerprint, sorted by key. As many pieces as there
/// are cores are made at once, always in the same room: together they may be large.
pub(super) fn write(out: &mut impl Write, header: &Header, records: &Records) -> io::Result<()> {
    let mut sorted: Vec<&Record> = records.iter().map(Arc::as_ref).collect();
    sorted
        .sort_by(|left, right| (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint)));
    out.write_all(&encode(&HeaderLine::new(header, records.len()))?)?;
    let mut pieces = vec![Vec::new(); rayon::current_num_threads()];
    for at_once in sorted.chunks(RECORDS_A_PIECE * pieces.len()) {
        let encoded = pieces
            .par_iter_mut()
            .zip(at_once.par_chunks(RECORDS_A_PIECE));
        encoded.try_for_each(|(piece, records)| encode_all(piece, records))?;
        let count = at_once.len().div_ceil(RECORDS_A_PIECE);
        pieces[..count]
            .iter()
            .try_for_each(|piece| out.write_all(piece))?;
    }
    Ok(())
}

fn encode_all(piece: &mut Vec<u8>, records: &[&Record]) -> Result<(), serde_json::Error> {
    piece.clear();
    records
        .iter()
        .try_for_each(|record| encode_behind(piece, record))
}

/// A log while it is read line by line.
struct Reading<'a> {
    path: &'a Path,
    expected: Expected<'a>,
    header: Option<Header>,
    promised: usize,
    /// How many lines there were.
    lines: usize,
    /// Every record as its line has it, to find the line that another one contradicts.
    found: Vec<(usize, Arc<Record>)>,
    records: Records,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, expected: Expected<'a>) -> Self {
        Self {
            path,
            expected,
            header: None,
            promised: 0,
            lines: 0,
            found: Vec::new(),
            records: Records::default(),
        }
    }

    fn take(&mut self, line: Result<Line, LineError>) -> Result<(), StateError> {
        self.lines += 1;
        let number = self.lines;
        match line {
            Ok(Line::Header(header)) => self.take_header(*header),
            Ok(Line::Record(_)) if self.header.is_none() => {
                let problem = "should be the header of a state, and is a record";
                Err(self.damaged(number, problem.to_owned()))
            }
            Ok(Line::Record(record)) => self.take_record(number, record),
            Err(LineError::NewerFormat(found)) => Err(StateError::NewerFormat {
                path: self.path.to_owned(),
                found,
            }),
            Err(LineError::Damaged(problem)) => Err(self.damaged(number, problem)),
        }
    }

    /// A merge of two branches may keep the headers of both.
    fn take_header(&mut self, line: HeaderLine) -> Result<(), StateError> {
        self.promised = self.promised.max(line.records);
        let many = line.records.min(MANY);
        self.records.reserve(many);
        self.found.reserve(many);
        let header = line.into_header();
        if header.target != self.expected.target {
            return Err(self.foreign("target", &header.target, self.expected.target));
        }
        let first = self.header.as_ref().map(|header| &header.lineage);
        if let Some(lineage) = self.expected.lineage.or(first)
            && header.lineage != *lineage
        {
            return Err(self.foreign("lineage", header.lineage.as_str(), lineage.as_str()));
        }
        self.header.get_or_insert(header);
        Ok(())
    }

    fn take_record(&mut self, number: usize, record: Arc<Record>) -> Result<(), StateError> {
        self.found.push((number, Arc::clone(&record)));
        let joined = match self.records.get(&record.fingerprint) {
            None => record,
            Some(known) if *known == record => return Ok(()),
            Some(known) => match join(known, &record) {
                Ok(joined) => Arc::new(joined),
                Err(problem) => return Err(self.contradiction(number, &record, problem)),
            },
        };
        self.records.insert(joined);
        Ok(())
    }

    fn finish(self, end: &End) -> Result<Log, StateError> {
        let path = self.path;
        let Some(header) = self.header else {
            return Err(StateError::Damaged {
                path: path.to_owned(),
                line: 1,
                problem: "should be the header of a state, and is missing or incomplete".to_owned(),
            });
        };
        if self.records.len() < self.promised {
            return Err(StateError::CutShort {
                path: path.to_owned(),
                found: self.records.len(),
                expected: self.promised,
            });
        }
        let lines = self.found.len();
        // To let go of a record is to look at it once more, which takes one core milliseconds.
        let found = self.found.into_par_iter();
        found.for_each(drop);
        Ok(Log {
            header,
            records: self.records,
            length: end.length,
            lines,
            ends_well: end.ends_well,
        })
    }

    fn damaged(&self, line: usize, problem: String) -> StateError {
        StateError::Damaged {
            path: self.path.to_owned(),
            line,
            problem,
        }
    }

    fn foreign(&self, what: &'static str, found: &str, expected: &str) -> StateError {
        StateError::Foreign {
            path: self.path.to_owned(),
            what,
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// Names the line itself that disagrees, or else the last one about the same work.
    fn contradiction(&self, second: usize, record: &Record, problem: String) -> StateError {
        let mut earlier = self
            .found
            .iter()
            .filter(|(line, other)| *line != second && other.fingerprint == record.fingerprint);
        let culprit = earlier
            .clone()
            .find(|(_, other)| join(other, record).is_err());
        let first = culprit.or_else(|| earlier.next_back());
        let first = first.map_or(second, |(line, _)| *line);
        StateError::Contradiction {
            path: self.path.to_owned(),
            first,
            second,
            problem,
        }
    }
}
