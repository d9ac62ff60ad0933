//! Covers of one workflow in the order of their keys, each met with those that lie around it.

use std::collections::BTreeSet;

use super::intervals::IntervalTree;
use super::{Cover, REPORTED, Standing, matters};
use crate::api::request::Input;

/// Covers with one and the same input.
struct Node<'plan> {
    input: Position<'plan>,
    members: Vec<usize>,
}

/// Where an input stands in the order: keys first, lists of objects behind them.
type Position<'plan> = (u8, &'plan str);

/// What later inputs can lie in: a prefix and the intervals of those that have it.
struct Around<'plan> {
    prefix: &'plan str,
    planned: IntervalTree,
    submitted: IntervalTree,
}

/// Adds every pair of `group` that covers the same objects, until there are too many to report.
pub(super) fn sweep(covers: &[Cover<'_>], group: Vec<usize>, pairs: &mut BTreeSet<(usize, usize)>) {
    let mut around: Vec<Around<'_>> = Vec::new();
    for node in nodes(covers, group) {
        let (space, text) = node.input;
        let is_key = space == KEYS;
        while around
            .last()
            .is_some_and(|last| !is_key || !text.starts_with(last.prefix))
        {
            around.pop();
        }
        let own = Around::new(text, covers, node.members.iter().copied());
        let outer = around.iter();
        for member in &node.members {
            let rings = outer.clone().chain(std::iter::once(&own));
            if !meet(covers, *member, rings, pairs) {
                return;
            }
        }
        if is_key {
            let is_prefix =
                |member: &usize| matches!(covers[*member].work.request.input, Input::Prefix(_));
            let prefixes = node.members.into_iter().filter(is_prefix);
            around.push(Around::new(text, covers, prefixes));
        }
    }
}

const KEYS: u8 = 0;

fn position(input: &Input) -> Position<'_> {
    match input {
        Input::Prefix(key) | Input::Object(key) => (KEYS, key),
        Input::Manifest(name) => (1, name),
        Input::UrlFile(name) => (2, name),
    }
}

fn nodes<'plan>(covers: &[Cover<'plan>], mut group: Vec<usize>) -> Vec<Node<'plan>> {
    group.sort_by_key(|index| position(&covers[*index].work.request.input));
    let mut nodes: Vec<Node<'plan>> = Vec::new();
    for index in group {
        let input = position(&covers[index].work.request.input);
        match nodes.last_mut().filter(|node| node.input == input) {
            Some(node) => node.members.push(index),
            None => nodes.push(Node {
                input,
                members: vec![index],
            }),
        }
    }
    nodes
}

impl<'plan> Around<'plan> {
    fn new(prefix: &'plan str, covers: &[Cover<'_>], members: impl Iterator<Item = usize>) -> Self {
        let is_planned = |index: &usize| covers[*index].standing == Standing::Planned;
        let (planned, submitted): (Vec<usize>, Vec<usize>) = members.partition(is_planned);
        let tree = |members: Vec<usize>| {
            let members = members.into_iter();
            IntervalTree::new(members.map(|index| (covers[index].interval, index)))
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
    covers: &[Cover<'_>],
    member: usize,
    rings: impl Iterator<Item = &'ring Around<'plan>>,
    pairs: &mut BTreeSet<(usize, usize)>,
) -> bool {
    let cover = &covers[member];
    let mut found = |other: usize| {
        if other != member && matters(cover, &covers[other]) {
            pairs.insert((member.min(other), member.max(other)));
        }
        pairs.len() <= REPORTED
    };
    for ring in rings {
        if !ring.planned.each_meeting(cover.interval, &mut found) {
            return false;
        }
        // Two covers that were submitted cannot be helped any more.
        if cover.standing == Standing::Planned
            && !ring.submitted.each_meeting(cover.interval, &mut found)
        {
            return false;
        }
    }
    true
}
