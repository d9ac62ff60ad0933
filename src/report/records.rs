//! Records as machines read them, and as tables of what is recorded.

use std::io::{self, Write};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::status::state;
use super::table::{self, Cell};
use super::text::one_line;
use super::ui::Look;
use super::ui::style::{BAD, FAINT, STRONG};
use crate::api::time;
use crate::report::json::write as write_json;
use crate::schema;
use crate::state::{Record, Seen, Submission};

/// The format that [`json`] writes.
const FORMAT: &str = "stocktake.records/1";

/// Everything recorded of some jobs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake records")]
struct Document<'a> {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'a str,
    /// The target whose jobs these are.
    target: &'a str,
    /// The records, sorted by key.
    records: Vec<RecordView>,
}

/// What is known of one piece of work.
#[derive(Debug, Serialize, JsonSchema)]
struct RecordView {
    /// The job's name in the workspace.
    key: String,
    /// SHA-256 of the work.
    fingerprint: String,
    /// The bucket.
    bucket: String,
    /// Its region.
    region: String,
    /// The service's id of the latest job.
    job_id: Option<String>,
    /// The service's word for the job's state; `unresolved`, `rejected`, `abandoned`, `accepted` or
    /// `removed` where there is none.
    state: String,
    /// When the latest attempt was made.
    submitted_at: Option<String>,
    /// When the job began to run.
    started_at: Option<String>,
    /// When it ended.
    ended_at: Option<String>,
    /// When the service was last asked with a new answer.
    seen_at: Option<String>,
    /// The service's words for a failure.
    message: Option<String>,
    /// What became of its objects, where that was counted.
    objects: Option<ObjectsView>,
    /// What was asked for.
    request: Value,
    /// Every attempt, oldest first.
    submissions: Vec<SubmissionView>,
}

/// What became of a job's objects.
#[derive(Debug, Serialize, JsonSchema)]
struct ObjectsView {
    /// Done.
    succeeded: u64,
    /// Failed.
    failed: u64,
    /// All that the service lists, those under way included.
    total: u64,
    /// Whether there are no more than were counted.
    complete: bool,
}

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
struct SubmissionView {
    /// Its id.
    id: String,
    /// `accepted`, `rejected`, `abandoned` or `unresolved`.
    outcome: String,
    /// When it was made.
    at: String,
    /// When its end was known.
    ended_at: Option<String>,
    /// The job it became.
    job_id: Option<String>,
    /// The id of the call, for the service's support.
    request_id: Option<String>,
    /// Why it ended as it did.
    reason: Option<String>,
    /// Whether a person asked for it with `retry`.
    by_hand: bool,
    /// Who took it out of the account.
    removed: Option<RemovalView>,
}

/// A person's word that an attempt counts no longer.
#[derive(Debug, Serialize, JsonSchema)]
struct RemovalView {
    /// When.
    at: String,
    /// Who.
    by: String,
    /// Why.
    reason: Option<String>,
}

/// The schema of what [`json`] writes.
pub fn schema_json() -> Value {
    schema::of::<Document<'_>>()
}

/// Writes records as one JSON document.
pub fn json(out: &mut dyn Write, target: &str, records: &[Arc<Record>]) -> io::Result<()> {
    let document = Document {
        format: FORMAT,
        target,
        records: records.iter().map(|record| view(record)).collect(),
    };
    write_json(out, &document)
}

fn view(record: &Record) -> RecordView {
    let seen = record.last_seen();
    let objects = seen.and_then(Seen::counted);
    let latest = record.latest();
    let job_id = record.accepted().map(|(_, job_id)| job_id.to_string());
    RecordView {
        key: record.key.to_string(),
        fingerprint: record.fingerprint.to_string(),
        bucket: record.work.bucket.to_string(),
        region: record.work.region.to_string(),
        job_id,
        state: state(record).0,
        submitted_at: latest.map(|submission| time::format(submission.intended_at)),
        started_at: seen.and_then(|seen| seen.started).map(time::format),
        ended_at: seen.and_then(|seen| seen.ended).map(time::format),
        seen_at: seen.map(|seen| time::format(seen.at)),
        message: seen.and_then(|seen| seen.message.clone()),
        objects: objects.map(|objects| ObjectsView {
            succeeded: objects.succeeded,
            failed: objects.failed,
            total: objects.total,
            complete: !objects.more,
        }),
        request: serde_json::to_value(&record.work.request).unwrap_or_default(),
        submissions: record.submissions.iter().map(submission).collect(),
    }
}

