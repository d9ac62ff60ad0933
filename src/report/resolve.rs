//! What is said about an unresolved submission.

use std::io::{self, Write};

use super::hint::{pasteable, quoted};
use super::ui::style::{BAD, FAINT, GOOD, STRONG};
use crate::api::name::JobId;
use crate::api::time;
use crate::api::wire::JobDetail;
use crate::state::{Outcome, Record};

/// Writes what is known of the unresolved submissions of a record, and the jobs that may be theirs,
/// if the service could be asked.
pub fn unresolved(
    out: &mut dyn Write,
    record: &Record,
    candidates: Option<&[JobDetail]>,
) -> io::Result<()> {
    let key = &record.key;
    for submission in &record.submissions {
        let Outcome::Unresolved { reason } = &submission.outcome else {
            continue;
        };
        let when = time::format(submission.intended_at);
        let why = reason
            .as_deref()
            .unwrap_or("the run ended before an answer came");
        writeln!(
            out,
            "{BAD}unresolved{BAD:#}  {STRONG}{key}{STRONG:#}  sent {when}"
        )?;
        writeln!(out, "  {why}")?;
    }
    let Some(candidates) = candidates else {
        return Ok(());
    };
    if candidates.is_empty() {
        writeln!(
            out,
            "The service lists no job that can be it. If that is the last word:"
        )?;
        let command = format!("stocktake resolve {} --abandon", quoted(key.as_str()));
        return writeln!(out, "  {}", pasteable(&command));
    }
    writeln!(out, "The service lists what may be it:")?;
    for job in candidates {
        let created = job.created.map_or_else(|| "-".to_owned(), time::format);
        let (id, state) = (&job.job_id, &job.state);
        writeln!(
            out,
            "  {STRONG}{id}{STRONG:#}  {state}  {FAINT}created {created}{FAINT:#}"
        )?;
        let command = format!("stocktake resolve {} --adopt {id}", quoted(key.as_str()));
        writeln!(out, "    {}", pasteable(&command))?;
    }
    Ok(())
}

/// Says which job counts, and which others the service has.
pub fn kept(out: &mut dyn Write, record: &Record, job_id: &JobId) -> io::Result<()> {
    let key = &record.key;
    writeln!(
        out,
        "{GOOD}kept{GOOD:#}  {STRONG}{key}{STRONG:#}  as job {job_id}"
    )?;
    let removed = record.submissions.iter();
    let removed = removed.filter(|submission| !submission.is_active());
    for other in removed.filter_map(|submission| submission.job_id()) {
        writeln!(
            out,
            "  job {other} counts no longer; if it still runs, cancel it in the console"
        )?;
    }
    Ok(())
}

/// Says how a person ended it.
pub fn resolved(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let key = &record.key;
    match record
        .submissions
        .iter()
        .rev()
        .find_map(|submission| match &submission.outcome {
            Outcome::Accepted { job_id, .. } => Some(job_id),
            _ => None,
        }) {
        Some(job_id) => writeln!(out, "{GOOD}recorded{GOOD:#}  {key} is job {job_id}"),
        None => writeln!(
            out,
            "{GOOD}recorded{GOOD:#}  {key} was never taken; the next apply submits it"
        ),
    }
}
