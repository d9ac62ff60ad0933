//! The lines of jobs: aligned where they fit, broken where they do not.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::super::table::count;
use super::super::text::{clean, wrap};
use super::super::ui::style::{FAINT, STRONG};
use super::groups::Group;
use super::{PlanView, estimate, words};
use crate::api::time;
use crate::plan::{Action, Change, DocumentJob, family};

/// Sign and blanks in front of a key.
const INDENT: usize = 5;
/// A wider key does not widen the column of all keys.
const KEY_COLUMN: usize = 36;

/// One line, with what stands below it.
pub(super) struct Line<'a> {
    job: &'a DocumentJob<'a>,
    jobs: usize,
    key: String,
    words: String,
    place: String,
    /// First and last of a group.
    range: Option<String>,
    /// What would be processed.
    estimate: Option<String>,
    changes: &'a [Change],
}

impl<'a> Line<'a> {
    /// The line of a group; `with_file` where no heading names the file.
    pub(super) fn new(group: &Group<'a>, with_file: bool) -> Self {
        let job = group.first();
        let place = if with_file {
            format!("{}:{}", clean(&job.source.file), job.source.line)
        } else {
            format!("line {}", job.source.line)
        };
        let line = Self {
            job,
            jobs: group.len(),
            key: clean(job.key.as_str()),
            words: clean(&words::reason(job)),
            place,
            range: None,
            estimate: None,
            changes: &job.changes,
        };
        match group {
            Group::One(job) => Self {
                estimate: estimate::of_jobs(&[job]),
                ..line
            },
            Group::Many(jobs) => line.of_many(jobs),
        }
    }

    fn of_many(self, jobs: &[&'a DocumentJob]) -> Self {
        let last = jobs.last().map_or("", |job| job.key.as_str());
        let have_same_changes = jobs.iter().all(|job| job.changes == self.job.changes);
        let number = count(jobs.len(), "job", "jobs");
        Self {
            range: Some(format!("{} to {}", self.key, clean(last))),
            key: format!("{}[…]", clean(family(&self.job.key))),
            words: format!("{number}: {}", self.words),
            estimate: estimate::of_jobs(jobs),
            changes: if have_same_changes { self.changes } else { &[] },
            ..self
        }
    }

    /// How many jobs it stands for.
    pub(super) fn jobs(&self) -> usize {
        self.jobs
    }
}

/// Writes lines aligned with one another.
pub(super) fn write(
    out: &mut dyn Write,
    view: &PlanView<'_>,
    lines: &[Line<'_>],
) -> io::Result<()> {
    let widest = |width: fn(&Line<'_>) -> usize, limit: usize| {
        let widths = lines.iter().map(width);
        widths.filter(|width| *width <= limit).max().unwrap_or(0)
    };
    let key_column = widest(|line| line.key.width(), KEY_COLUMN);
    let room = view.width.saturating_sub(INDENT + key_column + 2 + 12);
    let words_column = widest(|line| line.words.width(), room);
    for line in lines {
        write_line(out, view, line, key_column, words_column)?;
        if let Some(range) = &line.range {
            below(out, view, range)?;
        }
        if let Some(estimate) = &line.estimate {
            below(out, view, &clean(estimate))?;
        }
        if line.job.action == Action::Resolve {
            below(out, view, &clean(&words::unresolved(line.job)))?;
        }
        if view.details {
            details(out, view, line.job)?;
        }
        for change in line.changes {
            write_change(out, view, change)?;
        }
    }
    Ok(())
}

fn write_line(
    out: &mut dyn Write,
    view: &PlanView<'_>,
    line: &Line<'_>,
    key_column: usize,
    words_column: usize,
) -> io::Result<()> {
    let Line {
        key, words, place, ..
    } = line;
    let (sign, style) = words::sign(line.job.action);
    write!(out, "  {style}{sign}{style:#}  {STRONG}{key}{STRONG:#}")?;
    let key_column = key_column.max(key.width());
    let words_column = words_column.max(words.width());
    let width = INDENT + key_column + 2 + words_column + 2 + place.width();
    if width <= view.width {
        let gap = key_column - key.width() + 2;
        write!(out, "{:gap$}{words}", "")?;
        let gap = words_column - words.width() + 2;
        return writeln!(out, "{:gap$}{FAINT}{place}{FAINT:#}", "");
    }
    writeln!(out)?;
    if 8 + words.width() + 2 + place.width() <= view.width {
        return writeln!(out, "        {words}  {FAINT}{place}{FAINT:#}");
    }
    below(out, view, words)?;
    writeln!(out, "        {FAINT}{place}{FAINT:#}")
}

fn below(out: &mut dyn Write, view: &PlanView<'_>, text: &str) -> io::Result<()> {
    let text = wrap(text, view.width.saturating_sub(8));
    for line in text.lines() {
        writeln!(out, "        {FAINT}{line}{FAINT:#}")?;
    }
    Ok(())
}

fn write_change(out: &mut dyn Write, view: &PlanView<'_>, change: &Change) -> io::Result<()> {
    let value = |value: &Option<String>| value.as_deref().map_or("(not set)".to_owned(), clean);
    let change = &change.told_apart();
    let (path, before, after) = (&change.path, value(&change.before), value(&change.after));
    let width = 8 + path.width() + 2 + before.width() + 4 + after.width();
    if width <= view.width {
        return writeln!(out, "        {FAINT}{path}{FAINT:#}  {before} -> {after}");
    }
    writeln!(out, "        {FAINT}{path}{FAINT:#}")?;
    writeln!(out, "          {FAINT}was{FAINT:#}  {before}")?;
    writeln!(out, "          {FAINT}now{FAINT:#}  {after}")
}

/// Every field of a job.
fn details(out: &mut dyn Write, view: &PlanView<'_>, job: &DocumentJob) -> io::Result<()> {
    let request = &job.request;
    let interval = request.operation.time_interval;
    let input = format!("input.{}", request.input.field());
    let recorded = job.record.as_ref().and_then(|record| {
        let mut submissions = record.submissions.iter().rev();
        let job_id = submissions.find_map(|submission| submission.job_id.as_ref())?;
        Some(match &record.state {
            Some(state) => format!("{job_id}, {state}"),
            None => job_id.to_string(),
        })
    });
    let fields = [
        ("description", job.description.as_deref().map(str::to_owned)),
        ("name", Some(request.name.to_string())),
        ("bucket", Some(format!("{}, {}", job.bucket, job.region))),
        (input.as_str(), Some(request.input.value().to_owned())),
        (
            "workflow_ids",
            Some(request.operation.workflow_ids.joined()),
        ),
        ("start", interval.start.map(time::format)),
        ("end", interval.end.map(time::format)),
        ("rerun", job.rerun.as_deref().map(str::to_owned)),
        ("recorded", recorded),
        ("fingerprint", Some(job.fingerprint.short())),
    ];
    for (name, value) in fields {
        let Some(value) = value else { continue };
        let value = wrap(&clean(&value), view.width.saturating_sub(24));
        let value = value.replace('\n', &format!("\n{:24}", ""));
        writeln!(out, "        {FAINT}{name:14}{FAINT:#}  {value}")?;
    }
    Ok(())
}
