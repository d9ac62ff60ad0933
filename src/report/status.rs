//! How far recorded jobs are, for people.

use std::io::{self, Write};
use std::sync::Arc;

use anstyle::Style;
use jiff::Timestamp;

use super::table::{self, Cell, grouped};
use super::ui::style::{BAD, CHANGE, FAINT, GOOD, STRONG};
use crate::api::time;
use crate::state::{Objects, Outcome, Record};

/// Writes a table with one row a record.
pub fn human(out: &mut dyn Write, records: &[Arc<Record>], now: Timestamp) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "Nothing is recorded yet.");
    }
    let head = ["job", "state", "submitted", "took", "objects"];
    let mut rows = vec![head.map(|word| Cell::new(word, FAINT)).to_vec()];
    rows.extend(records.iter().map(|record| row(record, now)));
    table::write(out, 0, &rows)?;
    for record in records {
        if let Some(message) = record.last_seen().and_then(|seen| seen.message.as_ref()) {
            writeln!(out, "{BAD}{}{BAD:#}: {message}", record.key)?;
        }
    }
    Ok(())
}

/// Writes the same table in Markdown.
pub fn markdown(out: &mut dyn Write, records: &[Arc<Record>], now: Timestamp) -> io::Result<()> {
    writeln!(
        out,
        "| job | state | submitted | took | objects | message |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for record in records {
        let Facts {
            state,
            submitted,
            took,
            objects,
            ..
        } = facts(record, now);
        let message = record.last_seen().and_then(|seen| seen.message.as_deref());
        let (key, message) = (escaped(record.key.as_str()), escaped(message.unwrap_or("")));
        writeln!(
            out,
            "| {key} | {state} | {submitted} | {took} | {objects} | {message} |"
        )?;
    }
    Ok(())
}

/// Text that stays in its cell and is nothing but text.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => safe.push(' '),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '@' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// One line about a job that has ended; `None` while it has not.
pub(super) fn ending(record: &Record) -> Option<String> {
    let seen = record.last_seen().filter(|seen| seen.state.is_final())?;
    let (state, style) = state(record);
    let message = seen.message.as_ref().map(|message| format!("  {message}"));
    Some(format!(
        "{style}{state:<9}{style:#}  {}{}",
        record.key,
        message.unwrap_or_default()
    ))
}

/// A record's cells.
struct Facts {
    state: String,
    style: Style,
    submitted: String,
    took: String,
    objects: String,
}

fn facts(record: &Record, now: Timestamp) -> Facts {
    let (state, style) = state(record);
    let submitted = record
        .latest()
        .map(|latest| time::format(latest.intended_at));
    let objects = record.last_seen().and_then(|seen| seen.objects);
    Facts {
        state,
        style,
        submitted: submitted.unwrap_or_default(),
        took: took(record, now).unwrap_or_default(),
        objects: objects.map(self::objects).unwrap_or_default(),
    }
}

fn row(record: &Record, now: Timestamp) -> Vec<Cell> {
    let facts = facts(record, now);
    vec![
        Cell::new(record.key.as_str(), STRONG),
        Cell::new(facts.state, facts.style),
        Cell::plain(facts.submitted),
        Cell::plain(facts.took),
        Cell::plain(facts.objects),
    ]
}

/// `197 done, 3 failed, 12 open`.
pub(super) fn objects(objects: Objects) -> String {
    let Objects {
        succeeded,
        failed,
        total,
        more,
    } = objects;
    let number = |number: u64| grouped(usize::try_from(number).unwrap_or(usize::MAX));
    let least = if more { "at least " } else { "" };
    let mut text = format!("{least}{} done", number(succeeded));
    let open = total.saturating_sub(succeeded + failed);
    for (count, word) in [(failed, "failed"), (open, "open")] {
        if count > 0 {
            text = format!("{text}, {} {word}", number(count));
        }
    }
    text
}

/// How long the job ran, or has been running.
fn took(record: &Record, now: Timestamp) -> Option<String> {
    let seen = record.last_seen()?;
    let started = seen.started?;
    let until = match seen.ended {
        Some(ended) => ended,
        None if seen.state.is_final() => return None,
        None => now,
    };
    Some(length(until.as_second() - started.as_second()))
}

/// `42s`, `3m 07s`, `5h 20m`, `2d 03h`.
pub(super) fn length(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// The word for what is known of a record, and how it looks.
pub(super) fn state(record: &Record) -> (String, Style) {
    if record.unresolved().is_some() {
        return ("unresolved".to_owned(), BAD);
    }
    let latest = record.latest().map(|submission| &submission.outcome);
    match (latest, record.last_seen()) {
        (None, _) if record.is_removed() => ("removed".to_owned(), FAINT),
        (Some(Outcome::Rejected { .. }), _) => ("rejected".to_owned(), BAD),
        (_, Some(seen)) if seen.state.is_failure() => (seen.state.to_string(), BAD),
        (_, Some(seen)) if seen.state.is_final() => (seen.state.to_string(), GOOD),
        (_, Some(seen)) => (seen.state.to_string(), CHANGE),
        (Some(Outcome::Accepted { .. }), None) => ("accepted".to_owned(), CHANGE),
        (Some(Outcome::Abandoned { .. }), None) => ("abandoned".to_owned(), FAINT),
        _ => ("not submitted".to_owned(), FAINT),
    }
}

#[cfg(test)]
mod tests {
    use super::{escaped, length, objects};
    use crate::state::Objects;

    #[test]
    fn lengths_have_two_parts() {
        assert_eq!(length(-5), "0s");
        assert_eq!(length(42), "42s");
        assert_eq!(length(187), "3m 07s");
        assert_eq!(length(19_200), "5h 20m");
        assert_eq!(length(183_600), "2d 03h");
    }

    #[test]
    fn objects_say_what_is_not_zero() {
        let counted = Objects {
            succeeded: 1197,
            failed: 3,
            total: 1212,
            more: false,
        };
        assert_eq!(objects(counted), "1,197 done, 3 failed, 12 open");
        assert_eq!(objects(Objects::default()), "0 done");
    }

    #[test]
    fn markdown_stays_in_its_cell() {
        assert_eq!(escaped("a|b\n<script>"), "a\\|b &lt;script>");
    }
}
