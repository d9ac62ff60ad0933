//! What a journal holds when it is opened.
//!
//! A record is written when the one before it is on the disk, so that whatever a crash leaves ends
//! with one torn record at most; that one was never answered. Behind it stand zeros, or records of an
//! earlier round, whose numbers are lower. A record with a higher number was answered, and what cannot
//! be read before it is damage.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

use super::error::JournalProblem;
use super::record::{self, Found, Seal};
use super::{BEGIN, Place, Range};

/// Finds the records that wait: those behind the number `indexed`.
pub(super) fn recover(file: &File, seal: &Seal, indexed: i64) -> Result<Range, JournalProblem> {
    let begin = Place {
        offset: BEGIN,
        sequence: indexed + 1,
    };
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(BEGIN))?;
    let mut first = None;
    let mut end: Option<Place> = None;
    while let Some(record) = record::read(&mut reader, seal)?.record() {
        let place = Place {
            offset: end.map_or(BEGIN, |end| end.offset),
            sequence: record.sequence,
        };
        if end.is_some_and(|end| end != place) {
            break;
        }
        if end.is_none() && place.sequence > begin.sequence {
            return Err(JournalProblem::Newer);
        }
        if place.sequence == begin.sequence {
            first = Some(place);
        }
        end = Some(place.behind(&record));
    }
    let (offset, last) = end.map_or((BEGIN, 0), |end| (end.offset, end.sequence - 1));
    if holds_later(&mut reader, seal, offset, last.max(indexed))? {
        return Err(JournalProblem::Damaged { offset });
    }
    Ok(match (first, end) {
        (Some(first), Some(end)) => Range { first, end },
        _ => Range {
            first: begin,
            end: begin,
        },
    })
}

/// Whether a record with a higher number than `last` stands anywhere behind an offset. What cannot be
/// read is passed by its length and by the end of its line, of which one may be what is damaged.
fn holds_later(
    reader: &mut BufReader<&File>,
    seal: &Seal,
    mut offset: u64,
    last: i64,
) -> io::Result<bool> {
    loop {
        let length = match read_at(reader, seal, offset)? {
            Found::Record(record) if record.sequence > last => return Ok(true),
            Found::Record(record) => {
                offset += record.length();
                continue;
            }
            Found::Other { length } => length,
        };
        if let Some(length) = length
            && let Some(next) = read_at(reader, seal, offset + length)?.record()
            && next.sequence > last
        {
            return Ok(true);
        }
        reader.seek(SeekFrom::Start(offset))?;
        match reader.skip_until(b'\n')? {
            0 => return Ok(false),
            passed => offset += passed as u64,
        }
    }
}

fn read_at(reader: &mut BufReader<&File>, seal: &Seal, offset: u64) -> io::Result<Found> {
    reader.seek(SeekFrom::Start(offset))?;
    record::read(reader, seal)
}
