//! One submission: the intent made durable, the request sent once, its end made durable.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use tokio::select;
use tokio::time::sleep;

use super::Interrupt;
use super::event::Event;
use super::outcome::{Halt, JobResult};
use super::run::Run;
use crate::api::client::{Retry, Sent};
use crate::crash;
use crate::job::Job;
use crate::plan::{PlannedJob, decide_again};
use crate::state::{Outcome, Record, Seen, SubmissionId};

/// What certainly did not reach the service is sent again this often.
const RETRIES: usize = 5;
const FIRST_DELAY: Duration = Duration::from_millis(300);
const MAX_DELAY: Duration = Duration::from_secs(30);
/// A service that asks for more rest than this gets it after the run.
const MAX_ASKED_DELAY: Duration = Duration::from_mins(5);

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
    // Before anything is recorded: a submission that could not be signed is none.
    run.renew_credentials().await;
    if let Some(halt) = run.halted() {
        return not_attempted(&halt);
    }
    let record = run.store.get(&job.fingerprint);
    if let Some(result) = already_triggered(planned, record.as_deref()) {
        return result;
    }
    let submission = match run.intend(job).await {
        Ok(submission) => submission,
        Err(error) => return JobResult::not_attempted(&error),
    };
    // A slot is kept until the outcome is recorded and noted: a run that has to stop sends no more than
    // what has a slot already.
    let slot = select! {
        slot = run.slots.acquire() => slot.ok(),
        () = run.interrupted(Interrupt::Drain) => None,
    };
    run.renew_credentials().await;
    if slot.is_none() || run.halted().is_some() {
        let outcome = Outcome::abandoned("the run ended before it was sent");
        return conclude(run, job, submission, outcome.into()).await;
    }
    let in_flight = run.track_in_flight();
    run.tell(Event::Sending {
        key: job.key.clone(),
        fingerprint: job.fingerprint,
        submission: submission.clone(),
    });
    let sent = send(run, job, &submission).await;
    let result = conclude(run, job, submission, sent).await;
    drop(in_flight);
    run.note(&result);
    result
}

fn not_attempted(halt: &Halt) -> JobResult {
    JobResult::not_attempted(&match halt {
        Halt::Interrupted => "the run was interrupted".to_owned(),
        Halt::CredentialsRefused(error) => format!("the service refuses the credentials: {error}"),
        Halt::CredentialsEnded(error) => error.to_string(),
        Halt::FailuresInARow { count, failure } => {
            format!("{count} jobs in a row were {failure}")
        }
        Halt::StateUnwritable(error) => error.clone(),
    })
}

/// The plan may be older than the state: what the record says now decides.
fn already_triggered(planned: &PlannedJob, record: Option<&Record>) -> Option<JobResult> {
    let record = record?;
    if let Some(submission) = record.unresolved() {
        let id = submission.id.clone();
        return Some(JobResult::unresolved(
            id,
            "an earlier attempt is unresolved",
        ));
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

async fn send(run: &Run<'_>, job: &Arc<Job>, submission: &SubmissionId) -> Sent {
    let client = match run.client_of(&job.work) {
        Ok(client) => client,
        Err(error) => return Outcome::abandoned(error.to_string()).into(),
    };
    let mut delays = ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(MAX_DELAY)
        .with_max_times(RETRIES)
        .with_jitter()
        .build();
    loop {
        crash::point("before a request is sent");
        let sent = select! {
            sent = client.trigger(&job.work.request) => sent,
            () = run.interrupted(Interrupt::Now) => {
                return Outcome::unresolved("the run was interrupted before the answer came").into();
            }
        };
        crash::point("an answer came and is not recorded");
        let Some(retry) = sent.retry else {
            return sent;
        };
        let Some(delay) = delays.next() else {
            return sent;
        };
        let delay = match retry {
            Retry::Throttled(Some(asked)) => delay.max(asked),
            Retry::Throttled(None) | Retry::BackOff => delay,
        };
        let throttled = retry != Retry::BackOff;
        let reason = sent.outcome.reason().unwrap_or_default();
        if delay > MAX_ASKED_DELAY || !pause(run, job, &reason, delay, throttled).await {
            return sent;
        }
        if let Err(error) = run.intend_again(job, submission).await {
            return Outcome::abandoned(error.to_string()).into();
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

/// Makes what became of an attempt durable. What cannot be recorded stays unresolved in the state, and
/// is looked up by the next run.
async fn conclude(run: &Run<'_>, job: &Job, submission: SubmissionId, sent: Sent) -> JobResult {
    let Sent {
        mut outcome,
        job: mut detail,
        ..
    } = sent;
    if let Outcome::Accepted { job_id, .. } = &outcome
        && !run.claim(job_id)
    {
        let reason = format!("the answer names job {job_id}, which belongs to another submission");
        (outcome, detail) = (Outcome::unresolved(reason), None);
    }
    let seen = detail.map(|detail| Seen::from_detail(&detail, Timestamp::now()));
    let state = seen.as_ref().map(|seen| seen.state.clone());
    let recorded = run.conclude(job, &submission, outcome.clone(), seen).await;
    match (outcome, recorded) {
        (Outcome::Abandoned { reason }, _) => JobResult::NotAttempted { reason },
        (Outcome::Accepted { job_id, .. }, Err(error)) => {
            let error = error.to_string();
            let reason =
                format!("the service took it as job {job_id}, which is not recorded: {error}");
            run.tell(Event::NotRecorded {
                key: job.key.clone(),
                job_id,
                error,
            });
            JobResult::unresolved(submission, reason)
        }
        (outcome, _) => JobResult::Attempted {
            submission,
            outcome,
            state,
            looked_up: false,
        },
    }
}
