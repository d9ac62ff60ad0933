//! The whole log: read into records, and written as one line a fingerprint.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

use super::error::StateError;
use super::header::{Expected, FORMAT, Header, HeaderLine};
use super::join::join;
use super::keep::Keep;
use super::line::{Line, LineError, begins_with_whole_line, decode, encode, encode_into};
use super::record::Record;
use super::records::Records;
use crate::files;

/// Some three million records.
const SIZE_LIMIT: u64 = 1 << 30;
/// Records that are encoded before their lines are written.
const RECORDS_PER_WRITE: usize = 4096;

/// A log as it was found.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) header: Header,
    pub(super) records: Records,
    /// Bytes in the file.
    pub(super) length: u64,
    /// Lines that say something about a record.
    pub(super) lines: usize,
    /// Whether the last line has its end.
    pub(super) ends_well: bool,
    /// Whether a header has the format that this version writes.
    pub(super) is_current: bool,
}

/// Reads the log at `path`.
pub(super) fn read(path: &Path, expected: Expected<'_>) -> Result<Log, StateError> {
    parse(path, &read_file(path)?, expected)
}

/// [`read`] for a log in which two branches submitted the same work: `keep` decides which counts.
pub(super) fn read_keeping(
    path: &Path,
    expected: Expected<'_>,
    keep: &Keep<'_>,
) -> Result<Log, StateError> {
    parse_keeping(path, &read_file(path)?, expected, Some(keep))
}

/// Reads a log; `path` is for messages.
pub(super) fn parse(path: &Path, text: &[u8], expected: Expected<'_>) -> Result<Log, StateError> {
    parse_keeping(path, text, expected, None)
}

fn parse_keeping(
    path: &Path,
    text: &[u8],
    expected: Expected<'_>,
    keep: Option<&Keep<'_>>,
) -> Result<Log, StateError> {
    let (lines, ends_well) = decode_lines(text);
    let mut reading = Reading::new(path, expected, &lines);
    reading.keep = keep;
    (0..lines.len()).try_for_each(|index| reading.take(index))?;
    reading.finish(text.len(), ends_well)
}

/// Reads the log at `path` to its end, whatever is wrong with it, and checks every fingerprint, which
/// [`read`] does not.
pub(super) fn verify(path: &Path, expected: Expected<'_>) -> Result<Log, Vec<StateError>> {
    let text = read_file(path).map_err(|error| vec![error])?;
    let (lines, ends_well) = decode_lines(&text);
    let mut reading = Reading::new(path, expected, &lines);
    let mut problems = Vec::new();
    problems.extend((0..lines.len()).filter_map(|index| reading.take(index).err()));
    for (index, line) in lines.iter().enumerate() {
        if let Ok(Line::Record(record)) = line
            && record.work.fingerprint() != record.fingerprint
        {
            let problem = "has a fingerprint that is not that of its work";
            problems.push(reading.damaged(index, problem.to_owned()));
        }
    }
    let log = reading.finish(text.len(), ends_well);
    match log {
        Ok(log) if problems.is_empty() => Ok(log),
        // A missing header is reported by the first line already.
        Err(error) if problems.is_empty() || matches!(error, StateError::Truncated { .. }) => {
            problems.push(error);
            Err(problems)
        }
        _ => Err(problems),
    }
}

/// The state is behind a link to something that is not there now.
pub(super) fn leads_nowhere(path: &Path) -> StateError {
    let source = io::Error::other("it is a link, or below one, that leads nowhere");
    StateError::io("open", path)(source)
}

fn read_file(path: &Path) -> Result<Vec<u8>, StateError> {
    let file = files::open(path).map_err(|source| match source.kind() {
        // A state whose link leads nowhere was begun, and is somewhere else.
        io::ErrorKind::NotFound if files::is_dangling(path) => leads_nowhere(path),
        io::ErrorKind::NotFound => StateError::Missing {
            path: path.to_owned(),
        },
        _ => StateError::io("open", path)(source),
    })?;
    let mut text = Vec::new();
    let read = file.take(SIZE_LIMIT + 1).read_to_end(&mut text);
    let length = read.map_err(StateError::io("read", path))?;
    if length as u64 > SIZE_LIMIT {
        return Err(StateError::TooLarge {
            path: path.to_owned(),
            limit: SIZE_LIMIT,
        });
    }
    Ok(text)
}

/// Decodes every line on all cores; the second value is whether the last line has its end.
///
/// A torn last line is left out. Nothing depends on what it said: the step that would have depended
/// on it waits until the whole line is durable.
fn decode_lines(text: &[u8]) -> (Vec<Result<Line, LineError>>, bool) {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    let (whole, rest) = end.map_or((None, text), |end| (Some(&text[..end]), &text[end + 1..]));
    let mut lines: Vec<_> = whole.map_or_else(Vec::new, |whole| {
        whole.par_split(|byte| *byte == b'\n').map(decode).collect()
    });
    if begins_with_whole_line(rest) {
        lines.push(decode(rest));
    }
    (lines, rest.is_empty())
}

