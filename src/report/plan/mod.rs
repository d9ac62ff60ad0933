//! A plan for people: the verdict, the counts, what is risky, then a line a job.

mod drift;
mod estimate;
mod groups;
mod lines;
mod markdown;
pub(super) mod words;

use std::io::{self, Write};

use super::hint::{pasteable, quoted};
use super::table::{count, grouped};
use super::text::{clean, wrap};
use super::ui::style::{BAD, CHANGE, FAINT, STRONG};
use crate::api::name::JobId;
use crate::plan::{Action, Blocked, DocumentJob, Guard, PlanDocument};

use groups::{Group, group};
use lines::Line;
pub use markdown::markdown;
pub(super) use words::drift as drift_words;

/// What to show of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a PlanDocument<'a>,
    /// Also what stays as it is, and every job by itself.
    pub all: bool,
    /// Every field of every job.
    pub details: bool,
    /// What shows that which is left out: `--all` of the same command, if it has that.
    pub rest: &'a str,
    /// What to do next; absent in automation.
    pub next: Option<&'a str>,
    /// Columns of a line.
    pub width: usize,
}

/// Of a long list of findings only the first ones are shown.
const FINDINGS: usize = 10;
/// A longer file is shown by its first jobs and its last one.
const LINES_OF_A_FILE: usize = 20;
/// More files than this are counted.
const FILES: usize = 30;

/// Writes a plan for people.
pub fn human(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    verdict(out, view)?;
    drift::write(out, view)?;
    findings(out, view)?;
    let shown = view.plan.jobs.iter();
    let shown = shown.filter(|job| view.all || view.details || job.action != Action::Unchanged);
    let (risky, others): (Vec<_>, Vec<_>) = shown.partition(|job| words::is_risky(job.action));
    first(out, view, risky)?;
    files(out, view, others)?;
    retired(out, view)?;
    failed(out, view)?;
    match view.next.filter(|_| view.plan.blocked.is_empty()) {
        Some(next) => writeln!(out, "\n{}", wrap(&pasteable(next), view.width)),
        None => Ok(()),
    }
}

/// Writes a plan for programs, as `stocktake.plan/1`.
pub fn json(out: &mut dyn Write, plan: &PlanDocument<'_>) -> io::Result<()> {
    super::json::write_line(out, plan)
}

/// Writes the counts that GitLab shows in a merge request. A look-up may end with a submission.
pub fn gitlab(out: &mut dyn Write, plan: &PlanDocument<'_>) -> io::Result<()> {
    let summary = plan.summary;
    let counts = serde_json::json!({
        "create": summary.submit + summary.resolve, "update": summary.resubmit, "delete": 0,
    });
    writeln!(out, "{counts}")
}

/// One sentence, then the counts and what they come to.
pub(super) fn verdict(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let sentence = words::verdict(view.plan);
    writeln!(out, "{STRONG}{sentence}{STRONG:#}")?;
    let counts = words::counts(&view.plan.summary);
    if !counts.is_empty() {
        writeln!(out, "  {}", counts.join(", "))?;
    }
    estimate::write(out, view)
}

/// What forbids the plan, and what is worth a look.
pub(super) fn findings(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let limit = if view.all { usize::MAX } else { FINDINGS };
    let blocked = &view.plan.blocked;
    for found in blocked.iter().take(limit) {
        forbids(out, found, view.width)?;
    }
    more(out, view, blocked.len(), limit, "blocked")?;
    let warnings = &view.plan.warnings;
    for message in warnings.iter().take(limit) {
        finding(out, view.width, ("warning", CHANGE), message)?;
    }
    more(out, view, warnings.len(), limit, "warnings")
}

/// Writes what forbids a plan that was shown before.
pub fn blocked(out: &mut dyn Write, blocked: &[Blocked], width: usize) -> io::Result<()> {
    for found in blocked.iter().take(FINDINGS) {
        forbids(out, found, width)?;
    }
    if let Some(rest) = blocked.get(FINDINGS..).filter(|rest| !rest.is_empty()) {
        let rest = grouped(rest.len());
        let command = pasteable("stocktake plan --refresh --all");
        writeln!(
            out,
            "\n{FAINT}and {rest} more blocked; {command} shows them{FAINT:#}"
        )?;
    }
    Ok(())
}

/// One guard, and the ways out of it as lines that can be pasted.
fn forbids(out: &mut dyn Write, found: &Blocked, width: usize) -> io::Result<()> {
    finding(out, width, ("blocked", BAD), &found.message)?;
    match (found.guard, found.keys.as_slice(), found.job_ids.as_slice()) {
        (Guard::MaxSubmissions, keys, _) => {
            let command = format!("stocktake apply --max-submissions {}", keys.len());
            writeln!(out, "  if that many are meant: {}", pasteable(&command))
        }
        (Guard::UnknownJobs, [key], ids @ [first, ..]) => {
            let pair = quoted(&format!("{key}={first}"));
            let adopt = format!("stocktake adopt {pair}");
            let ids: Vec<&str> = ids.iter().map(JobId::as_str).collect();
            writeln!(out, "  to record it:  {}", pasteable(&adopt))?;
            writeln!(out, "  to pay again:  rerun: \"after {}\"", ids.join(" "))
        }
        _ => Ok(()),
    }
}

