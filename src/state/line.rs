//! One line of the log: a JSON object whose last member is a checksum of the text before it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::few::few;
use super::header::{FORMAT, FORMAT_PREFIX, HeaderLine};
use super::known::Lookup;
use super::record::{Record, Seen, Submission};
use crate::job::{Fingerprint, Job, JobKey};

const CHECKSUM_START: &[u8] = b",\"crc\":\"";
const CHECKSUM_END: &[u8] = b"\"}";
const CHECKSUM_LENGTH: usize = CHECKSUM_START.len() + 8 + CHECKSUM_END.len();
/// Bytes that a line of one submission has at most, mostly.
const USUAL_LENGTH: usize = 1024;
/// Only headers begin like this; records begin with their fingerprint.
const HEADER_START: &[u8] = b"{\"format\":";
const RECORD_START: &[u8] = b"{\"fingerprint\":\"";
const FINGERPRINT_LENGTH: usize = 64;
/// Where a record goes on behind its fingerprint.
const FINGERPRINT_END: usize = RECORD_START.len() + FINGERPRINT_LENGTH + 1;

// Made once: to prepare a search takes longer than to search a line.
static WORK_START: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b",\"work\":{"));
static NAME_START: LazyLock<Finder<'_>> =
    LazyLock::new(|| Finder::new(b"\"request\":{\"name\":\""));
static SUBMISSIONS_START: LazyLock<Finder<'_>> =
    LazyLock::new(|| Finder::new(b",\"submissions\":["));

/// What a line says.
#[derive(Debug)]
pub(super) enum Line {
    /// In a box: nearly all lines are records, and take no more room than these.
    Header(Box<HeaderLine>),
    Record(Arc<Record>),
}

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LineError {
    /// It is not what was written; the text completes the sentence "this line …".
    Damaged(String),
    /// A format that only a newer version knows.
    NewerFormat(String),
}

/// Writes a line, its end included.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = Vec::with_capacity(USUAL_LENGTH);
    encode_behind(&mut line, value)?;
    Ok(line)
}

/// Writes a line behind others.
pub(super) fn encode_behind<T: Serialize>(
    text: &mut Vec<u8>,
    value: &T,
) -> Result<(), serde_json::Error> {
    let begin = text.len();
    serde_json::to_writer(&mut *text, value)?;
    text.pop();
    let checksum = crc32fast::hash(&text[begin..]);
    text.extend_from_slice(CHECKSUM_START);
    text.extend_from_slice(format!("{checksum:08x}").as_bytes());
    text.extend_from_slice(CHECKSUM_END);
    text.push(b'\n');
    Ok(())
}

/// Reads a line, given without its end; nothing reads its bytes again.
pub(super) fn decode(line: &mut [u8], known: &mut Lookup<'_>) -> Result<Line, LineError> {
    let length = line.strip_suffix(b"\r").unwrap_or(line).len();
    let line = &mut line[..length];
    if line.starts_with(HEADER_START) {
        check_format(line)?;
        return parse(object(line)?).map(Box::new).map(Line::Header);
    }
    let object = object(line)?;
    let job = fingerprint(object).and_then(|fingerprint| known.find(&fingerprint));
    let mut record = match job.and_then(|job| Some((without_work(object, job)?, job))) {
        Some((rest, job)) => parse_known(rest, job)?,
        None => parse::<Record>(object)?,
    };
    record.share_job_id();
    Ok(Line::Record(Arc::new(record)))
}

/// Whether the text begins with a whole line and goes on: then its end was not torn off, but
/// changed. (Within a line the checksum's name cannot stand a second time: quotes are escaped.)
pub(super) fn begins_with_whole_line(text: &[u8]) -> bool {
    let mut windows = text.windows(CHECKSUM_START.len());
    windows
        .position(|window| window == CHECKSUM_START)
        .and_then(|start| text.get(..start + CHECKSUM_LENGTH))
        .is_some_and(|line| checked(line).is_some())
}

/// The object that a line is without its checksum, which its end is written over.
fn object(line: &mut [u8]) -> Result<&mut [u8], LineError> {
    let Some(length) = checked(line).map(<[u8]>::len) else {
        return Err(LineError::Damaged(describe_damage(line)));
    };
    line[length] = b'}';
    Ok(&mut line[..=length])
}