/// Writes the log: the header, then one line a fingerprint, sorted by key.
pub(super) fn write(out: &mut impl Write, header: &Header, records: &Records) -> io::Result<()> {
    out.write_all(&encode(&HeaderLine::new(header, records.len()))?)?;
    let sorted: Vec<&Record> = records.iter().map(Arc::as_ref).collect();
    for records in sorted.chunks(RECORDS_PER_WRITE) {
        let lines = records.par_chunks(RECORDS_PER_WRITE / 16).map(|records| {
            let mut lines = Vec::new();
            let mut records = records.iter();
            records.try_for_each(|record| encode_into(&mut lines, record))?;
            Ok(lines)
        });
        let lines: Result<Vec<Vec<u8>>, serde_json::Error> = lines.collect();
        out.write_all(&lines?.concat())?;
    }
    Ok(())
}

/// A log while its lines are joined into records.
struct Reading<'a> {
    path: &'a Path,
    expected: Expected<'a>,
    lines: &'a [Result<Line, LineError>],
    keep: Option<&'a Keep<'a>>,
    header: Option<Header>,
    promised: usize,
    is_current: bool,
    records: Records,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, expected: Expected<'a>, lines: &'a [Result<Line, LineError>]) -> Self {
        Self {
            path,
            expected,
            lines,
            keep: None,
            header: None,
            promised: 0,
            is_current: false,
            records: Records::default(),
        }
    }

    fn take(&mut self, index: usize) -> Result<(), StateError> {
        match &self.lines[index] {
            Ok(Line::Header(header)) => self.take_header(header),
            Ok(Line::Record(_)) if self.header.is_none() => {
                let problem = "should be the header of a state, and is a record";
                Err(self.damaged(index, problem.to_owned()))
            }
            Ok(Line::Record(record)) => self.take_record(index, record),
            Err(LineError::NewerFormat(found)) => Err(StateError::NewerFormat {
                path: self.path.to_owned(),
                found: found.clone(),
            }),
            Err(LineError::Damaged(problem)) => Err(self.damaged(index, problem.clone())),
        }
    }

    /// A merge of two branches may keep the headers of both.
    fn take_header(&mut self, line: &HeaderLine) -> Result<(), StateError> {
        self.promised = self.promised.max(line.records);
        self.is_current |= line.format == FORMAT;
        if line.target != self.expected.target {
            return Err(self.wrong_state("target", &line.target, self.expected.target));
        }
        let first = self.header.as_ref().map(|header| &header.lineage);
        if let Some(lineage) = self.expected.lineage.or(first)
            && line.lineage != *lineage
        {
            return Err(self.wrong_state("lineage", line.lineage.as_str(), lineage.as_str()));
        }
        match &mut self.header {
            Some(header) => header.listed.join(&line.listed_until),
            first => *first = Some(line.header()),
        }
        Ok(())
    }

    fn take_record(&mut self, index: usize, record: &Arc<Record>) -> Result<(), StateError> {
        let joined = match self.records.get(&record.fingerprint) {
            None => Arc::clone(record),
            Some(known) if known == record => return Ok(()),
            Some(known) => {
                let joined = join(known, record).or_else(|problem| {
                    let kept = self.keep.and_then(|keep| keep.of_both(known, record));
                    kept.map_or(Err(problem), |(known, record)| join(&known, &record))
                });
                match joined {
                    Ok(joined) => Arc::new(joined),
                    Err(problem) => return Err(self.contradiction(index, record, problem)),
                }
            }
        };
        self.records.insert(joined);
        Ok(())
    }

    fn finish(self, length: usize, ends_well: bool) -> Result<Log, StateError> {
        let path = self.path;
        let Some(header) = self.header else {
            return Err(StateError::Damaged {
                path: path.to_owned(),
                line: 1,
                problem: "should be the header of a state, and is missing or incomplete".to_owned(),
            });
        };
        if self.records.len() < self.promised {
            return Err(StateError::Truncated {
                path: path.to_owned(),
                found: self.records.len(),
                expected: self.promised,
            });
        }
        let is_record = |line: &&Result<Line, LineError>| matches!(line, Ok(Line::Record(_)));
        Ok(Log {
            header,
            records: self.records,
            length: length as u64,
            lines: self.lines.iter().filter(is_record).count(),
            ends_well,
            is_current: self.is_current,
        })
    }

    fn damaged(&self, index: usize, problem: String) -> StateError {
        StateError::Damaged {
            path: self.path.to_owned(),
            line: index + 1,
            problem,
        }
    }

    fn wrong_state(&self, what: &'static str, found: &str, expected: &str) -> StateError {
        StateError::WrongState {
            path: self.path.to_owned(),
            what,
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    /// Names the line itself that disagrees, or else the last one about the same work.
    fn contradiction(&self, second: usize, record: &Record, problem: String) -> StateError {
        let earlier = self.lines[..second].iter().enumerate();
        let mut earlier = earlier.filter_map(|(index, line)| match line {
            Ok(Line::Record(other)) if other.fingerprint == record.fingerprint => {
                Some((index, other))
            }
            _ => None,
        });
        let culprit = earlier
            .clone()
            .find(|(_, other)| join(other, record).is_err());
        let first = culprit.or_else(|| earlier.next_back());
        StateError::Contradiction {
            path: self.path.to_owned(),
            first: first.map_or(second, |(index, _)| index) + 1,
            second: second + 1,
            problem,
        }
    }
}
