//! One submission: the intent made durable, the request sent once, its outcome made durable.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::{SignedDuration, Timestamp};
use tokio::select;
use tokio::time::sleep;

use super::Interrupt;
use super::event::Event;
use super::fence;
use super::outcome::{Halt, JobResult};
use super::run::Run;
use crate::api::client::{Client, Retry, Sent};
use crate::api::signature::KeyTime;
use crate::crash;
use crate::job::Job;
use crate::plan::{PlannedJob, decide_again};
use crate::state::{Outcome, Record, Seen, StateError, SubmissionId, Window};

/// What certainly did not reach the service is sent again this often.
const RETRIES: usize = 5;
const FIRST_DELAY: Duration = Duration::from_millis(300);
const MAX_DELAY: Duration = Duration::from_secs(30);
/// A service that asks for more rest than this gets it after the run.
const MAX_ASKED_DELAY: Duration = Duration::from_mins(5);

/// Submits one job of the plan, unless it was triggered already.
pub(super) async fn submit(run: &Run<'_>, planned: &PlannedJob) -> JobResult {
    let mut delays = ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(MAX_DELAY)
        .with_max_times(RETRIES)
        .with_jitter()
        .build();
    loop {
        let (result, retry) = attempt(run, planned).await;
        if let Some(retry) = retry
            && let JobResult::NotAttempted { reason } = &result
            && let Some(delay) = delays.next()
        {
            let delay = match retry {
                Retry::Throttled(Some(asked)) => delay.max(asked),
                Retry::Throttled(None) | Retry::BackOff => delay,
            };
            let throttled = retry != Retry::BackOff;
            let is_short = delay <= MAX_ASKED_DELAY;
            if is_short && pause(run, &planned.job, reason, delay, throttled).await {
                continue;
            }
        }
        if retry.is_some() {
            run.note(&result);
        }
        return result;
    }
}

/// Makes one attempt: an intent of its own, sent at most once. The second value is whether another
/// attempt can end differently.
async fn attempt(run: &Run<'_>, planned: &PlannedJob) -> (JobResult, Option<Retry>) {
    let job = &planned.job;
    if run.halted().is_none() {
        select! {
            () = run.client.turn() => {}
            () = run.interrupted(Interrupt::Drain) => run.stop(Halt::Interrupted),
        }
    }
    // Before anything is recorded: a submission that could not be signed is none.
    run.renew_credentials().await;
    if let Some(halt) = run.halted() {
        return (not_attempted(&halt), None);
    }
    let record = run.store.get(&job.fingerprint);
    if let Some(result) = already_triggered(planned, record.as_deref()) {
        return (result, None);
    }
    let client = match run.client_of(&job.work) {
        Ok(client) => client,
        Err(error) => return (JobResult::not_attempted(&error), None),
    };
    let window = match window(run, &client).await {
        Ok(window) => window,
        Err((reason, retry)) => return (JobResult::not_attempted(&reason), retry),
    };
    let (submission, intended) = run.intend(planned, window).await;
    match intended {
        Ok(()) => {}
        // The intent may be stored, and binds every run then.
        Err(error @ StateError::Unconfirmed { .. }) => {
            return (JobResult::unresolved(submission, error.to_string()), None);
        }
        Err(error) => return (JobResult::not_attempted(&error), None),
    }
    // The disk may have been slow: what could no longer be signed is not sent.
    run.renew_credentials().await;
    let in_flight = run.track_in_flight();
    let sent = if run.halted().is_some() {
        Outcome::abandoned("the run ended before it was sent").into()
    } else {
        run.tell(Event::Sending {
            key: job.key.clone(),
            fingerprint: job.fingerprint,
            submission: submission.clone(),
        });
        send(run, &client, job, window).await
    };
    let retry = sent.retry;
    let result = conclude(run, job, submission, sent).await;
    drop(in_flight);
    if retry.is_none() {
        run.note(&result);
    }
    (result, retry)
}

/// The window of an attempt that begins now, by the service's clock.
async fn window(run: &Run<'_>, client: &Client) -> Result<Window, (String, Option<Retry>)> {
    if let Err(error) = client.synchronize_within(run.options.window / 6).await {
        let retry = error.may_pass().then_some(Retry::BackOff);
        return Err((format!("the service's time is not known: {error}"), retry));
    }
    let clock = client.clock();
    if let Some(leap) = clock.leap() {
        return Err((leapt(leap), None));
    }
    let now = clock.early().unwrap_or(Timestamp::MIN);
    Ok(Window::from(now, run.options.window))
}

/// Why a service whose clock leapt is not trusted.
pub(super) fn leapt(leap: SignedDuration) -> String {
    format!("the service's clock leapt by {leap:#}, so it cannot be told what it still takes")
}

fn not_attempted(halt: &Halt) -> JobResult {
    JobResult::not_attempted(&match halt {
        Halt::Interrupted => "the run was interrupted".to_owned(),
        Halt::CredentialsRefused(error) => format!("the service refuses the credentials: {error}"),
        Halt::CredentialsEnded(error) => error.to_string(),
        Halt::FailuresInARow { count, failure } => {
            format!("{count} jobs in a row were {failure}")
        }
        Halt::StateUnwritable(error) | Halt::Fenced(error) => error.clone(),
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

/// Sends the request once, if there is time enough left in its window.
async fn send(run: &Run<'_>, client: &Client, job: &Job, window: Window) -> Sent {
    crash::point("before a request is sent");
    let late = client.clock().late().unwrap_or(Timestamp::MAX);
    if !fence::may_begin(window, run.options.window, late) {
        return Sent {
            retry: Some(Retry::BackOff),
            ..Outcome::abandoned("its window was over before it could be sent").into()
        };
    }
    let window = KeyTime {
        start: window.not_before,
        end: window.not_after,
    };
    let sent = select! {
        sent = client.trigger(&job.work.request, window) => sent,
        () = run.interrupted(Interrupt::Now) => {
            Outcome::unresolved("the run was interrupted before the answer came").into()
        }
    };
    crash::point("an answer came and is not recorded");
    sent
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
        () = sleep(delay) => run.halted().is_none(),
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
    let recorded = run
        .conclude(&job.fingerprint, &submission, outcome.clone(), seen)
        .await;
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
