//! How far recorded jobs are, for people.

use std::io::{self, Write};
use std::sync::Arc;

use anstyle::Style;
use jiff::Timestamp;

use super::markdown::escape;
use super::table::{self, Cell, grouped};
use super::text::{failure_line, one_line, wrap};
use super::ui::Look;
use super::ui::style::{BAD, CHANGE, FAINT, GOOD, STRONG};
use crate::api::time;
use crate::api::wire::JobState;
use crate::job_status::JobStatus;
use crate::state::{Objects, Outcome, Record, Seen};
use crate::status::is_uncounted;
use crate::units::duration;

/// Writes a table with one row a record, then why jobs failed.
pub fn human(
    out: &mut dyn Write,
    records: &[Arc<Record>],
    now: Timestamp,
    look: Look,
) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "Nothing is recorded yet.");
    }
    table(out, records, now, look)?;
    for record in records {
        let message = record.last_seen().and_then(|seen| seen.message.as_ref());
        let message = message.map(|message| failure_line(message));
        if let Some(message) = message
            .or_else(|| reason(record))
            .or_else(|| no_objects(record))
        {
            let key = record.key.as_str();
            let text = wrap(&format!("{key}: {message}"), look.width - 2);
            let text = text.replace('\n', "\n  ");
            let rest = text.strip_prefix(key).unwrap_or(&text);
            writeln!(out, "{BAD}{key}{BAD:#}{rest}")?;
        }
    }
    Ok(())
}

/// The table alone.
pub(super) fn table(
    out: &mut dyn Write,
    records: &[Arc<Record>],
    now: Timestamp,
    look: Look,
) -> io::Result<()> {
    let head = ["job", "state", "submitted", "took", "objects"];
    let mut rows = vec![head.map(|word| Cell::new(word, FAINT)).to_vec()];
    rows.extend(records.iter().map(|record| row(record, now)));
    table::write_within(out, &rows, look.width)
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
        let message = message.map(failure_line).or_else(|| no_objects(record));
        let (key, message) = (
            escape(record.key.as_str()),
            escape(&message.unwrap_or_default()),
        );
        writeln!(
            out,
            "| {key} | {state} | {submitted} | {took} | {objects} | {message} |"
        )?;
    }
    Ok(())
}

/// One line about a job that has ended; `None` while it has not.
pub(super) fn ending(record: &Record) -> Option<String> {
    let seen = record.last_seen().filter(|seen| seen.state.is_final())?;
    let (state, style) = state(record);
    let message = seen.message.as_ref().map(|message| failure_line(message));
    let message = message.or_else(|| no_objects(record));
    let message = message.map(|message| format!("  {message}"));
    Some(format!(
        "{style}{state:<9}{style:#}  {}{}",
        record.key,
        message.unwrap_or_default()
    ))
}

/// Why the service refused the latest submission.
fn reason(record: &Record) -> Option<String> {
    let latest = record.latest().filter(|_| record.accepted().is_none())?;
    let is_rejected = matches!(latest.outcome, Outcome::Rejected(_));
    latest.outcome.reason().filter(|_| is_rejected)
}

/// What to say of a job that succeeded over nothing: mostly its input is misspelt.
pub(super) fn no_objects(record: &Record) -> Option<String> {
    let seen = record
        .last_seen()
        .filter(|seen| seen.state == JobState::Success)?;
    let objects = seen.counted()?;
    let input = &record.work.request.input;
    (objects.total == 0 && !objects.more).then(|| {
        format!(
            "0 objects: nothing matched {} `{}`",
            input.field(),
            one_line(input.value())
        )
    })
}

/// What became of several jobs that ended: how many in which way, and of their objects.
pub fn ended(records: &[Arc<Record>]) -> String {
    let jobs = grouped(records.len());
    let number = |state: &JobState| {
        let seen = records.iter().filter_map(|record| record.last_seen());
        seen.filter(|seen| seen.state == *state).count()
    };
    let ways = [
        (JobState::Success, GOOD),
        (JobState::Failed, BAD),
        (JobState::Cancel, BAD),
    ];
    let ways = ways.map(|(state, style)| (number(&state), state, style));
    let ways = ways.iter().filter(|(number, ..)| *number > 0);
    let ways = ways.map(|(number, state, style)| {
        let (number, word) = (grouped(*number), state.as_str());
        format!("{style}{number} {word}{style:#}")
    });
    let ways = ways.collect::<Vec<_>>().join(", ");
    let counted = all_objects(records);
    let objects = if counted.total > 0 {
        format!("; objects: {}", objects(counted))
    } else {
        String::new()
    };
    let empty = records.iter().filter(|record| no_objects(record).is_some());
    let empty = match empty.count() {
        0 => String::new(),
        number => format!(
            "; {BAD}0 objects in {}{BAD:#}",
            table::count(number, "job", "jobs")
        ),
    };
    format!("{STRONG}{jobs} jobs ended{STRONG:#}: {ways}{objects}{empty}")
}

/// What became of the objects of all these jobs; there are more where a job that ended was not counted.
pub(super) fn all_objects(records: &[Arc<Record>]) -> Objects {
    let counted = records.iter().map(|record| Objects {
        more: is_uncounted(record),
        ..Objects::default()
    });
    let seen = records
        .iter()
        .filter_map(|record| record.last_seen()?.counted());
    counted.chain(seen).sum()
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
    let objects = record.last_seen().and_then(Seen::counted);
    Facts {
        state,
        style,
        submitted: submitted.unwrap_or_default(),
        took: took(record, now).unwrap_or_default(),
        objects: if no_objects(record).is_some() {
            "0 objects".to_owned()
        } else {
            objects.map(self::objects).unwrap_or_default()
        },
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
    Some(duration(until.as_second() - started.as_second()))
}

/// The word for what is known of a record.
pub fn record_state(record: &Record) -> String {
    standing(record).0
}

/// The word for what is known of a record, and how it looks.
pub(super) fn state(record: &Record) -> (String, Style) {
    let (word, standing) = standing(record);
    let style = match standing {
        JobStatus::Unresolved | JobStatus::Failed | JobStatus::Rejected | JobStatus::Cancelled => {
            BAD
        }
        JobStatus::Running | JobStatus::Waiting => CHANGE,
        JobStatus::Done => GOOD,
        JobStatus::Other => FAINT,
    };
    (word, style)
}

/// The word for what is known of a record, and what kind of word it is.
pub(super) fn standing(record: &Record) -> (String, JobStatus) {
    let (word, standing) = if record.unresolved().is_some() {
        ("unresolved", JobStatus::Unresolved)
    } else if record.is_removed() {
        ("removed", JobStatus::Other)
    } else {
        let latest = record.latest().map(|submission| &submission.outcome);
        match (latest, record.last_seen()) {
            (Some(Outcome::Rejected(_)), _) => ("rejected", JobStatus::Rejected),
            (_, Some(seen)) => (seen.state.as_str(), JobStatus::of(&seen.state)),
            (Some(Outcome::Accepted { .. }), None) => ("accepted", JobStatus::Waiting),
            (Some(Outcome::Abandoned { .. }), None) => ("abandoned", JobStatus::Other),
            _ => ("not submitted", JobStatus::Other),
        }
    };
    (word.to_owned(), standing)
}

#[cfg(test)]
mod tests {
    use super::objects;
    use crate::state::Objects;

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
}
