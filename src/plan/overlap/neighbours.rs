//! The covers that can meet some given ones, found without a look at the others.

use std::cmp::Reverse;
use std::ops::Range;

use super::cover::{Cover, KEYS};

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
    let (space, text) = cover.position();
    let start = group.partition_point(|known| known.position() < (space, text));
    let is_within = |known: &Cover| {
        let (other_space, other) = known.position();
        space == other_space && (text == other || (space == KEYS && other.starts_with(text)))
    };
    let length = group[start..].partition_point(is_within);
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