fn finding(
    out: &mut dyn Write,
    width: usize,
    (kind, style): (&str, anstyle::Style),
    message: &str,
) -> io::Result<()> {
    let text = wrap(&format!("{kind}: {}", clean(message)), width - 2);
    let text = text.replace('\n', "\n  ");
    let rest = text.strip_prefix(kind).unwrap_or(&text);
    writeln!(out, "\n{style}{kind}{style:#}{rest}")
}

fn more(
    out: &mut dyn Write,
    view: &PlanView<'_>,
    number: usize,
    limit: usize,
    what: &str,
) -> io::Result<()> {
    if number <= limit {
        return Ok(());
    }
    let (left, rest) = (grouped(number - limit), view.rest);
    writeln!(
        out,
        "\n{FAINT}and {left} more {what}; {rest} shows them{FAINT:#}"
    )
}

/// What a reviewer should not miss: whatever the file, in the order of risk.
fn first(out: &mut dyn Write, view: &PlanView<'_>, mut jobs: Vec<&DocumentJob>) -> io::Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    jobs.sort_by_key(|job| job.action);
    writeln!(out, "\n{FAINT}look at these first{FAINT:#}")?;
    let lines = groups_of(view, &jobs)
        .into_iter()
        .map(|group| Line::new(&group, true))
        .collect::<Vec<_>>();
    write_cut(out, view, &lines)
}

/// A line a job, grouped by file.
fn files(out: &mut dyn Write, view: &PlanView<'_>, mut jobs: Vec<&DocumentJob>) -> io::Result<()> {
    jobs.sort_by(|left, right| {
        (&left.source.file, left.action).cmp(&(&right.source.file, right.action))
    });
    let files: Vec<&[&DocumentJob]> = jobs
        .chunk_by(|left, right| left.source.file == right.source.file)
        .collect();
    let limit = if view.all { usize::MAX } else { FILES };
    for jobs in files.iter().take(limit) {
        let path = jobs.first().map_or("", |job| &job.source.file);
        writeln!(out, "\n{FAINT}{}{FAINT:#}", clean(path))?;
        let lines = groups_of(view, jobs)
            .into_iter()
            .map(|group| Line::new(&group, false))
            .collect::<Vec<_>>();
        write_cut(out, view, &lines)?;
    }
    if let Some(rest) = files.get(limit..).filter(|rest| !rest.is_empty()) {
        let jobs = rest.iter().map(|jobs| jobs.len()).sum();
        let (jobs, files) = (
            count(jobs, "job", "jobs"),
            count(rest.len(), "file", "files"),
        );
        writeln!(
            out,
            "\n{FAINT}and {jobs} in {files} more; {} shows them{FAINT:#}",
            view.rest
        )?;
    }
    Ok(())
}

/// A line for each job, in the order of the plan.
pub(super) fn each(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let groups = view.plan.jobs.iter().map(Group::One);
    let lines: Vec<Line<'_>> = groups.map(|group| Line::new(&group, true)).collect();
    lines::write(out, view, &lines)
}

fn groups_of<'a>(view: &PlanView<'_>, jobs: &[&'a DocumentJob]) -> Vec<Group<'a>> {
    if view.all || view.details {
        jobs.iter().map(|job| Group::One(job)).collect()
    } else {
        group(jobs)
    }
}

/// The first lines and the last one, where there are too many.
fn write_cut(out: &mut dyn Write, view: &PlanView<'_>, lines: &[Line<'_>]) -> io::Result<()> {
    if view.all || lines.len() <= LINES_OF_A_FILE {
        return lines::write(out, view, lines);
    }
    let (first, rest) = lines.split_at(LINES_OF_A_FILE - 2);
    let (left_out, last) = rest.split_at(rest.len() - 1);
    lines::write(out, view, first)?;
    let jobs = left_out.iter().map(Line::jobs).sum();
    let jobs = count(jobs, "job", "jobs");
    let rest = view.rest;
    writeln!(out, "     {FAINT}… {jobs} more; {rest} shows them{FAINT:#}")?;
    lines::write(out, view, last)
}

/// The way on for jobs that failed and are left.
fn failed(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let mut left = view.plan.jobs.iter();
    let Some(first) = left.find(|job| job.reason.is_left_failed()) else {
        return Ok(());
    };
    let key = quoted(first.key.as_str());
    let key = if view.plan.summary.failed > 1 {
        "KEY"
    } else {
        &key
    };
    writeln!(out)?;
    for (what, command) in [
        ("why it failed:", format!("stocktake status {key} --failed")),
        ("to run it again:", format!("stocktake retry {key}")),
    ] {
        writeln!(out, "{FAINT}{what:<16}{FAINT:#} {}", pasteable(&command))?;
    }
    Ok(())
}

fn retired(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    if !view.all || view.plan.retired.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{FAINT}no longer in the files{FAINT:#}")?;
    for record in &view.plan.retired {
        let key = clean(record.key.as_str());
        writeln!(out, "  {FAINT}-{FAINT:#}  {STRONG}{key}{STRONG:#}  retired")?;
    }
    Ok(())
}
