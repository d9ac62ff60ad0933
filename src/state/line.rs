//! One line of the log: a JSON object whose last member is a checksum of the text before it.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::header::{FORMAT_PREFIX, FORMATS, HeaderLine};
use super::record::Record;

const CHECKSUM_START: &[u8] = b",\"crc\":\"";
const CHECKSUM_END: &[u8] = b"\"}";
const CHECKSUM_LENGTH: usize = CHECKSUM_START.len() + 8 + CHECKSUM_END.len();
/// Most lines of one submission are shorter.
const TYPICAL_LENGTH: usize = 1024;
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

impl fmt::Display for LineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(problem) => write!(formatter, "a line of it {problem}"),
            Self::NewerFormat(format) => {
                write!(formatter, "a line of it has the format `{format}`")
            }
        }
    }
}

/// Writes a line, its end included.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = Vec::with_capacity(TYPICAL_LENGTH);
    encode_into(&mut line, value)?;
    Ok(line)
}

/// Appends a line to others.
pub(super) fn encode_into<T: Serialize>(
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

/// Reads a line, given without its end.
pub(super) fn decode(line: &[u8]) -> Result<Line, LineError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_header = line.starts_with(HEADER_START);
    if is_header {
        check_format(line)?;
    }
    if is_header {
        return decode_object(line).map(Line::Header);
    }
    decode_object(line).map(|record| Line::Record(Arc::new(record)))
}

/// Reads what a line says, given without its end.
pub(super) fn decode_object<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    let text = checked(line).ok_or_else(|| LineError::Damaged(describe_damage(line)))?;
    parse(&[text, b"}"].concat())
}

/// Whether the text begins with a whole line and goes on: then its end was not torn off, but
/// changed. (The checksum's name cannot occur earlier in a line: quotes are escaped.)
pub(super) fn begins_with_whole_line(text: &[u8]) -> bool {
    let mut windows = text.windows(CHECKSUM_START.len());
    windows
        .position(|window| window == CHECKSUM_START)
        .and_then(|start| text.get(..start + CHECKSUM_LENGTH))
        .is_some_and(|line| checked(line).is_some())
}

fn parse<'a, T: Deserialize<'a>>(object: &'a [u8]) -> Result<T, LineError> {
    let foreign =
        |error: &dyn fmt::Display| LineError::Damaged(format!("is not a line of a state: {error}"));
    // Checking the whole line is faster than checking each string of it.
    let text = str::from_utf8(object).map_err(|error| foreign(&error))?;
    serde_json::from_str(text).map_err(|error| foreign(&error))
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

/// Checks the format before anything else: a newer one may be checked and written differently.
fn check_format(line: &[u8]) -> Result<(), LineError> {
    #[derive(Deserialize)]
    struct Format {
        format: String,
    }
    match serde_json::from_slice::<Format>(line) {
        Ok(Format { format }) if FORMATS.contains(&format.as_str()) => Ok(()),
        Ok(Format { format }) if format.starts_with(FORMAT_PREFIX) => {
            Err(LineError::NewerFormat(format))
        }
        _ => Err(LineError::Damaged(describe_damage(line))),
    }
}

#[cfg(test)]
mod tests {
    use super::{CHECKSUM_LENGTH, Line, LineError, begins_with_whole_line, decode, encode};
    use crate::state::header::{Header, HeaderLine};
    use crate::state::tests::record;

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
        let record = record("批量/a");
        let mut line = encode(&record).unwrap();
        line.pop();
        match decode(&line).unwrap() {
            Line::Record(read) => assert_eq!(*read, record),
            Line::Header(_) => panic!("not a header"),
        }
    }

    #[test]
    fn a_line_with_a_right_checksum_that_is_no_record_is_refused() {
        let record = record("a");
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
            match decode(&line) {
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
    fn a_whole_line_followed_by_other_text_is_not_torn() {
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
        let newer = br#"{"format":"stocktake.state/3","shape":"unknown"}"#;
        let expected = LineError::NewerFormat("stocktake.state/3".to_owned());
        assert_eq!(decode(newer).unwrap_err(), expected);
        let marker = decode(b"<<<<<<< HEAD").unwrap_err();
        assert_eq!(
            marker,
            LineError::Damaged("is a git conflict marker".to_owned())
        );
    }
}
