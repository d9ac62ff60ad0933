//! A record of the journal: one line, with the jobs that were taken in together.
//!
//! ```text
//! <checksum> <length of the line> <sequence> <the jobs as JSON>
//! ```
//!
//! The checksum covers what stands behind it and the journal's id. So neither a record of another
//! journal nor a text that somebody sent passes for one.

use std::io::{self, Read};

use super::super::jobs::NewJob;

/// What stands before the jobs: three numbers in hexadecimal, a blank behind each.
const HEAD: usize = 8 + 1 + 8 + 1 + 16 + 1;

/// What claims to be longer is no record.
pub(super) const LONGEST: u64 = 16 * 1024 * 1024;

/// Bytes that a job has at most, mostly.
const USUAL_LENGTH: usize = 512;

/// Computes the checksums of one journal.
#[derive(Debug, Clone)]
pub(super) struct Seal(crc32fast::Hasher);

impl Seal {
    pub(super) fn new(id: &str) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(id.as_bytes());
        Self(hasher)
    }

    fn checksum(&self, text: &[u8]) -> String {
        let mut hasher = self.0.clone();
        hasher.update(text);
        format!("{:08x}", hasher.finalize())
    }
}

/// A record as it was read; it is what was written.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) sequence: i64,
    line: Vec<u8>,
}

impl Record {
    /// How many bytes it takes.
    pub(super) fn length(&self) -> u64 {
        self.line.len() as u64
    }

    pub(super) fn jobs(&self) -> serde_json::Result<Vec<NewJob>> {
        let (_, jobs) = self.line.split_at(HEAD);
        serde_json::from_slice(jobs)
    }
}

/// A job as records hold it.
#[derive(Debug, Clone)]
pub(in crate::service) struct EncodedJob(Vec<u8>);

impl EncodedJob {
    pub(super) fn new(job: &NewJob) -> serde_json::Result<Self> {
        let mut text = Vec::with_capacity(USUAL_LENGTH);
        serde_json::to_writer(&mut text, job)?;
        Ok(Self(text))
    }

    /// How many bytes it takes.
    pub(in super::super) fn length(&self) -> usize {
        self.0.len()
    }
}

/// Writes a record.
pub(super) fn encode(seal: &Seal, sequence: i64, jobs: &[EncodedJob]) -> Vec<u8> {
    let jobs: Vec<&[u8]> = jobs.iter().map(|job| job.0.as_slice()).collect();
    let jobs = jobs.join(&b',');
    let length = HEAD + jobs.len() + "[]\n".len();
    let head = format!(" {length:08x} {sequence:016x} [");
    let covered = [head.as_bytes(), &jobs, b"]\n"].concat();
    [seal.checksum(&covered).as_bytes(), &covered].concat()
}

/// What stands where a record may stand.
#[derive(Debug)]
pub(super) enum Found {
    Record(Record),
    /// Not a whole record; but its head may say how long it was.
    Other {
        length: Option<u64>,
    },
}

impl Found {
    pub(super) fn record(self) -> Option<Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Other { .. } => None,
        }
    }
}

/// Reads what stands next.
pub(super) fn read(source: &mut impl Read, seal: &Seal) -> io::Result<Found> {
    let mut line = Vec::new();
    source.take(HEAD as u64).read_to_end(&mut line)?;
    let Some((length, sequence)) = numbers(&line) else {
        return Ok(Found::Other { length: None });
    };
    source.take(length - HEAD as u64).read_to_end(&mut line)?;
    let is_whole = line.len() as u64 == length
        && line
            .split_at_checked(8)
            .is_some_and(|(checksum, covered)| seal.checksum(covered).as_bytes() == checksum);
    Ok(if is_whole {
        Found::Record(Record { sequence, line })
    } else {
        Found::Other {
            length: Some(length),
        }
    })
}

/// The length and the sequence that a head gives.
fn numbers(head: &[u8]) -> Option<(u64, i64)> {
    let mut numbers = str::from_utf8(head).ok()?.split(' ').skip(1);
    let length = u64::from_str_radix(numbers.next()?, 16).ok()?;
    let sequence = i64::from_str_radix(numbers.next()?, 16).ok()?;
    (HEAD as u64..=LONGEST)
        .contains(&length)
        .then_some((length, sequence))
}
