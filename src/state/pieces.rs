//! A file of lines, read piece by piece.

use std::io::Read;
use std::mem;
use std::path::Path;

use memchr::{memchr_iter, memrchr};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::error::StateError;
use super::known::KnownJobs;
use super::line::{Line, LineError, begins_with_whole_line, decode};

/// Some three million records.
const SIZE_LIMIT: u64 = 1 << 30;
/// How much is read before it is decoded: enough for all cores, and little enough to stay near them.
const PIECE: usize = 1 << 20;

/// What stands behind the last line.
pub(super) struct End {
    /// Bytes in the file.
    pub(super) length: u64,
    /// Whether that is nothing.
    pub(super) ends_well: bool,
}

/// Reads lines piece by piece. While one piece is decoded on all cores, the lines of the one before
/// it are taken in, in their order, and the one behind it is read.
///
/// A torn last line is left out. Nothing depends on what it said: the step that would have depended
/// on it waits until the whole line is durable.
pub(super) fn each_piece(
    path: &Path,
    mut source: impl Read + Send,
    known: &KnownJobs<'_>,
    mut take: impl FnMut(Vec<Result<Line, LineError>>) -> Result<(), StateError> + Send,
) -> Result<End, StateError> {
    let mut length = 0;
    let mut read_more = |piece: &mut Vec<u8>| {
        piece.reserve(PIECE);
        let read = source.by_ref().take(PIECE as u64).read_to_end(piece);
        let read = read.map_err(StateError::io("read", path))?;
        length += read as u64;
        if length > SIZE_LIMIT {
            return Err(StateError::TooLarge {
                path: path.to_owned(),
                limit: SIZE_LIMIT,
            });
        }
        Ok(read)
    };
    let (mut piece, mut next) = (Vec::new(), Vec::new());
    let mut lines = Vec::new();
    let mut read = read_more(&mut piece)?;
    while read > 0 {
        let searched = piece.len() - read;
        let Some(end) = memrchr(b'\n', &piece[searched..]) else {
            read = read_more(&mut piece)?;
            continue;
        };
        let whole = searched + end + 1;
        next.clear();
        next.extend_from_slice(&piece[whole..]);
        let (more, decoded) = rayon::join(
            || {
                take(mem::take(&mut lines))?;
                read_more(&mut next)
            },
            || decode_all(&mut piece[..whole], known),
        );
        read = more?;
        lines = decoded;
        mem::swap(&mut piece, &mut next);
    }
    let ends_well = piece.is_empty();
    if begins_with_whole_line(&piece) {
        lines.push(decode(&mut piece, known));
    }
    take(lines)?;
    Ok(End { length, ends_well })
}

/// Decodes whole lines, each by itself.
fn decode_all(bytes: &mut [u8], known: &KnownJobs<'_>) -> Vec<Result<Line, LineError>> {
    let ends: Vec<usize> = memchr_iter(b'\n', bytes).collect();
    let mut texts = Vec::with_capacity(ends.len());
    let mut rest = bytes;
    let mut begin = 0;
    for end in ends {
        let (text, behind) = rest.split_at_mut(end + 1 - begin);
        texts.push(&mut text[..end - begin]);
        rest = behind;
        begin = end + 1;
    }
    let texts = texts.into_par_iter().with_min_len(64);
    texts.map(|text| decode(text, known)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{KnownJobs, Line, each_piece};
    use crate::state::StateError;
    use crate::state::line::encode;
    use crate::state::tests::record;

    /// The keys that are read, and the numbers of the lines that are not.
    fn read(log: &[u8]) -> Result<(Vec<String>, Vec<usize>, bool), StateError> {
        let (mut keys, mut damaged, mut number) = (Vec::new(), Vec::new(), 0);
        let end = each_piece(Path::new("x"), log, &KnownJobs::default(), |lines| {
            for line in lines {
                number += 1;
                match line {
                    Ok(Line::Record(record)) => keys.push(record.key.to_string()),
                    Ok(Line::Header(_)) => {}
                    Err(_) => damaged.push(number),
                }
            }
            Ok(())
        })?;
        assert_eq!(end.length, log.len() as u64);
        Ok((keys, damaged, end.ends_well))
    }

    #[test]
    fn lines_keep_their_order_and_their_numbers_over_many_pieces() {
        let keys: Vec<String> = (0..6_000).map(|number| format!("{number:01000}")).collect();
        let lines = keys.iter().map(|key| encode(&record(key)).unwrap());
        let lines: Vec<Vec<u8>> = lines.collect();
        let log = lines.concat();
        assert_eq!(read(&log).unwrap(), (keys.clone(), vec![], true));
        let mut changed = log.clone();
        let last = lines[..5_999].concat().len();
        changed[last + 40] ^= 1;
        let (read_keys, damaged, _) = read(&changed).unwrap();
        assert_eq!((read_keys.len(), damaged), (5_999, vec![6_000]));
        // Torn, and whole without its end.
        let torn = &log[..log.len() - 2];
        assert_eq!(read(torn).unwrap(), (keys[..5_999].to_vec(), vec![], false));
        let whole = &log[..log.len() - 1];
        assert_eq!(read(whole).unwrap(), (keys, vec![], false));
    }

    #[test]
    fn one_line_may_be_longer_than_a_piece() {
        let key = "k".repeat(9 << 20);
        let log = [
            encode(&record(&key)).unwrap(),
            encode(&record("b")).unwrap(),
        ]
        .concat();
        let (keys, damaged, ends_well) = read(&log).unwrap();
        assert_eq!(
            (keys, damaged, ends_well),
            (vec![key, "b".to_owned()], vec![], true)
        );
    }
}
