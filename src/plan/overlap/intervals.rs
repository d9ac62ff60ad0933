//! Intervals of time, and a tree that finds those which meet a given one.

use jiff::Timestamp;

use crate::api::request::TimeInterval;

/// A half-open interval: two of them share something when they share more than an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Interval {
    /// A job's interval; an open end is the moment at which it was submitted.
    pub(super) fn of(interval: TimeInterval, submitted_at: Timestamp) -> Self {
        Self {
            start: interval.start.unwrap_or(Timestamp::MIN),
            end: interval.end.unwrap_or(submitted_at),
        }
    }

    /// What two intervals have in common; may be empty.
    pub(super) fn shared(self, other: Self) -> Self {
        Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        }
    }

    /// Whether two intervals share more than an instant.
    pub(super) fn meets(self, other: Self) -> bool {
        let shared = self.shared(other);
        shared.start < shared.end
    }
}

/// Intervals with what they belong to, as a balanced tree in an array.
#[derive(Debug, Default)]
pub(super) struct IntervalTree {
    /// In the order of starts; the root of any range is its middle.
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    interval: Interval,
    index: usize,
    /// The latest end in the range whose root this is.
    latest_end: Timestamp,
}

impl IntervalTree {
    pub(super) fn new(intervals: impl Iterator<Item = (Interval, usize)>) -> Self {
        let node = |(interval, index): (Interval, usize)| Node {
            interval,
            index,
            latest_end: interval.end,
        };
        let mut nodes: Vec<Node> = intervals.map(node).collect();
        nodes.sort_by_key(|node| (node.interval.start, node.index));
        set_latest_ends(&mut nodes);
        Self { nodes }
    }

    /// Calls `found` with everything that meets `interval`, until it says stop by `false`.
    pub(super) fn each_meeting(
        &self,
        interval: Interval,
        found: &mut impl FnMut(usize) -> bool,
    ) -> bool {
        each_meeting(&self.nodes, interval, found)
    }
}

fn set_latest_ends(nodes: &mut [Node]) -> Timestamp {
    if nodes.is_empty() {
        return Timestamp::MIN;
    }
    let middle = nodes.len() / 2;
    let left = set_latest_ends(&mut nodes[..middle]);
    let right = set_latest_ends(&mut nodes[middle + 1..]);
    let latest = nodes[middle].interval.end.max(left).max(right);
    nodes[middle].latest_end = latest;
    latest
}

fn each_meeting(nodes: &[Node], interval: Interval, found: &mut impl FnMut(usize) -> bool) -> bool {
    let middle = nodes.len() / 2;
    let Some(root) = nodes.get(middle) else {
        return true;
    };
    if root.latest_end <= interval.start {
        return true;
    }
    if !each_meeting(&nodes[..middle], interval, found) {
        return false;
    }
    if root.interval.start >= interval.end {
        return true;
    }
    if root.interval.meets(interval) && !found(root.index) {
        return false;
    }
    each_meeting(&nodes[middle + 1..], interval, found)
}
