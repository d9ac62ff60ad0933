//! Covers of one workflow in the order of their keys, each met with those that lie around it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::REPORTED;
use super::cover::{Cover, KEYS, Placed, Position, Rank, Standing};
use super::intervals::IntervalTree;
use super::neighbours::lies_in;
use crate::api::request::Input;

/// Of so many covers with the same input, each is compared with each before trees are made of them.
const FEW: usize = 4;

/// Pairs of covers that meet, in the order of a plan.
pub(super) type Meetings = BTreeMap<[Rank; 2], [Cover; 2]>;

/// Covers with one and the same input.
struct Node<'plan> {
    input: Position<'plan>,
    members: Range<usize>,
}

/// What later inputs can lie in: a prefix and the intervals of those that have it.
struct Around<'plan> {
    prefix: &'plan str,
    planned: IntervalTree,
    submitted: IntervalTree,
}

/// Adds every pair of `covers` that covers the same objects, until there are too many to report. The
/// covers are those of one workflow, in order.
pub(super) fn sweep(covers: &[Placed<'_>], meetings: &mut Meetings) {
    let mut around: Vec<Around<'_>> = Vec::new();
    let mut nodes = nodes(covers).peekable();
    while let Some(node) = nodes.next() {
        let (space, text) = node.input;
        let is_key = space == KEYS;
        while around
            .last()
            .is_some_and(|last| !is_key || !text.starts_with(last.prefix))
        {
            around.pop();
        }
        // What lies in a prefix comes right behind it.
        let is_around_next = nodes
            .peek()
            .is_some_and(|next| lies_in(next.input, node.input));
        let members = &covers[node.members.clone()];
        if around.is_empty() && !is_around_next && members.len() <= FEW && none_meet(members) {
            continue;
        }
        let own = Around::new(text, covers, node.members.clone());
        let outer = around.iter();
        for member in node.members.clone() {
            let rings = outer.clone().chain(std::iter::once(&own));
            if !meet(covers, member, rings, meetings) {
                return;
            }
        }
        if is_around_next {
            let is_prefix =
                |member: &usize| matches!(covers[*member].cover.input(), Input::Prefix(_));
            let prefixes = node.members.filter(is_prefix);
            around.push(Around::new(text, covers, prefixes));
        }
    }
}

/// Whether covers with the same input, mostly one or a job and its own earlier record, have nothing to
/// do with one another.
fn none_meet(covers: &[Placed<'_>]) -> bool {
    let meet = |left: &Cover, right: &Cover| {
        left.matters_to(right) && left.interval().meets(right.interval())
    };
    covers.iter().enumerate().all(|(index, left)| {
        let mut others = covers[index + 1..].iter();
        others.all(|right| !meet(left.cover, right.cover))
    })
}

fn nodes<'plan>(covers: &[Placed<'plan>]) -> impl Iterator<Item = Node<'plan>> {
    let mut start = 0;
    let nodes = covers.chunk_by(|left, right| left.position == right.position);
    nodes.map(move |node| {
        let members = start..start + node.len();
        start = members.end;
        Node {
            input: node[0].position,
            members,
        }
    })
}

impl<'plan> Around<'plan> {
    fn new(
        prefix: &'plan str,
        covers: &[Placed<'_>],
        members: impl Iterator<Item = usize>,
    ) -> Self {
        let is_planned = |index: &usize| covers[*index].cover.standing == Standing::Planned;
        let (planned, submitted): (Vec<usize>, Vec<usize>) = members.partition(is_planned);
        let tree = |members: Vec<usize>| {
            let members = members.into_iter();
            IntervalTree::new(members.map(|index| (covers[index].cover.interval(), index)))
        };
        Self {
            prefix,
            planned: tree(planned),
            submitted: tree(submitted),
        }
    }
}

/// Meets one cover with the rings around it; `false` when there is no room for more pairs.
fn meet<'ring, 'plan: 'ring>(
    covers: &[Placed<'_>],
    member: usize,
    rings: impl Iterator<Item = &'ring Around<'plan>>,
    meetings: &mut Meetings,
) -> bool {
    let cover = covers[member].cover;
    let interval = cover.interval();
    let mut found = |other: usize| {
        if other != member && cover.matters_to(covers[other].cover) {
            let mut pair = [cover, covers[other].cover];
            pair.sort_by_key(|cover| cover.rank());
            meetings.insert(pair.map(Cover::rank), pair.map(Cover::clone));
        }
        meetings.len() <= REPORTED
    };
    for ring in rings {
        if !ring.planned.each_meeting(interval, &mut found) {
            return false;
        }
        // Two covers that were submitted cannot be helped any more.
        if cover.standing == Standing::Planned && !ring.submitted.each_meeting(interval, &mut found)
        {
            return false;
        }
    }
    true
}
