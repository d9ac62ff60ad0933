//! The covers that can meet some given ones, found without a look at the others.

use std::cmp::Reverse;
use std::ops::Range;

use super::cover::{Cover, KEYS, Placed, Position};

/// The outermost inputs of some covers. None lies in another, so that what any of the covers lies in,
/// and what lies in them, stands right before or behind one of these.
#[derive(Debug)]
pub(super) struct Outermost<'cover>(Vec<Position<'cover>>);

impl<'cover> Outermost<'cover> {
    /// Those of `covers`, which come in order.
    pub(super) fn of(covers: &[Placed<'cover>]) -> Self {
        let mut outermost: Vec<Position<'cover>> = Vec::new();
        for cover in covers {
            let last = outermost.last();
            if last.is_none_or(|last| !lies_in(cover.position, *last)) {
                outermost.push(cover.position);
            }
        }
        Self(outermost)
    }

    /// Looks for inputs near them.
    pub(super) fn search(&self) -> Search<'_> {
        Search {
            outermost: &self.0,
            behind: 0,
        }
    }
}

/// Looks for one input after another. Jobs come in the order of their keys, and their inputs mostly
/// go along with those: the next place is often the one that was found last, or the one behind it.
pub(super) struct Search<'cover> {
    outermost: &'cover [Position<'cover>],
    /// How many are not behind the last input.
    behind: usize,
}

impl Search<'_> {
    /// Whether an input lies in one of them or around one.
    pub(super) fn is_near(&mut self, input: Position<'_>) -> bool {
        if !self.is_here(input) {
            self.behind += 1;
            if !self.is_here(input) {
                self.behind = self.outermost.partition_point(|known| *known <= input);
            }
        }
        let (before, behind) = self.outermost.split_at(self.behind);
        before.last().is_some_and(|known| lies_in(input, *known))
            || behind.first().is_some_and(|known| lies_in(*known, input))
    }

    /// Whether the input stands between what is before and what is behind the place.
    fn is_here(&self, input: Position<'_>) -> bool {
        let Some((before, behind)) = self.outermost.split_at_checked(self.behind) else {
            return false;
        };
        before.last().is_none_or(|known| *known <= input)
            && behind.first().is_none_or(|known| *known > input)
    }
}

/// Whether an input is the other one, or all of its keys begin with that.
pub(super) fn lies_in((space, text): Position<'_>, (other_space, other): Position<'_>) -> bool {
    space == other_space && (text == other || (space == KEYS && text.starts_with(other)))
}

/// Those of `group` that one of `covers` lies in, or that lie in it: in order, as `group` is.
pub(super) fn of<'group>(group: &'group [Cover], covers: &[Cover]) -> Vec<&'group Cover> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for cover in covers {
        ranges.push(within(group, cover));
        around(group, cover, &mut ranges);
    }
    // They lie in one another, or apart.
    ranges.sort_by_key(|range| (range.start, Reverse(range.end)));
    let mut end = 0;
    let mut neighbours = Vec::new();
    for range in ranges {
        if range.start >= end {
            end = range.end;
            neighbours.extend(&group[range]);
        }
    }
    neighbours
}

/// The same input, and all keys that begin with it.
fn within(group: &[Cover], cover: &Cover) -> Range<usize> {
    let input = cover.position();
    let start = group.partition_point(|known| known.position() < input);
    let length = group[start..].partition_point(|known| lies_in(known.position(), input));
    start..start + length
}

/// Every key that the cover's key begins with: each is found right before, or shares less with it
/// than what is found there.
fn around(group: &[Cover], cover: &Cover, ranges: &mut Vec<Range<usize>>) {
    let (space, mut text) = cover.position();
    if space != KEYS {
        return;
    }
    loop {
        let end = group.partition_point(|known| known.position() <= (KEYS, text));
        let Some(nearest) = group[..end].last().map(Cover::position) else {
            return;
        };
        let shared = shared_beginning(text, nearest.1);
        if shared.len() < nearest.1.len() {
            text = shared;
            continue;
        }
        let start = group[..end].partition_point(|known| known.position() < nearest);
        ranges.push(start..end);
        let Some((last, _)) = shared.char_indices().next_back() else {
            return;
        };
        text = &shared[..last];
    }
}

fn shared_beginning<'text>(text: &'text str, other: &str) -> &'text str {
    let both = text.char_indices().zip(other.chars());
    let end = both
        .take_while(|((_, left), right)| left == right)
        .map(|((index, character), _)| index + character.len_utf8())
        .last();
    &text[..end.unwrap_or(0)]
}
