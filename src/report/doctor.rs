//! What checks of targets found, for people and for programs.

use std::io::{self, Write};

use anstyle::Style;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::table::count;
use super::ui::style::{BAD, CHANGE, FAINT, GOOD, STRONG};
use crate::doctor::{Check, Outcome, TargetChecks};
use crate::schema;

const FORMAT: &str = "stocktake.doctor/1";

/// The width of the column of outcomes.
const OUTCOME_WIDTH: usize = "warning".len();

/// A longer name moves what was found to the right, in its own line alone.
const MAX_TITLE_WIDTH: usize = 36;

/// Writes every check; those that are not as they should be with what was asked and what to do.
pub fn human(out: &mut dyn Write, targets: &[TargetChecks]) -> io::Result<()> {
    for (index, target) in targets.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{STRONG}target {}{STRONG:#}", target.target)?;
        let names = target.checks.iter().map(|check| title(check).width());
        let width = names.max().unwrap_or_default().min(MAX_TITLE_WIDTH);
        for check in &target.checks {
            line(out, check, width)?;
        }
        writeln!(out, "{}", counted(&target.checks))?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, check: &Check, width: usize) -> io::Result<()> {
    let (word, style) = shown(check.outcome);
    let (name, found) = (title(check), one_line(&check.found));
    let padding = " ".repeat(width.saturating_sub(name.width()));
    writeln!(
        out,
        "{style}{word:OUTCOME_WIDTH$}{style:#}  {name}{padding}  {found}"
    )?;
    if matches!(check.outcome, Outcome::Ok | Outcome::Skipped) {
        return Ok(());
    }
    let indent = " ".repeat(OUTCOME_WIDTH + 2);
    if !check.asked.is_empty() {
        writeln!(
            out,
            "{indent}{FAINT}asked: {}{FAINT:#}",
            one_line(&check.asked)
        )?;
    }
    match &check.remedy {
        Some(remedy) => writeln!(out, "{indent}do:    {}", one_line(remedy)),
        None => Ok(()),
    }
}

fn title(check: &Check) -> String {
    if check.subject.is_empty() {
        check.name.to_owned()
    } else {
        format!("{} {}", check.name, one_line(&check.subject))
    }
}

/// Text from elsewhere, which may hold anything.
fn one_line(text: &str) -> String {
    let plain = |character: char| {
        let steers = character.is_control()
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if steers { '\u{fffd}' } else { character }
    };
    text.chars().map(plain).collect()
}

fn shown(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Ok => ("ok", GOOD),
        Outcome::Warning => ("warning", CHANGE),
        Outcome::Failed => ("failed", BAD),
        Outcome::Skipped => ("skipped", FAINT),
    }
}

fn counted(checks: &[Check]) -> String {
    let number = |outcome| {
        checks
            .iter()
            .filter(|check| check.outcome == outcome)
            .count()
    };
    let counts = [
        (number(Outcome::Failed), "failed"),
        (number(Outcome::Warning), "with a warning"),
        (number(Outcome::Skipped), "skipped"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let all = count(checks.len(), "check", "checks");
    if counts.is_empty() {
        format!("{all}, all ok")
    } else {
        format!("{all}: {}", counts.join(", "))
    }
}

/// What `stocktake doctor --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake doctor")]
struct Document<'a> {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The targets that were checked.
    targets: Vec<TargetDocument<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TargetDocument<'a> {
    /// Its name.
    target: &'a str,
    /// Its checks, in a fixed order.
    checks: Vec<CheckDocument<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CheckDocument<'a> {
    /// What is checked, such as `media-bucket`.
    name: &'a str,
    /// What it is about, such as a bucket; empty where the name says it.
    subject: &'a str,
    /// `ok`, `warning`, `failed` or `skipped`.
    outcome: OutcomeDocument,
    /// What was asked, such as a call.
    asked: &'a str,
    /// What was found.
    found: &'a str,
    /// What to do about it.
    remedy: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OutcomeDocument {
    /// As it should be.
    Ok,
    /// Worth a look.
    Warning,
    /// Work cannot be submitted, or would not run.
    Failed,
    /// Not asked.
    Skipped,
}

/// Writes the same for programs.
pub fn json(out: &mut dyn Write, targets: &[TargetChecks]) -> io::Result<()> {
    let check = |check: &'_ Check| -> OutcomeDocument {
        match check.outcome {
            Outcome::Ok => OutcomeDocument::Ok,
            Outcome::Warning => OutcomeDocument::Warning,
            Outcome::Failed => OutcomeDocument::Failed,
            Outcome::Skipped => OutcomeDocument::Skipped,
        }
    };
    let document = Document {
        format: FORMAT,
        targets: targets
            .iter()
            .map(|target| TargetDocument {
                target: &target.target,
                checks: target
                    .checks
                    .iter()
                    .map(|found| CheckDocument {
                        name: found.name,
                        subject: &found.subject,
                        outcome: check(found),
                        asked: &found.asked,
                        found: &found.found,
                        remedy: found.remedy.as_deref(),
                    })
                    .collect(),
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// The schema of what [`json`] writes.
pub fn schema_json() -> Value {
    schema::of::<Document<'_>>()
}