fn submission(submission: &Submission) -> SubmissionView {
    let outcome = &submission.outcome;
    let removed = submission.removed.as_ref().map(|removal| RemovalView {
        at: time::format(removal.at),
        by: removal.by.clone(),
        reason: removal.reason.clone(),
    });
    SubmissionView {
        id: submission.id.to_string(),
        outcome: outcome.kind().as_str().to_owned(),
        at: time::format(submission.intended_at),
        ended_at: submission.ended_at.map(time::format),
        job_id: submission.job_id().map(ToString::to_string),
        request_id: outcome.request_id().map(str::to_owned),
        reason: outcome.reason(),
        by_hand: submission.by_hand,
        removed,
    }
}

/// Writes a table of what is recorded, with ids rather than progress.
pub fn list(out: &mut dyn Write, records: &[Arc<Record>], look: Look) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "Nothing is recorded yet.");
    }
    let head = ["job", "state", "fingerprint", "id"].map(|word| Cell::new(word, FAINT));
    let mut rows = vec![head.to_vec()];
    rows.extend(records.iter().map(|record| {
        let (word, style) = state(record);
        let job_id = record.accepted().map_or("", |(_, job_id)| job_id.as_str());
        vec![
            Cell::new(record.key.as_str(), STRONG),
            Cell::new(word, style),
            Cell::plain(record.fingerprint.short()),
            Cell::new(job_id, FAINT),
        ]
    }));
    table::write_within(out, &rows, look.width)
}

/// Writes the whole history of records.
pub fn history(out: &mut dyn Write, records: &[Arc<Record>]) -> io::Result<()> {
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        one_history(out, record)?;
    }
    Ok(())
}

fn one_history(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let (label, style) = state(record);
    let work = &record.work;
    let request = &work.request;
    writeln!(
        out,
        "{STRONG}{}{STRONG:#}  {style}{label}{style:#}",
        record.key
    )?;
    let interval = request.operation.time_interval;
    let mut facts = vec![
        ("fingerprint", record.fingerprint.to_string()),
        ("bucket", format!("{} ({})", work.bucket, work.region)),
        ("name", request.name.to_string()),
        (
            request.input.field(),
            format!("{:?}", request.input.value()),
        ),
        ("workflow", request.operation.workflow_ids.joined()),
    ];
    facts.extend(interval.start.map(|start| ("from", time::format(start))));
    facts.extend(interval.end.map(|end| ("until", time::format(end))));
    facts.extend(work.rerun.clone().map(|rerun| ("rerun", rerun)));
    let rows = facts
        .into_iter()
        .map(|(name, value)| vec![Cell::new(name, FAINT), Cell::plain(value)]);
    table::write(out, 2, &rows.collect::<Vec<_>>())?;
    for attempt in &record.submissions {
        attempt_lines(out, attempt)?;
    }
    if let Some(seen) = record.last_seen() {
        let state = &seen.state;
        writeln!(
            out,
            "  {}  {} is {state}",
            time::format(seen.at),
            seen.job_id
        )?;
        if let Some(message) = &seen.message {
            writeln!(out, "    {BAD}{}{BAD:#}", one_line(message))?;
        }
    }
    Ok(())
}

fn attempt_lines(out: &mut dyn Write, attempt: &Submission) -> io::Result<()> {
    let outcome = &attempt.outcome;
    let word = outcome.kind().as_str();
    let job_id = attempt
        .job_id()
        .map(|id| format!(" as {id}"))
        .unwrap_or_default();
    let by_hand = if attempt.by_hand {
        ", asked for by `retry`"
    } else {
        ""
    };
    writeln!(
        out,
        "  {}  {word}{job_id}{by_hand}",
        time::format(attempt.intended_at)
    )?;
    let call = outcome.request_id().map(|id| format!("request {id}"));
    for detail in outcome.reason().into_iter().chain(call) {
        writeln!(out, "    {FAINT}{}{FAINT:#}", one_line(&detail))?;
    }
    if let Some(removal) = &attempt.removed {
        let reason = removal.reason.as_deref().map(one_line);
        let reason = reason.map(|reason| format!(": {reason}"));
        let (at, by) = (time::format(removal.at), one_line(&removal.by));
        writeln!(out, "  {at}  removed by {by}{}", reason.unwrap_or_default())?;
    }
    Ok(())
}
