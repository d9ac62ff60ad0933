//! One submission: the intent made durable, the request sent once, its end made durable.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use tokio::select;
use tokio::time::sleep;

use super::Interrupt;
use super::call;
use super::event::Event;
use super::outcome::{Halt, JobResult};
use super::run::Run;
use crate::api::client::SendOutcome;
use crate::api::wire::{JobDetail, ServiceError};
use crate::crash;
use crate::job::Job;
use crate::plan::{PlannedJob, decide_again};
use crate::state::{Outcome, Record, Rejection, Seen, SubmissionId};

/// What certainly did not reach the service is sent again this often.
const RETRIES: usize = 5;
const FIRST_DELAY: Duration = Duration::from_millis(300);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// A service that asks for more rest than this gets it after the run.
const LONGEST_ASKED: Duration = Duration::from_mins(5);

/// Submits one job of the plan, unless it was triggered already.
pub(super) async fn submit(run: &Run<'_>, planned: &PlannedJob) -> JobResult {
    let job = &planned.job;
    if let Some(halt) = run.halted() {
        return not_attempted(&halt);
    }
    select! {
        () = run.client.turn() => {}
        () = run.interrupted(Interrupt::Drain) => run.stop(Halt::Interrupted),
    }
    if let Some(halt) = run.halted() {
        return not_attempted(&halt);
    }
    let record = run.store.get(&job.fingerprint);
    if let Some(result) = already_triggered(planned, record.as_deref()) {
        return result;
    }
    let submission = match run.intend(job).await {
        Ok(submission) => submission,
        Err(error) => {
            return JobResult::NotAttempted {
                reason: error.to_string(),
            };
        }
    };
    // A slot is kept until the end is recorded and noted: a run that has to stop sends no more than
    // what has a slot already.
    let slot = select! {
        slot = run.slots.acquire() => slot.ok(),
        () = run.interrupted(Interrupt::Drain) => None,
    };
    if slot.is_none() || run.halted().is_some() {
        let end = End::NotTaken("the run ended before it was sent".to_owned());
        return record_end(run, job, submission, end).await;
    }
    let in_flight = run.fly();
    run.tell(Event::Sending {
        key: job.key.clone(),
        fingerprint: job.fingerprint,
        submission: submission.clone(),
    });
    let end = send(run, job, &submission).await;
    let result = record_end(run, job, submission, end).await;
    drop(in_flight);
    run.note(&result);
    result
}

fn not_attempted(halt: &Halt) -> JobResult {
    let reason = match halt {
        Halt::Interrupted => "the run was interrupted".to_owned(),
        Halt::CredentialsRefused(error) => format!("the service refuses the credentials: {error}"),
        Halt::FailuresInARow { count, failure } => {
            format!("{count} jobs in a row were {failure}")
        }
        Halt::StateUnwritable(error) => error.clone(),
    };
    JobResult::NotAttempted { reason }
}

/// The plan may be older than the state: what the record says now decides.
fn already_triggered(planned: &PlannedJob, record: Option<&Record>) -> Option<JobResult> {
    let record = record?;
    if let Some(submission) = record.unresolved() {
        return Some(JobResult::Unresolved {
            submission: submission.id.clone(),
            reason: "an earlier attempt is unresolved".to_owned(),
        });
    }
    let (_, job_id) = record.accepted()?;
    let planned_with = planned.record.as_deref().map_or(0, Record::accepted_count);
    let is_as_planned = record.accepted_count() == planned_with;
    if is_as_planned && decide_again(&planned.job, Some(record)).submits() {
        return None;
    }
    Some(JobResult::AlreadySubmitted {
        job_id: job_id.clone(),
    })
}

/// How sending ended, after everything that may be sent again was.
enum End {
    Accepted {
        detail: Box<JobDetail>,
        request_id: Option<String>,
    },
    Rejected(ServiceError),
    /// Known not to have been taken.
    NotTaken(String),
    Unresolved(String),
    /// The person did not want to wait for the answer.
    Left,
}

