//! How far each record is, for people.

use std::io::{self, Write};
use std::sync::Arc;

use anstyle::Style;

use super::table::{self, Cell};
use super::ui::Ui;
use super::ui::style::{BAD, CHANGE, FAINT, GOOD, STRONG};
use crate::api::time;
use crate::state::{Outcome, Record};

/// Writes a table with one row a record.
pub fn human(out: &mut dyn Write, records: &[Arc<Record>]) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "Nothing is recorded yet.");
    }
    let head = ["job", "state", "submitted", "id"].map(|word| Cell::new(word, FAINT));
    let mut rows = vec![head.to_vec()];
    rows.extend(records.iter().map(|record| row(record)));
    table::write(out, 0, &rows)?;
    for record in records {
        if let Some(message) = record.last_seen().and_then(|seen| seen.message.as_ref()) {
            writeln!(out, "{BAD}{}{BAD:#}: {message}", record.key)?;
        }
    }
    Ok(())
}

/// Says on standard error that the service has news of a job that ended.
pub fn change(ui: Ui, record: &Record) -> io::Result<()> {
    let Some(seen) = record.last_seen().filter(|seen| seen.state.is_final()) else {
        return Ok(());
    };
    let (state, style) = state(record);
    let message = seen
        .message
        .as_ref()
        .map(|message| format!("  {message}"))
        .unwrap_or_default();
    ui.note(format!(
        "{style}{state:<9}{style:#}  {}{message}",
        record.key
    ))
}

fn row(record: &Record) -> Vec<Cell> {
    let (state, style) = state(record);
    let latest = record.submissions.last();
    let submitted = latest.map_or_else(String::new, |submission| {
        time::format(submission.intended_at)
    });
    let job_id = record.accepted().map_or("", |(_, job_id)| job_id.as_str());
    vec![
        Cell::new(record.key.as_str(), STRONG),
        Cell::new(state, style),
        Cell::plain(submitted),
        Cell::new(job_id, FAINT),
    ]
}

fn state(record: &Record) -> (String, Style) {
    if record.unresolved().is_some() {
        return ("unresolved".to_owned(), BAD);
    }
    let latest = record
        .submissions
        .last()
        .map(|submission| &submission.outcome);
    match (latest, record.last_seen()) {
        (Some(Outcome::Rejected { .. }), _) => ("rejected".to_owned(), BAD),
        (_, Some(seen)) if seen.state.is_failure() => (seen.state.to_string(), BAD),
        (_, Some(seen)) if seen.state.is_final() => (seen.state.to_string(), GOOD),
        (_, Some(seen)) => (seen.state.to_string(), CHANGE),
        (Some(Outcome::Accepted { .. }), None) => ("accepted".to_owned(), CHANGE),
        _ => ("not submitted".to_owned(), FAINT),
    }
}
