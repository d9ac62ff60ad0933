//! What a watch shows: what has changed, what is wrong, how the plan differs, its verdict.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics;
use super::plan::{self, PlanView};
use super::table::{count, grouped};
use super::text::clean;
use super::ui::style::{BAD, FAINT, STRONG};
use crate::diagnostic::Diagnostic;
use crate::plan::{Action, Difference, Plan};
use crate::watch::Polling;
use crate::workspace::Target;

/// A longer difference is cut: the whole plan is one key away.
pub const SHOWN_JOBS: usize = 20;

/// Why the plan was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchCause {
    /// It is the first one.
    Start,
    /// These files have another content.
    Files(Vec<PathBuf>),
    /// Somebody wrote the state.
    State,
    /// Another period has passed.
    Period,
}

/// What a watch begins with.
#[derive(Debug)]
pub struct WatchOpening<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// Where its jobs go.
    pub target: &'a Target,
    /// How many job files there are.
    pub files: usize,
    /// Why there are no events, if that is so.
    pub polling: Option<&'a Polling>,
    /// Whether each good plan is applied.
    pub applies: bool,
    /// Whether there is a keyboard.
    pub has_keys: bool,
}

/// What the keys do.
pub const KEYS: &str = "Keys: a apply, p full plan, q quit, ? the keys again";

/// What a refresh found.
#[derive(Debug)]
pub struct WatchView<'a> {
    /// Why it was taken.
    pub cause: &'a WatchCause,
    /// How long it took.
    pub took: Duration,
    /// Mistakes and warnings.
    pub findings: &'a [Diagnostic],
    /// Whether mistakes stand in the way of a plan.
    pub is_broken: bool,
    /// Against the last good plan, where there are two.
    pub difference: Option<&'a Difference>,
    /// The last good plan: all of it, or the jobs that differ.
    pub plan: Option<PlanView<'a>>,
    /// Columns of a line.
    pub width: usize,
}

/// Writes what a watch begins with.
pub fn opening(out: &mut dyn Write, opening: &WatchOpening<'_>) -> io::Result<()> {
    writeln!(
        out,
        "Watching {} in {} for `{}`",
        count(opening.files, "job file", "job files"),
        clean(&opening.root.to_string_lossy()),
        opening.target.name
    )?;
    if opening.applies {
        writeln!(out, "Each good plan is applied as soon as it is quiet.")?;
    }
    if let Some(reason) = opening.polling {
        polling(out, reason)?;
    }
    if opening.has_keys {
        writeln!(out, "{FAINT}{KEYS}{FAINT:#}")?;
    }
    out.flush()
}

/// Writes that changes are looked for from time to time, and why.
pub fn polling(out: &mut dyn Write, reason: &Polling) -> io::Result<()> {
    match reason {
        Polling::Asked => return writeln!(out, "Looking for changes from time to time."),
        Polling::FileSystem(name) => writeln!(out, "This is {name}, which sends no events.")?,
        Polling::NoEvents(reason) => writeln!(out, "No events: {}.", clean(reason))?,
    }
    writeln!(out, "Looking for changes every second.")
}

/// Writes what a refresh found: always in the same order.
pub fn plan(out: &mut dyn Write, view: &WatchView<'_>) -> io::Result<()> {
    headline(out, view)?;
    diagnostics::human(out, view.findings, view.width)?;
    match (&view.plan, view.difference) {
        (Some(plan), _) if view.is_broken => {
            writeln!(
                out,
                "{BAD}Not planned{BAD:#}: {} in the way. The last good plan stands:",
                errors(view.findings)
            )?;
            plan::verdict(out, plan)
        }
        (None, _) => writeln!(
            out,
            "{BAD}Not planned{BAD:#}: {} in the way.",
            errors(view.findings)
        ),
        (Some(plan), Some(difference)) => {
            differences(out, plan, difference)?;
            plan::verdict(out, plan)?;
            plan::findings(out, plan)
        }
        (Some(plan), None) => plan::human(out, plan),
    }
}

