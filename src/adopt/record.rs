//! The record of a job that another means triggered.

use jiff::Timestamp;

use crate::api::request::{Input, JobType, Operation};
use crate::api::wire::JobDetail;
use crate::job::Job;
use crate::state::{Outcome, Record, Records, Seen, Submission, SubmissionId};

/// What a job of the service was asked for; none of another type, or where it cannot be understood.
pub(super) fn asked_for(detail: &JobDetail) -> Option<(&Input, &Operation)> {
    let is_workflow = detail.kind.is_empty() || detail.kind == JobType::Workflow.as_str();
    let asked = detail.input.as_ref().zip(detail.operation.as_ref());
    asked.filter(|_| is_workflow)
}

/// The record that says that the service's job is the work of `job`.
pub(super) fn record(job: &Job, detail: &JobDetail, records: &Records, now: Timestamp) -> Record {
    let previous = records.get(&job.fingerprint);
    let mut submissions = previous.map_or_else(Vec::new, |record| record.submissions.clone());
    submissions.push(Submission {
        id: SubmissionId::random(),
        intended_at: detail.created.unwrap_or(now),
        ended_at: Some(now),
        outcome: Outcome::Accepted {
            job_id: detail.job_id.clone(),
            request_id: None,
        },
        removed: None,
    });
    Record {
        fingerprint: job.fingerprint,
        key: job.key.clone(),
        written_at: now,
        work: job.work.clone(),
        submissions,
        seen: Some(Seen::from_detail(detail, now)),
    }
}

/// Whether the account has an attempt at the work of `job` that counts, or may count.
pub(super) fn is_recorded(records: &Records, job: &Job) -> bool {
    let record = records.get(&job.fingerprint);
    record.is_some_and(|record| record.accepted().is_some() || record.unresolved().is_some())
}
