//! The guard against paying twice: two jobs of one workflow that cover the same objects.
//!
//! Jobs and records are swept in the order of their keys, so that a prefix meets only the prefixes
//! it lies in, and intervals are looked up in trees: nothing is compared with everything. Where some
//! are replaced, only what can meet the new ones is swept again.

mod cover;
mod groups;
mod intervals;
mod neighbours;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::model::{Blocked, Guard};
use crate::api::request::Input;
use crate::api::time;

pub(super) use cover::covers;
use cover::{Cover, Placed, Rank, Standing};
use groups::Groups;
use sweep::{Meetings, sweep};

/// Pairs beyond this number are not reported one by one.
const REPORTED: usize = 100;

/// What the guard found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What forbids the plan.
    pub(super) blocked: Vec<Blocked>,
    /// What is worth a look.
    pub(super) warnings: Vec<String>,
}

/// What the jobs of a plan and everything that was ever submitted cover, and where they meet.
#[derive(Debug)]
pub(super) struct Overlaps {
    groups: Groups,
    /// Every pair; where they are too many to report, the first ones that were found.
    meetings: Meetings,
}

impl Overlaps {
    /// Compares covers, which come in the order of a plan.
    pub(super) fn new(covers: Vec<Cover>) -> Self {
        let mut overlaps = Self {
            groups: Groups::new(covers),
            meetings: Meetings::new(),
        };
        overlaps.sweep_all();
        overlaps
    }

    /// Puts covers in the place of others.
    pub(super) fn replace(&mut self, gone: Vec<Cover>, come: Vec<Cover>) {
        let were_all_found = self.meetings.len() <= REPORTED;
        let left: BTreeSet<Rank> = gone.iter().map(Cover::rank).collect();
        self.meetings
            .retain(|pair, _| pair.iter().all(|rank| !left.contains(rank)));
        for (group, new) in self.groups.replace(gone, come) {
            let near = neighbours::of(group, &new).into_iter().map(Placed::new);
            sweep(&near.collect::<Vec<_>>(), &mut self.meetings);
        }
        // Which ones were found first depends on all of them.
        if !were_all_found || self.meetings.len() > REPORTED {
            self.sweep_all();
        }
    }

    /// What the guard has to say.
    pub(super) fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        for [left, right] in self.meetings.values().take(REPORTED) {
            report(left, right, &mut findings);
        }
        if self.meetings.len() > REPORTED {
            findings.blocked.push(more());
        }
        findings
    }

    fn sweep_all(&mut self) {
        self.meetings.clear();
        for group in self.groups.near_work() {
            sweep(&group, &mut self.meetings);
            if self.meetings.len() > REPORTED {
                return;
            }
        }
    }
}

fn report(left: &Cover, right: &Cover, findings: &mut Findings) {
    let (job, other) = match left.standing {
        Standing::Planned => (left, right),
        Standing::Done | Standing::Failed => (right, left),
    };
    let shared = shared_objects(job, other);
    if other.standing == Standing::Failed {
        findings.warnings.push(format!(
            "`{}` covers {shared} that `{}`{} was to process before it failed",
            job.key(),
            other.key(),
            submitted(other),
        ));
        return;
    }
    let before = match other.standing {
        Standing::Planned => format!("`{}` and `{}` both cover {shared}", job.key(), other.key()),
        _ => format!(
            "`{}` covers {shared} that `{}`{} covers already",
            job.key(),
            other.key(),
            submitted(other)
        ),
    };
    findings.blocked.push(Blocked {
        guard: Guard::Overlap,
        message: format!(
            "{before}: the same workflow would process them twice; narrow `input` or \
             `time_interval`, or write `overlap: allow` if that is wanted"
        ),
        keys: vec![job.key().clone(), other.key().clone()],
    });
}

fn submitted(cover: &Cover) -> String {
    let at = cover.submitted_at().map(time::format);
    at.map_or_else(String::new, |at| format!(" (submitted {at})"))
}

/// The narrower of two inputs and the shared part of their intervals, in words.
fn shared_objects(left: &Cover, right: &Cover) -> String {
    let (left_input, right_input) = (left.input(), right.input());
    let is_narrower = match (left_input, right_input) {
        (Input::Object(_), _) => true,
        (_, Input::Object(_)) => false,
        _ => left_input.value().len() >= right_input.value().len(),
    };
    let input = if is_narrower { left_input } else { right_input };
    let objects = match input {
        Input::Prefix(prefix) => format!("the objects under `{prefix}`"),
        Input::Object(object) => format!("the object `{object}`"),
        Input::Manifest(name) | Input::UrlFile(name) => format!("the objects listed in `{name}`"),
    };
    let shared = left.interval().shared(right.interval());
    let start = (shared.start > Timestamp::MIN).then(|| time::format(shared.start));
    let end = (shared.end < Timestamp::MAX).then(|| time::format(shared.end));
    match (start, end) {
        (Some(start), Some(end)) => format!("{objects} uploaded from {start} to {end}"),
        (Some(start), None) => format!("{objects} uploaded from {start} on"),
        (None, Some(end)) => format!("{objects} uploaded until {end}"),
        (None, None) => objects,
    }
}

fn more() -> Blocked {
    Blocked {
        guard: Guard::Overlap,
        message: format!("more than {REPORTED} pairs of jobs overlap; the others are not listed"),
        keys: Vec::new(),
    }
}