fn parse<'a, T: Deserialize<'a>>(object: &'a [u8]) -> Result<T, LineError> {
    let foreign =
        |error: &dyn fmt::Display| LineError::Damaged(format!("is not a line of a state: {error}"));
    // Checked at once, which is faster than string by string.
    let text = str::from_utf8(object).map_err(|error| foreign(&error))?;
    serde_json::from_str(text).map_err(|error| foreign(&error))
}

/// The fingerprint of a record, with which its line begins.
fn fingerprint(object: &[u8]) -> Option<Fingerprint> {
    let digits = object.strip_prefix(RECORD_START)?;
    let (digits, rest) = digits.split_at_checked(FINGERPRINT_LENGTH)?;
    if !rest.starts_with(b"\",") {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Takes the work out of a record, if it is that of the job, and the fingerprint, which was read
/// already: that says everything about a work but its name. `None` leaves the record as it was.
fn without_work<'line>(object: &'line mut [u8], job: &Job) -> Option<&'line [u8]> {
    // Quotes within strings are escaped: these are names of members, and the first ones so called.
    let begin = WORK_START.find(object)?;
    let end = begin + SUBMISSIONS_START.find(&object[begin..])?;
    let name = NAME_START.find(&object[begin..end])? + begin + NAME_START.needle().len();
    let name = object[name..end].strip_prefix(job.work.request.name.as_str().as_bytes())?;
    if !name.starts_with(b"\"") {
        return None;
    }
    // What stands before the work is shorter than what stands behind it.
    let start = end - begin.checked_sub(FINGERPRINT_END)?;
    object.copy_within(FINGERPRINT_END..begin, start);
    object[start] = b'{';
    Some(&object[start..])
}

/// Reads a record that [`without_work`] left of the job's own.
fn parse_known(object: &[u8], job: &Job) -> Result<Record, LineError> {
    let record: KnownRecord<'_> = parse(object)?;
    let is_named_alike = record.key == job.key.as_str();
    let key = is_named_alike.then(|| job.key.clone());
    Ok(Record {
        fingerprint: job.fingerprint,
        key: key.unwrap_or_else(|| JobKey::new(&record.key)),
        written_at: record.written_at,
        work: Arc::clone(&job.work),
        submissions: record.submissions,
        seen: record.seen,
    })
}

/// A [`Record`] without fingerprint and work.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownRecord<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    written_at: Timestamp,
    #[serde(deserialize_with = "few")]
    submissions: Vec<Submission>,
    seen: Option<Seen>,
}

/// The text that the checksum covers, if it is the right checksum.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (text, checksum) = line.split_at_checked(line.len().checked_sub(CHECKSUM_LENGTH)?)?;
    let digits = checksum
        .strip_prefix(CHECKSUM_START)?
        .strip_suffix(CHECKSUM_END)?;
    let expected = crc32fast::hash(text).to_be_bytes();
    (digits == HEXLOWER.encode_mut_str(&expected, &mut [0; 8]).as_bytes()).then_some(text)
}

