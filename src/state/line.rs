//! One line of the log: a JSON object whose last member is a checksum of the text before it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::header::{FORMAT, FORMAT_PREFIX, HeaderLine};
use super::record::Record;

const CHECKSUM_START: &[u8] = b",\"crc\":\"";
const CHECKSUM_END: &[u8] = b"\"}";
const CHECKSUM_LENGTH: usize = CHECKSUM_START.len() + 8 + CHECKSUM_END.len();
/// Only headers begin like this; records begin with their fingerprint.
const HEADER_START: &[u8] = b"{\"format\":";

/// What a line says.
#[derive(Debug)]
pub(super) enum Line {
    Header(HeaderLine),
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
    let mut line = serde_json::to_vec(value)?;
    line.pop();
    let checksum = crc32fast::hash(&line);
    line.extend_from_slice(CHECKSUM_START);
    line.extend_from_slice(format!("{checksum:08x}").as_bytes());
    line.extend_from_slice(CHECKSUM_END);
    line.push(b'\n');
    Ok(line)
}

/// Reads a line, given without its end.
pub(super) fn decode(line: &[u8]) -> Result<Line, LineError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.starts_with(HEADER_START) {
        check_format(line)?;
        return parse(line).map(Line::Header);
    }
    parse(line).map(|record| Line::Record(Arc::new(record)))
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

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    let text = checked(line).ok_or_else(|| LineError::Damaged(describe_damage(line)))?;
    let mut object = Vec::with_capacity(text.len() + 1);
    object.extend_from_slice(text);
    object.push(b'}');
    serde_json::from_slice(&object)
        .map_err(|error| LineError::Damaged(format!("is not a line of a state: {error}")))
}

/// The text that the checksum covers, if it is the right checksum.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (text, checksum) = line.split_at_checked(line.len().checked_sub(CHECKSUM_LENGTH)?)?;
    let digits = checksum
        .strip_prefix(CHECKSUM_START)?
        .strip_suffix(CHECKSUM_END)?;
    let expected = format!("{:08x}", crc32fast::hash(text));
    (digits == expected.as_bytes()).then_some(text)
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
    use super::{Line, LineError, begins_with_whole_line, decode, encode};
    use crate::state::header::{Header, HeaderLine};

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