async fn send(run: &Run<'_>, job: &Arc<Job>, submission: &SubmissionId) -> End {
    let client = match run.client_of(&job.work) {
        Ok(client) => client,
        Err(error) => return End::NotTaken(error.to_string()),
    };
    let mut delays = ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LONGEST_DELAY)
        .with_max_times(RETRIES)
        .with_jitter()
        .build();
    loop {
        crash::point("before a request is sent");
        let outcome = select! {
            outcome = call::trigger(&client, job) => outcome,
            () = run.interrupted(Interrupt::Now) => return End::Left,
        };
        crash::point("an answer came and is not recorded");
        let (reason, asked) = match outcome {
            SendOutcome::Accepted { detail, request_id } => {
                return End::Accepted { detail, request_id };
            }
            SendOutcome::Rejected(error) => return End::Rejected(error),
            SendOutcome::Unresolved { reason } => return End::Unresolved(reason),
            SendOutcome::NotSent {
                reason,
                may_pass: false,
            } => return End::NotTaken(reason),
            SendOutcome::NotSent { reason, .. } => (reason, None),
            SendOutcome::Throttled { retry_after, error } => {
                (error.to_string(), Some(retry_after.unwrap_or_default()))
            }
        };
        let Some(delay) = delays.next() else {
            return End::NotTaken(reason);
        };
        let delay = delay.max(asked.unwrap_or_default());
        if delay > LONGEST_ASKED || !pause(run, job, &reason, delay, asked.is_some()).await {
            return End::NotTaken(reason);
        }
        if let Err(error) = run.renew(job, submission).await {
            return End::NotTaken(error.to_string());
        }
    }
}

/// Waits before the next attempt; false when the person wants the run to end.
async fn pause(run: &Run<'_>, job: &Job, reason: &str, delay: Duration, throttled: bool) -> bool {
    run.tell(Event::Retrying {
        key: job.key.clone(),
        reason: reason.to_owned(),
        delay,
        throttled,
    });
    if throttled {
        run.client.rest(delay);
    }
    select! {
        () = async { sleep(delay).await; run.client.turn().await } => run.halted().is_none(),
        () = run.interrupted(Interrupt::Drain) => false,
    }
}

async fn record_end(run: &Run<'_>, job: &Job, submission: SubmissionId, end: End) -> JobResult {
    match end {
        End::Accepted { detail, request_id } => {
            record_accepted(run, job, submission, *detail, request_id).await
        }
        End::Rejected(error) => {
            let outcome = Outcome::Rejected(Box::new(Rejection {
                code: error.code.clone(),
                message: error.message.clone(),
                request_id: error.request_id.clone(),
            }));
            // What cannot be recorded stays unresolved in the state, and is looked up next time.
            let _ = run.conclude(job, &submission, outcome, None).await;
            JobResult::Rejected { submission, error }
        }
        End::NotTaken(reason) => {
            let outcome = Outcome::Abandoned {
                reason: reason.clone(),
            };
            let _ = run.conclude(job, &submission, outcome, None).await;
            JobResult::NotAttempted { reason }
        }
        End::Unresolved(reason) => unresolved(run, job, submission, reason).await,
        End::Left => JobResult::Unresolved {
            submission,
            reason: "the run was interrupted before the answer came".to_owned(),
        },
    }
}

async fn unresolved(
    run: &Run<'_>,
    job: &Job,
    submission: SubmissionId,
    reason: String,
) -> JobResult {
    let outcome = Outcome::Unresolved {
        reason: Some(reason.clone()),
    };
    let _ = run.conclude(job, &submission, outcome, None).await;
    JobResult::Unresolved { submission, reason }
}

async fn record_accepted(
    run: &Run<'_>,
    job: &Job,
    submission: SubmissionId,
    detail: JobDetail,
    request_id: Option<String>,
) -> JobResult {
    let seen = Seen::from_detail(&detail, Timestamp::now());
    let JobDetail { job_id, state, .. } = detail;
    if !run.claim(&job_id) {
        let reason = format!("the answer names job {job_id}, which belongs to another submission");
        return unresolved(run, job, submission, reason).await;
    }
    let outcome = Outcome::Accepted {
        job_id: job_id.clone(),
        request_id: request_id.clone(),
    };
    if let Err(error) = run.conclude(job, &submission, outcome, Some(seen)).await {
        let error = error.to_string();
        run.tell(Event::NotRecorded {
            key: job.key.clone(),
            job_id: job_id.clone(),
            error: error.clone(),
        });
        let reason = format!("the service took it as job {job_id}, which is not recorded: {error}");
        return JobResult::Unresolved { submission, reason };
    }
    JobResult::Submitted {
        submission,
        job_id,
        request_id,
        state,
    }
}
