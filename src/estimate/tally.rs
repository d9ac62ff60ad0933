//! Counts objects as they stream by, for all jobs that read them, and keeps none of them.

use std::collections::BTreeMap;

use super::timeline::{Coverage, Timeline};
use crate::api::name::WorkflowId;
use crate::api::request::TimeInterval;
use crate::estimate::{Count, Counts};
use crate::job::{Fingerprint, Job};

/// A key for objects of a list whose one pattern takes them all.
pub(super) const ANY_KEY: &str = "";

/// One job, and which of the objects it takes.
#[derive(Debug)]
struct Member {
    fingerprint: Fingerprint,
    interval: TimeInterval,
    workflows: Vec<WorkflowId>,
}

/// What the key of an object must be for a job to take it. Sorted, a pattern stands in front of
/// everything that it covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    /// The key, or what it begins with.
    pub(super) text: String,
    /// Whether the text is the whole key.
    pub(super) is_key: bool,
}

impl Pattern {
    fn takes(&self, key: &str) -> bool {
        if self.is_key {
            self.text == key
        } else {
            key.starts_with(&self.text)
        }
    }
}

/// The jobs of one pattern.
#[derive(Debug)]
struct Group {
    pattern: Pattern,
    members: Vec<Member>,
    timeline: Timeline,
    coverage: Coverage,
    workflows: Vec<(WorkflowId, Coverage)>,
    /// Objects of which it is not known when they were uploaded.
    undated: Count,
}

/// The jobs that are counted in one go over a list of objects.
#[derive(Debug)]
pub(super) struct Tally {
    groups: Vec<Group>,
    /// Groups in front of this one were begun.
    next: usize,
    /// Groups whose pattern took the latest key, the wider ones first.
    open: Vec<usize>,
    covered_twice: u64,
    processed_twice: BTreeMap<WorkflowId, u64>,
    /// Objects that a list names and the bucket does not have.
    missing: u64,
}

impl Tally {
    /// A tally of jobs, each with what it takes.
    pub(super) fn new<'a>(jobs: impl Iterator<Item = (Pattern, &'a Job)>) -> Self {
        let mut groups: BTreeMap<Pattern, Vec<Member>> = BTreeMap::new();
        for (pattern, job) in jobs {
            let operation = &job.work.request.operation;
            groups.entry(pattern).or_default().push(Member {
                fingerprint: job.fingerprint,
                interval: operation.time_interval,
                workflows: operation.workflow_ids.as_slice().to_vec(),
            });
        }
        let groups = groups.into_iter();
        let groups = groups.map(|(pattern, members)| Group::new(pattern, members));
        Self {
            groups: groups.collect(),
            next: 0,
            open: Vec::new(),
            covered_twice: 0,
            processed_twice: BTreeMap::new(),
            missing: 0,
        }
    }

    /// Takes one object into account. Where there is more than one pattern, keys come in the order
    /// of their bytes, so that a pattern that was left behind takes no later key.
    pub(super) fn object(&mut self, key: &str, second: Option<i64>, size: Option<u64>) {
        while let Some(last) = self.open.last()
            && !self.groups[*last].pattern.takes(key)
        {
            self.open.pop();
        }
        while let Some(group) = self.groups.get(self.next)
            && group.pattern.text.as_str() <= key
        {
            if group.pattern.takes(key) {
                self.open.push(self.next);
            }
            self.next += 1;
        }
        let Some(second) = second else {
            for group in &self.open {
                self.groups[*group].undated.add(size);
            }
            return;
        };
        let mut covering = 0;
        for group in &self.open {
            let group = &mut self.groups[*group];
            let cell = group.timeline.cell(second);
            group.timeline.add(cell, size);
            covering += group.coverage.at(cell);
        }
        if covering > 1 {
            self.covered_twice += 1;
            self.note_workflows(second);
        }
    }

    /// Takes an object into account that is named and is not there: the service runs over it all
    /// the same, and fails.
    pub(super) fn missing(&mut self) {
        self.missing += 1;
    }

    fn note_workflows(&mut self, second: i64) {
        let mut covering: BTreeMap<&WorkflowId, u32> = BTreeMap::new();
        for group in &self.open {
            let group = &self.groups[*group];
            let cell = group.timeline.cell(second);
            for (workflow, coverage) in &group.workflows {
                *covering.entry(workflow).or_default() += coverage.at(cell);
            }
        }
        for (workflow, _) in covering.into_iter().filter(|(_, jobs)| *jobs > 1) {
            match self.processed_twice.get_mut(workflow) {
                Some(objects) => *objects += 1,
                None => {
                    self.processed_twice.insert(workflow.clone(), 1);
                }
            }
        }
    }

    /// The counts of all jobs.
    pub(super) fn finish(self, counts: &mut Counts) {
        counts.covered_twice += self.covered_twice;
        for (workflow, objects) in self.processed_twice {
            *counts.processed_twice.entry(workflow).or_default() += objects;
        }
        for group in self.groups {
            group.finish(self.missing, counts);
        }
    }

    /// None of the jobs could be counted, and why.
    pub(super) fn fail(self, problem: &str, counts: &mut Counts) {
        for member in self.groups.into_iter().flat_map(|group| group.members) {
            counts
                .jobs
                .insert(member.fingerprint, Err(problem.to_owned()));
        }
    }
}

impl Group {
    fn new(pattern: Pattern, members: Vec<Member>) -> Self {
        let timeline = Timeline::new(members.iter().map(|member| member.interval));
        let mut workflows: BTreeMap<&WorkflowId, Vec<TimeInterval>> = BTreeMap::new();
        for member in &members {
            for workflow in &member.workflows {
                workflows.entry(workflow).or_default().push(member.interval);
            }
        }
        let workflows = workflows.into_iter().map(|(workflow, intervals)| {
            (workflow.clone(), timeline.coverage(intervals.into_iter()))
        });
        Self {
            workflows: workflows.collect(),
            coverage: timeline.coverage(members.iter().map(|member| member.interval)),
            timeline,
            pattern,
            members,
            undated: Count::default(),
        }
    }

    fn finish(self, missing: u64, counts: &mut Counts) {
        let sums = self.timeline.sums();
        let has_any = sums.last().is_some_and(|all| all.objects > 0) || self.undated.objects > 0;
        for member in &self.members {
            let counted = if self.pattern.is_key && !has_any {
                Err(format!("the bucket has no object `{}`", self.pattern.text))
            } else {
                let cells = self.timeline.cells(member.interval);
                let dated = sums[cells.end].minus(&sums[cells.start]);
                self.with_undated(member, dated)
                    .map(|count| count.with_missing(missing))
            };
            counts.jobs.insert(member.fingerprint, counted);
        }
    }

    fn with_undated(&self, member: &Member, dated: Count) -> Result<Count, String> {
        if self.undated.objects == 0 || member.interval.is_unbounded() {
            return Ok(dated.plus(&self.undated));
        }
        Err(format!(
            "the upload time of {} is not known, and `time_interval` asks for it",
            match self.undated.objects {
                1 => "1 object".to_owned(),
                objects => format!("{objects} objects"),
            }
        ))
    }
}