fn describe_damage(line: &[u8]) -> String {
    let markers: [&[u8]; 4] = [b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||"];
    if markers.iter().any(|marker| line.starts_with(marker)) {
        return "is a git conflict marker".to_owned();
    }
    if line.is_empty() {
        return "is empty".to_owned();
    }
    "does not match its checksum: it was changed after it was written".to_owned()
}

/// Looks at the format before anything else: a newer one may be checked and written differently.
fn check_format(line: &[u8]) -> Result<(), LineError> {
    #[derive(Deserialize)]
    struct Format {
        format: String,
    }
    match serde_json::from_slice::<Format>(line) {
        Ok(Format { format }) if format == FORMAT => Ok(()),
        Ok(Format { format }) if format.starts_with(FORMAT_PREFIX) => {
            Err(LineError::NewerFormat(format))
        }
        _ => Err(LineError::Damaged(describe_damage(line))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CHECKSUM_LENGTH, Line, LineError, begins_with_whole_line, encode};
    use crate::api::name::JobName;
    use crate::job::{Job, JobKey, OnFailure, Overlap, Work};
    use crate::source::{Place, SourceFile, Span};
    use crate::state::header::{Header, HeaderLine};
    use crate::state::known::KnownJobs;
    use crate::state::record::Record;
    use crate::state::tests::record;

    fn decode(line: &[u8]) -> Result<Line, LineError> {
        super::decode(&mut line.to_vec(), &mut KnownJobs::default().lookup())
    }

    fn header_line() -> Vec<u8> {
        let line = encode(&HeaderLine::new(&Header::new("prod"), 3)).unwrap();
        line.strip_suffix(b"\n").unwrap().to_vec()
    }

    #[test]
    fn a_line_reads_back() {
        match decode(&header_line()).unwrap() {
            Line::Header(header) => {
                assert_eq!((header.target.as_str(), header.records), ("prod", 3));
            }
            Line::Record(_) => panic!("not a record"),
        }
    }

    /// A job that has the fingerprint of a record.
    fn job(record: &Record, key: &str, work: Work) -> Arc<Job> {
        let file = Arc::new(SourceFile::new("jobs/a.yaml", String::new()));
        Arc::new(Job {
            key: JobKey::new(key),
            fingerprint: record.fingerprint,
            work: Arc::new(work),
            description: None,
            on_failure: OnFailure::Leave,
            overlap: Overlap::Deny,
            source: Place::new(&file, Span::new(0, 0)),
        })
    }

    fn decode_knowing(record: &Record, jobs: &[Arc<Job>]) -> Record {
        let mut line = encode(record).unwrap();
        line.pop();
        match super::decode(&mut line, &mut KnownJobs::new(jobs).lookup()).unwrap() {
            Line::Record(read) => Record::clone(&read),
            Line::Header(_) => panic!("not a header"),
        }
    }

    #[test]
    fn a_record_whose_work_is_known_reads_the_same() {
        let record = record("批量/a");
        let work = Work::clone(&record.work);
        let mut renamed = work.clone();
        renamed.request.name = JobName::new("other").unwrap();
        for jobs in [
            vec![],
            vec![job(&record, "批量/a", work.clone())],
            vec![job(&record, "b", work)],
            vec![job(&record, "批量/a", renamed)],
        ] {
            assert_eq!(decode_knowing(&record, &jobs), record);
        }
        // What stands in the line is not looked at where the fingerprint says it all.
        let mut unlike = Work::clone(&record.work);
        unlike.rerun = Some("unlike".to_owned());
        let unlike = [job(&record, "批量/a", unlike)];
        let read = decode_knowing(&record, &unlike);
        assert!(Arc::ptr_eq(&read.work, &unlike[0].work));
    }

    #[test]
    fn a_line_with_a_right_checksum_that_is_no_record_is_refused() {
        let record = record("a");
        let jobs = [job(&record, "a", Work::clone(&record.work))];
        let known = KnownJobs::new(&jobs);
        let fingerprint = format!("\"{}\"", record.fingerprint);
        for (from, to) in [
            ("\"key\":", "\"kee\":"),
            ("\"written_at\":\"", "\"written_at\":\"x"),
            ("\"name\":\"demo\"", "\"name\":1"),
            ("\"submissions\":[", "\"submissions\":[1,"),
            (&fingerprint, "\"\""),
        ] {
            let mut line = encode(&record).unwrap();
            line.truncate(line.len() - CHECKSUM_LENGTH - 1);
            let text = String::from_utf8(line).unwrap();
            assert!(text.contains(from), "{from} in {text}");
            let mut line = text.replace(from, to).into_bytes();
            let checksum = crc32fast::hash(&line);
            line.extend_from_slice(format!(",\"crc\":\"{checksum:08x}\"}}").as_bytes());
            match super::decode(&mut line, &mut known.lookup()) {
                Err(LineError::Damaged(problem)) => {
                    assert!(
                        problem.starts_with("is not a line of a state: "),
                        "{problem}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn every_single_changed_bit_is_noticed() {
        let line = header_line();
        for bit in 0..line.len() * 8 {
            let mut changed = line.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_whole_line_with_something_behind_it_is_not_torn() {
        let line = header_line();
        for length in 0..line.len() {
            assert!(!begins_with_whole_line(&line[..length]), "{length}");
        }
        let mut longer = line;
        longer.push(b'J');
        assert!(begins_with_whole_line(&longer));
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let newer = br#"{"format":"stocktake.state/2","shape":"unknown"}"#;
        let expected = LineError::NewerFormat("stocktake.state/2".to_owned());
        assert_eq!(decode(newer).unwrap_err(), expected);
        let marker = decode(b"<<<<<<< HEAD").unwrap_err();
        assert_eq!(
            marker,
            LineError::Damaged("is a git conflict marker".to_owned())
        );
    }
}
