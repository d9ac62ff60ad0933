//! A plan for people: the verdict, the counts, what is risky, then a line a job.

use std::io::{self, Write};
use std::path::Path;

use anstyle::Style;

use super::table::{self, Cell, count};
use super::ui::style::{BAD, CHANGE, FAINT, GOOD, STRONG};
use crate::api::time;
use crate::plan::{Action, Change, Guard, Plan, PlannedJob, Reason};
use crate::state::Outcome;
use crate::workspace::Target;

/// What to show of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Where it would go.
    pub target: &'a Target,
    /// Also what stays as it is.
    pub all: bool,
    /// Also what to do next.
    pub hints: bool,
}

/// Writes a plan for people.
pub fn human(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    verdict(out, view)?;
    for blocked in &view.plan.blocked {
        writeln!(out, "\n{BAD}blocked{BAD:#}: {}", blocked.message)?;
        writeln!(out, "  {}", way_out(blocked.guard))?;
    }
    for warning in &view.plan.warnings {
        writeln!(out, "\n{CHANGE}warning{CHANGE:#}: {warning}")?;
    }
    unresolved(out, view.plan)?;
    jobs(out, view)?;
    if view.all {
        retired(out, view.plan)?;
    }
    hints(out, view)
}

/// One sentence, then the counts.
fn verdict(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let plan = view.plan;
    let summary = plan.summary;
    let target = &view.target.name;
    let submissions = summary.submit + summary.resubmit;
    let sentence = if !plan.blocked.is_empty() {
        format!("Blocked: nothing can be submitted to `{target}`")
    } else if submissions > 0 {
        format!(
            "{} to submit to `{target}`",
            count(submissions, "job", "jobs")
        )
    } else if summary.resolve > 0 {
        format!("Nothing new to submit to `{target}`, but not everything is known")
    } else {
        format!("Nothing to submit to `{target}`")
    };
    writeln!(out, "{STRONG}{sentence}{STRONG:#}")?;
    let counts = [
        (summary.resolve, "to look up"),
        (summary.submit, "new"),
        (summary.resubmit, "to resubmit"),
        (summary.renamed, "renamed"),
        (summary.unchanged, "unchanged"),
        (summary.retired, "retired"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", table::grouped(*number)))
        .collect();
    if !counts.is_empty() {
        writeln!(out, "  {}", counts.join(", "))?;
    }
    Ok(())
}

fn way_out(guard: Guard) -> &'static str {
    match guard {
        Guard::MaxSubmissions => {
            "if that many are meant, run `stocktake apply --max-submissions N` with the number"
        }
        Guard::Overlap => "narrow one of them, or write `overlap: allow` where it is meant",
    }
}

/// What was sent and may be running: when, and why nobody knows.
fn unresolved(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let mut records = plan
        .jobs
        .iter()
        .filter(|planned| planned.action == Action::Resolve)
        .filter_map(|planned| planned.record.as_deref())
        .peekable();
    if records.peek().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{BAD}unresolved{BAD:#}: sent, and nobody knows whether the service took it"
    )?;
    for record in records {
        let Some(submission) = record.unresolved() else {
            continue;
        };
        let why = match &submission.outcome {
            Outcome::Unresolved {
                reason: Some(reason),
            } => reason,
            _ => "the run ended before an answer came",
        };
        let (key, when) = (&record.key, time::format(submission.intended_at));
        writeln!(out, "  {BAD}?{BAD:#}  {STRONG}{key}{STRONG:#}  {when}")?;
        writeln!(out, "     {why}")?;
    }
    writeln!(
        out,
        "  `stocktake apply` looks them up before anything else."
    )
}

/// A line a job, grouped by file, the risky ones first within each.
fn jobs(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let shown = view
        .plan
        .jobs
        .iter()
        .filter(|planned| match planned.action {
            Action::Resolve => false,
            Action::Unchanged => view.all,
            _ => true,
        });
    let mut shown: Vec<&PlannedJob> = shown.collect();
    shown.sort_by(|left, right| {
        let order =
            |planned: &PlannedJob| (planned.job.source.file.path().to_path_buf(), planned.action);
        order(left)
            .cmp(&order(right))
            .then_with(|| left.job.key.cmp(&right.job.key))
    });
    let files =
        shown.chunk_by(|left, right| left.job.source.file.path() == right.job.source.file.path());
    for jobs in files {
        let path = jobs
            .first()
            .map_or(Path::new(""), |planned| planned.job.source.file.path());
        writeln!(out, "\n{FAINT}{}{FAINT:#}", path.display())?;
        let rows: Vec<Vec<Cell>> = jobs.iter().map(|planned| row(planned)).collect();
        write_with_changes(out, jobs, &rows)?;
    }
    Ok(())
}

/// Rows of neighbours without changes are aligned with each other; changes stand under their job.
fn write_with_changes(
    out: &mut dyn Write,
    jobs: &[&PlannedJob],
    rows: &[Vec<Cell>],
) -> io::Result<()> {
    let mut start = 0;
    for (index, planned) in jobs.iter().enumerate() {
        if planned.changes.is_empty() && index + 1 < jobs.len() {
            continue;
        }
        table::write(out, 2, rows.get(start..=index).unwrap_or_default())?;
        table::write(
            out,
            8,
            &planned.changes.iter().map(change).collect::<Vec<_>>(),
        )?;
        start = index + 1;
    }
    Ok(())
}

fn row(planned: &PlannedJob) -> Vec<Cell> {
    let (sign, style) = sign(planned.action);
    let line = format!("line {}", planned.job.source.line());
    vec![
        Cell::new(sign, style),
        Cell::new(planned.job.key.as_str(), STRONG),
        Cell::plain(reason(planned)),
        Cell::new(line, FAINT),
    ]
}

fn sign(action: Action) -> (&'static str, Style) {
    match action {
        Action::Resolve => ("?", BAD),
        Action::Submit => ("+", GOOD),
        Action::Resubmit => ("~", CHANGE),
        Action::Renamed => (">", CHANGE),
        Action::Unchanged => ("=", FAINT),
    }
}

fn reason(planned: &PlannedJob) -> String {
    let recorded = planned.record.as_deref();
    match planned.reason {
        Reason::New => "new".to_owned(),
        Reason::Changed => "changed".to_owned(),
        Reason::Rejected => "the service refused it before".to_owned(),
        Reason::Abandoned => "the last attempt never arrived".to_owned(),
        Reason::Failed => "it failed; another attempt".to_owned(),
        Reason::LeftFailed => "failed, and left at that".to_owned(),
        Reason::AttemptsUsedUp => "failed as often as it may".to_owned(),
        Reason::Unresolved => "sent, and nobody knows whether it was taken".to_owned(),
        Reason::Renamed => match recorded {
            Some(record) => format!("was `{}`; not submitted again", record.key),
            None => "renamed".to_owned(),
        },
        Reason::Running => "submitted".to_owned(),
        Reason::Done => "done".to_owned(),
    }
}

fn change(change: &Change) -> Vec<Cell> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
    vec![
        Cell::new(&change.path, FAINT),
        Cell::plain(format!(
            "{} -> {}",
            value(&change.before),
            value(&change.after)
        )),
    ]
}

fn retired(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    if plan.retired.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{FAINT}no longer in the files{FAINT:#}")?;
    let row = |key: &str| {
        vec![
            Cell::new("-", FAINT),
            Cell::new(key, STRONG),
            Cell::plain("retired"),
        ]
    };
    let rows: Vec<_> = plan
        .retired
        .iter()
        .map(|record| row(record.key.as_str()))
        .collect();
    table::write(out, 2, &rows)
}

fn hints(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    if !view.hints || !view.plan.blocked.is_empty() || !view.plan.has_work() {
        return Ok(());
    }
    writeln!(
        out,
        "\n`stocktake apply` does this; each job is submitted once."
    )
}