/// What an apply of the plan would do, before it does it.
pub fn intention(plan: &Plan, target: &Target) -> String {
    let submissions = plan.summary.submit + plan.summary.resubmit;
    let looked_up = match plan.summary.resolve {
        0 => String::new(),
        number => format!(" and look up {number}"),
    };
    let keys = plan.jobs.iter().filter(|planned| planned.action.submits());
    let mut names: Vec<&str> = keys
        .map(|planned| planned.job.key.as_str())
        .take(SHOWN_JOBS)
        .collect();
    if submissions > names.len() {
        names.push("…");
    }
    format!(
        "Submit {} to `{}`{looked_up}: {}",
        count(submissions, "job", "jobs"),
        target.name,
        names.join(", ")
    )
}

fn headline(out: &mut dyn Write, view: &WatchView<'_>) -> io::Result<()> {
    let cause = match view.cause {
        WatchCause::Start => return writeln!(out),
        WatchCause::Files(files) => names(files),
        WatchCause::State => "the state".to_owned(),
        WatchCause::Period => "a period has passed".to_owned(),
    };
    let milliseconds = view.took.as_millis();
    writeln!(
        out,
        "\n{STRONG}{cause}{STRONG:#} {FAINT}({milliseconds} ms){FAINT:#}"
    )
}

/// The first files by name, the others by number.
fn names(files: &[PathBuf]) -> String {
    const NAMED: usize = 3;
    let named = files.iter().take(NAMED);
    let named: Vec<String> = named.map(|file| clean(&file.to_string_lossy())).collect();
    match files.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), grouped(more)),
    }
}

fn errors(findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    count(errors, "error is", "errors are")
}

fn differences(
    out: &mut dyn Write,
    plan: &PlanView<'_>,
    difference: &Difference,
) -> io::Result<()> {
    let words = signed_counts(difference);
    if words.is_empty() {
        writeln!(out, "No other plan than before")?;
    } else {
        writeln!(out, "{}", words.join(", "))?;
    }
    plan::each(out, plan)?;
    let gone = difference.jobs.iter().filter(|job| job.after.is_none());
    for job in gone.take(SHOWN_JOBS) {
        let (key, words) = (clean(job.key.as_str()), gone_words(job.before));
        writeln!(out, "  {FAINT}-{FAINT:#}  {STRONG}{key}{STRONG:#}  {words}")?;
    }
    let unshown = difference.unshown(SHOWN_JOBS);
    if unshown > 0 {
        writeln!(out, "  … and {} more", grouped(unshown))?;
    }
    Ok(())
}

/// `+2 submit, 1 no longer blocked`.
fn signed_counts(difference: &Difference) -> Vec<String> {
    let (before, after) = (difference.before, difference.after);
    let counts = [
        (before.resolve, after.resolve, "to look up"),
        (before.submit, after.submit, "submit"),
        (before.resubmit, after.resubmit, "resubmit"),
        (before.renamed, after.renamed, "renamed"),
        (before.unchanged, after.unchanged, "unchanged"),
        (before.retired, after.retired, "retired"),
    ];
    let signed = counts.into_iter().filter_map(|(before, after, word)| {
        let sign = if after > before { '+' } else { '-' };
        (before != after).then(|| format!("{sign}{} {word}", grouped(before.abs_diff(after))))
    });
    let blocked = (difference.blocked > 0).then(|| format!("{} blocked", difference.blocked));
    let unblocked =
        (difference.unblocked > 0).then(|| format!("{} no longer blocked", difference.unblocked));
    let mut words: Vec<String> = signed.chain(blocked).chain(unblocked).collect();
    if words.is_empty() && !difference.jobs.is_empty() {
        words.push(format!(
            "{} not as before",
            count(difference.jobs.len(), "job", "jobs")
        ));
    }
    words
}

fn gone_words(before: Option<Action>) -> &'static str {
    match before {
        Some(Action::Submit | Action::Resubmit) => "no longer in the files; not submitted",
        _ => "no longer in the files",
    }
}
