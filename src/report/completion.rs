//! The completion report as CSV: a row an object, or a row a job to hold against the bill.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use csv::Writer;

use super::status::record_state;
use crate::api::name::WorkflowId;
use crate::api::time;
use crate::money::{Money, Price};
use crate::state::{Record, Seen, Submission};
use crate::status::{ObjectRow, object_key};

/// Columns are added at the end, and never changed.
const OBJECT_COLUMNS: [&str; 10] = [
    "bucket", "key", "state", "code", "message", "run", "output", "job", "job_id", "workflow",
];

/// Columns are added at the end, and never changed.
const JOB_COLUMNS: [&str; 19] = [
    "job",
    "job_id",
    "state",
    "bucket",
    "region",
    "workflow",
    "submitted",
    "started",
    "ended",
    "objects",
    "succeeded",
    "failed",
    "complete",
    "bytes",
    "price_per_object",
    "price_per_gib",
    "cost",
    "currency",
    "message",
];

/// A report with a row an object, written as the rows come.
pub struct ObjectReport<W: Write> {
    rows: Writer<W>,
    unexplained: usize,
}

impl<W: Write> ObjectReport<W> {
    /// Begins it with the names of its columns.
    pub fn begin(out: W) -> io::Result<Self> {
        let mut rows = Writer::from_writer(out);
        rows.write_record(OBJECT_COLUMNS)?;
        Ok(Self {
            rows,
            unexplained: 0,
        })
    }

    /// Writes one row.
    pub fn row(&mut self, row: &ObjectRow<'_>) -> io::Result<()> {
        self.unexplained += usize::from(row.is_unexplained);
        let key = object_key(&row.run.object);
        // Keys have no line breaks, so these keep several of them apart.
        let outputs = row.outputs.join("\n");
        Ok(self.rows.write_record([
            row.record.work.bucket.as_str(),
            &key,
            row.run.state.as_str(),
            &row.code,
            &row.message,
            &row.run.run_id,
            &outputs,
            row.record.key.as_str(),
            row.job_id.as_str(),
            row.workflow_id.as_str(),
        ])?)
    }

    /// Ends it; returns of how many objects the service did not say more when it was asked.
    pub fn end(mut self) -> io::Result<usize> {
        self.rows.flush()?;
        Ok(self.unexplained)
    }
}

/// Writes a row for every job that the service took for one of `records`, and one for each record whose
/// latest attempt became none.
pub fn jobs_csv(
    out: &mut dyn Write,
    records: &[Arc<Record>],
    prices: &BTreeMap<WorkflowId, Price>,
) -> io::Result<()> {
    let mut rows = Writer::from_writer(out);
    rows.write_record(JOB_COLUMNS)?;
    for record in records {
        let current = record.accepted().map(|(submission, _)| submission);
        for submission in &record.submissions {
            let is_current = current.is_some_and(|current| current.id == submission.id);
            if is_current || submission.job_id().is_some() {
                rows.write_record(job(record, Some(submission), is_current, prices))?;
            }
        }
        let latest = record.latest();
        if latest.is_none_or(|latest| latest.job_id().is_none()) {
            rows.write_record(job(record, latest, false, prices))?;
        }
    }
    rows.flush()
}

/// The cells of one job. What became of a job that a later one has followed is not kept: its cells are
/// empty, as is everything else that is not known.
fn job(
    record: &Record,
    submission: Option<&Submission>,
    is_current: bool,
    prices: &BTreeMap<WorkflowId, Price>,
) -> [String; JOB_COLUMNS.len()] {
    let seen = record.last_seen().filter(|_| is_current);
    let job_id = submission.and_then(Submission::job_id);
    let objects = seen.and_then(Seen::counted);
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let text = |text: Option<String>| text.unwrap_or_default();
    let price = price(record, prices);
    let counted = objects.filter(|objects| !objects.more);
    let cost = counted.and_then(|objects| price?.cost(objects.succeeded, None));
    let state = if is_current || job_id.is_none() {
        record_state(record)
    } else {
        String::new()
    };
    let reason = submission.and_then(|submission| submission.outcome.reason());
    let message = seen.and_then(|seen| seen.message.clone()).or(reason);
    let submitted = submission.map(|submission| time::format(submission.intended_at));
    let amount = |money: Option<Money>| text(money.map(Money::decimal));
    [
        record.key.to_string(),
        text(job_id.map(ToString::to_string)),
        state,
        record.work.bucket.to_string(),
        record.work.region.to_string(),
        record.work.request.operation.workflow_ids.joined(),
        text(submitted),
        text(seen.and_then(|seen| seen.started).map(time::format)),
        text(seen.and_then(|seen| seen.ended).map(time::format)),
        text(number(objects.map(|objects| objects.total))),
        text(number(objects.map(|objects| objects.succeeded))),
        text(number(objects.map(|objects| objects.failed))),
        text(objects.map(|objects| (!objects.more).to_string())),
        String::new(),
        amount(price.and_then(|price| price.per_object)),
        amount(price.and_then(|price| price.per_gib)),
        amount(cost),
        text(cost.map(|cost| cost.currency().to_string())),
        text(message),
    ]
}

/// What each object of the job costs: known if all of its workflows have the same price, since the
/// objects are counted over all of them.
fn price(record: &Record, prices: &BTreeMap<WorkflowId, Price>) -> Option<Price> {
    let ids = record.work.request.operation.workflow_ids.as_slice();
    let (first, others) = ids.split_first()?;
    let price = prices.get(first)?;
    let is_shared = others.iter().all(|id| prices.get(id) == Some(price));
    is_shared.then_some(*price)
}
