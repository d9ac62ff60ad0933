//! A file of lines, read piece by piece.

use std::collections::VecDeque;
use std::io::Read;
use std::mem;
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use memchr::{memchr, memrchr};
use rayon::Yield;

use super::error::StateError;
use super::known::KnownJobs;
use super::line::{Line, LineError, begins_with_whole_line, decode};

/// Some three million records.
const SIZE_LIMIT: u64 = 1 << 30;
/// How much is read before one core decodes it: a few hundred microseconds of its time.
const PIECE: usize = 1 << 17;
/// So many pieces are read ahead of those whose lines are taken in: enough for all cores, and little
/// enough to stay near them.
const AHEAD: usize = 16;

/// What one piece says, line by line.
type Lines = Vec<Result<Line, LineError>>;

/// A piece that was decoded: what it says, and its room.
type Decoded = (Lines, Vec<u8>);

/// What stands behind the last line.
pub(super) struct End {
    /// Bytes in the file.
    pub(super) length: u64,
    /// Whether that is nothing.
    pub(super) ends_well: bool,
}

/// Reads lines piece by piece, and takes them in in their order. The pieces ahead are decoded on all
/// cores meanwhile: none of these waits for another one.
///
/// A torn last line is left out. Nothing depends on what it said: the step that would have depended
/// on it waits until the whole line is durable.
pub(super) fn each_piece(
    path: &Path,
    source: impl Read + Send,
    known: &KnownJobs<'_>,
    mut take: impl FnMut(Lines) -> Result<(), StateError> + Send,
) -> Result<End, StateError> {
    let mut pieces = Pieces {
        path,
        source,
        length: 0,
        rest: Vec::new(),
    };
    rayon::scope(|scope| {
        let mut ahead = VecDeque::with_capacity(AHEAD);
        let mut room = Vec::new();
        while let Some(mut piece) = pieces.next(mem::take(&mut room))? {
            let (ready, decoded) = sync_channel(1);
            scope.spawn(move |_| drop(ready.send((decode_all(&mut piece, known), piece))));
            ahead.push_back(decoded);
            if ahead.len() == AHEAD
                && let Some(next) = ahead.pop_front()
            {
                let (lines, used) = wait(&next);
                room = used;
                take(lines)?;
            }
        }
        ahead.into_iter().try_for_each(|next| take(wait(&next).0))
    })?;
    let ends_well = pieces.rest.is_empty();
    if begins_with_whole_line(&pieces.rest) {
        take(vec![decode(&mut pieces.rest, &mut known.lookup())])?;
    }
    Ok(End {
        length: pieces.length,
        ends_well,
    })
}

/// A piece once it is decoded. Until then, the one who waits decodes what no core has begun with.
fn wait(piece: &Receiver<Decoded>) -> Decoded {
    loop {
        match piece.try_recv() {
            Err(TryRecvError::Empty) if rayon::yield_now() == Some(Yield::Executed) => {}
            Err(TryRecvError::Empty) => return piece.recv().unwrap_or_default(),
            // Whoever was to send it has panicked, and the scope passes that on.
            decoded => return decoded.unwrap_or_default(),
        }
    }
}

/// A file in pieces that end with a line.
struct Pieces<'path, Source> {
    path: &'path Path,
    source: Source,
    /// Bytes read.
    length: u64,
    /// What stands behind the last whole line.
    rest: Vec<u8>,
}

impl<Source: Read> Pieces<'_, Source> {
    /// The next piece, however long it has to be for a whole line, in the room of an earlier one:
    /// memory that was used just now is at hand.
    fn next(&mut self, mut piece: Vec<u8>) -> Result<Option<Vec<u8>>, StateError> {
        piece.clear();
        piece.append(&mut self.rest);
        loop {
            let searched = piece.len();
            if self.read_more(&mut piece)? == 0 {
                self.rest = piece;
                return Ok(None);
            }
            if let Some(end) = memrchr(b'\n', &piece[searched..]) {
                let behind = searched + end + 1;
                self.rest.extend_from_slice(&piece[behind..]);
                piece.truncate(behind);
                return Ok(Some(piece));
            }
        }
    }

    fn read_more(&mut self, piece: &mut Vec<u8>) -> Result<usize, StateError> {
        piece.reserve(PIECE);
        let read = self.source.by_ref().take(PIECE as u64).read_to_end(piece);
        let read = read.map_err(StateError::io("read", self.path))?;
        self.length += read as u64;
        if self.length > SIZE_LIMIT {
            return Err(StateError::TooLarge {
                path: self.path.to_owned(),
                limit: SIZE_LIMIT,
            });
        }
        Ok(read)
    }
}

/// Decodes whole lines, each by itself.
fn decode_all(mut piece: &mut [u8], known: &KnownJobs<'_>) -> Lines {
    let mut lines = Lines::new();
    let mut known = known.lookup();
    while let Some(end) = memchr(b'\n', piece) {
        let (line, behind) = piece.split_at_mut(end + 1);
        lines.push(decode(&mut line[..end], &mut known));
        piece = behind;
    }
    lines
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
