//! Estimates for people.

use std::io::{self, Write};

use super::super::table::{self, Cell};
use super::super::text::wrap;
use super::super::ui::style::{CHANGE, FAINT};
use super::PlanView;
use crate::estimate::{TotalEstimate, WorkflowEstimate};
use crate::money::Money;
use crate::plan::DocumentJob;
use crate::units::{format_bytes, grouped_large};

/// Amounts that are shown together.
#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    objects: u64,
    bytes: u64,
    without_size: u64,
    missing: u64,
    uncounted: u64,
    cost: Option<Money>,
}

/// What one job would process, or several that are shown as one; `None` where nothing was counted.
pub(super) fn of_jobs(jobs: &[&DocumentJob]) -> Option<String> {
    let mut estimates = jobs.iter().filter_map(|job| job.estimate.as_deref());
    let first = estimates.next()?;
    if let ([_], Some(problem)) = (jobs, &first.problem) {
        return Some(format!("estimate: not counted, because {problem}"));
    }
    let mut sum = Amounts {
        cost: first.cost.map(|cost| Money::zero(cost.currency())),
        ..Amounts::default()
    };
    for estimate in std::iter::once(first).chain(estimates) {
        sum.objects += estimate.objects.unwrap_or_default();
        sum.bytes = sum.bytes.saturating_add(estimate.bytes.unwrap_or_default());
        sum.without_size += estimate.without_size;
        sum.missing += estimate.missing;
        sum.uncounted += u64::from(estimate.problem.is_some());
        let costs = sum.cost.zip(estimate.cost);
        sum.cost = costs.map(|(sum, cost)| sum.plus(cost));
    }
    Some(format!("estimate: {}", sum.words()))
}

/// What all jobs would process.
pub(super) fn of_all(total: &TotalEstimate) -> String {
    let amounts = Amounts {
        objects: total.objects,
        bytes: total.bytes,
        without_size: total.without_size,
        missing: 0,
        uncounted: total.uncounted,
        cost: total.cost,
    };
    let text = amounts.words();
    match total.unpriced {
        0 => text,
        unpriced => format!("{text}; the cost of {} is not known", jobs(unpriced)),
    }
}

/// Objects that are processed more than once, a line each.
pub(super) fn twice(total: &TotalEstimate) -> Vec<String> {
    let mut lines = Vec::new();
    if total.covered_twice > 0 {
        let objects = objects(total.covered_twice);
        lines.push(format!("covered by more than one job: {objects}"));
    }
    let again = total.workflows.iter();
    let again = again.filter(|workflow| workflow.processed_twice > 0);
    lines.extend(again.map(|workflow| {
        let objects = objects(workflow.processed_twice);
        let id = &workflow.workflow_id;
        format!("processed more than once by {id}: {objects}")
    }));
    lines
}

/// Whether anything was to be counted.
pub(super) fn is_said(total: &TotalEstimate) -> bool {
    !total.workflows.is_empty() || total.uncounted > 0
}

/// Objects, bytes and cost of one workflow.
pub(super) fn of_workflow(workflow: &WorkflowEstimate) -> [String; 3] {
    [
        objects(workflow.objects),
        format_bytes(workflow.bytes),
        workflow
            .cost
            .map_or_else(|| "cost not known".to_owned(), money),
    ]
}

/// The sums, for people.
pub(super) fn write(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let Some(total) = view.plan.estimate.as_ref().filter(|total| is_said(total)) else {
        return Ok(());
    };
    let text = wrap(&format!("estimate: {}", of_all(total)), view.width - 4);
    writeln!(out, "  {}", text.replace('\n', "\n    "))?;
    if total.workflows.len() > 1 {
        let rows = total.workflows.iter().map(|workflow| {
            let [objects, bytes, cost] = of_workflow(workflow);
            let mut row = vec![
                Cell::new(workflow.workflow_id.as_str(), FAINT),
                Cell::plain(objects),
                Cell::plain(bytes),
            ];
            row.extend(total.cost.map(|_| Cell::plain(cost)));
            row
        });
        table::write(out, 4, &rows.collect::<Vec<_>>())?;
    }
    for line in twice(total) {
        let line = wrap(&line, view.width - 4).replace('\n', "\n    ");
        writeln!(out, "  {CHANGE}{line}{CHANGE:#}")?;
    }
    Ok(())
}

impl Amounts {
    fn words(&self) -> String {
        let mut words = vec![objects(self.objects)];
        if self.without_size == 0 {
            words.push(format_bytes(self.bytes));
        } else if self.without_size == self.objects {
            words.push("size unknown".to_owned());
        } else {
            words.push(format!("{} at least", format_bytes(self.bytes)));
            words.push(format!(
                "size of {} unknown",
                grouped_large(self.without_size)
            ));
        }
        words.extend(self.cost.map(money));
        if self.missing > 0 {
            words.push(format!("{} not in the bucket", grouped_large(self.missing)));
        }
        if self.uncounted > 0 {
            words.push(format!("{} not counted", jobs(self.uncounted)));
        }
        words.join(", ")
    }
}

fn objects(number: u64) -> String {
    let word = if number == 1 { "object" } else { "objects" };
    format!("{} {word}", grouped_large(number))
}

fn jobs(number: u64) -> String {
    let word = if number == 1 { "job" } else { "jobs" };
    format!("{} {word}", grouped_large(number))
}

fn money(money: Money) -> String {
    format!("about {} {}", money.rounded(), money.currency())
}
