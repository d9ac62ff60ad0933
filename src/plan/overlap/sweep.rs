//! Finds the footprints of one scope that overlap, in one pass over their inputs.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;

use super::MAX_REPORTED;
use super::footprint::{Footprint, KEYS, Phase, Position, SortKey, lies_in};
use super::intervals::IntervalTree;
use crate::api::request::Input;

/// At most this many footprints with one input are compared pair by pair, without interval trees.
const MAX_PAIRWISE: usize = 4;

/// Pairs of footprints that overlap, in the order of a plan.
pub(super) type Conflicts<'plan> = BTreeMap<[SortKey<'plan>; 2], [Footprint<'plan>; 2]>;

/// Footprints with the same input.
struct Node<'plan> {
    input: Position<'plan>,
    members: Range<usize>,
}

/// A prefix that later inputs may lie in, with the intervals of the footprints that have it.
struct Enclosing<'plan> {
    prefix: &'plan str,
    planned: IntervalTree,
    submitted: IntervalTree,
}

/// Adds every pair of footprints that covers the same objects, until there are too many to report.
/// The footprints have one scope and are sorted.
pub(super) fn sweep<'plan>(sorted: &[Footprint<'plan>], conflicts: &mut Conflicts<'plan>) {
    let mut enclosing: Vec<Enclosing<'_>> = Vec::new();
    let mut nodes = nodes(sorted).peekable();
    while let Some(node) = nodes.next() {
        let (space, text) = node.input;
        let is_key = space == KEYS;
        while enclosing
            .last()
            .is_some_and(|last| !is_key || !text.starts_with(last.prefix))
        {
            enclosing.pop();
        }
        // What lies in a prefix follows it directly.
        let encloses_next = nodes
            .peek()
            .is_some_and(|next| lies_in(next.input, node.input));
        let members = &sorted[node.members.clone()];
        if enclosing.is_empty()
            && !encloses_next
            && members.len() <= MAX_PAIRWISE
            && !any_conflict(members)
        {
            continue;
        }
        let own = Enclosing::new(text, sorted, node.members.clone());
        for member in node.members.clone() {
            let prefixes = enclosing.iter().chain(iter::once(&own));
            if !add_conflicts(sorted, member, prefixes, conflicts) {
                return;
            }
        }
        if encloses_next {
            let is_prefix = |member: &usize| matches!(sorted[*member].input(), Input::Prefix(_));
            let prefixes = node.members.filter(is_prefix);
            enclosing.push(Enclosing::new(text, sorted, prefixes));
        }
    }
}

/// Whether any two footprints with the same input conflict: mostly there is one, or a job and its own
/// earlier record.
fn any_conflict(footprints: &[Footprint<'_>]) -> bool {
    let conflict = |left: &Footprint<'_>, right: &Footprint<'_>| {
        left.may_conflict_with(right) && left.interval().meets(right.interval())
    };
    footprints.iter().enumerate().any(|(index, left)| {
        let mut others = footprints[index + 1..].iter();
        others.any(|right| conflict(left, right))
    })
}

fn nodes<'plan>(sorted: &[Footprint<'plan>]) -> impl Iterator<Item = Node<'plan>> {
    let mut start = 0;
    let nodes = sorted.chunk_by(|left, right| left.position == right.position);
    nodes.map(move |node| {
        let members = start..start + node.len();
        start = members.end;
        Node {
            input: node[0].position,
            members,
        }
    })
}

impl<'plan> Enclosing<'plan> {
    fn new(
        prefix: &'plan str,
        footprints: &[Footprint<'_>],
        members: impl Iterator<Item = usize>,
    ) -> Self {
        let is_planned = |index: &usize| footprints[*index].phase == Phase::Planned;
        let (planned, submitted): (Vec<usize>, Vec<usize>) = members.partition(is_planned);
        let tree = |members: Vec<usize>| {
            let members = members.into_iter();
            IntervalTree::new(members.map(|index| (footprints[index].interval(), index)))
        };
        Self {
            prefix,
            planned: tree(planned),
            submitted: tree(submitted),
        }
    }
}

/// Adds the conflicts of one footprint with those of the prefixes that it lies in; `false` when there
/// are too many.
fn add_conflicts<'tree, 'plan: 'tree>(
    footprints: &[Footprint<'plan>],
    index: usize,
    prefixes: impl Iterator<Item = &'tree Enclosing<'plan>>,
    conflicts: &mut Conflicts<'plan>,
) -> bool {
    let footprint = footprints[index];
    let interval = footprint.interval();
    let mut found = |other: usize| {
        if other != index && footprint.may_conflict_with(&footprints[other]) {
            let mut pair = [footprint, footprints[other]];
            pair.sort_by_key(Footprint::sort_key);
            conflicts.insert(pair.map(|one| one.sort_key()), pair);
        }
        conflicts.len() <= MAX_REPORTED
    };
    for prefix in prefixes {
        if !prefix.planned.each_meeting(interval, &mut found) {
            return false;
        }
        if footprint.phase == Phase::Planned && !prefix.submitted.each_meeting(interval, &mut found)
        {
            return false;
        }
    }
    true
}
