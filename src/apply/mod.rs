//! Does what a plan says: each intent durable before it is sent, sent once, its end durable.

mod breaker;
pub mod by_hand;
mod call;
mod event;
mod look_up;
mod outcome;
mod pace;
mod resolve;
mod run;
mod submit;

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::select;
use tokio::sync::watch;

use self::resolve::Resolution;
use self::run::Run;
use crate::api::client::Client;
use crate::plan::{Action, Plan, PlannedJob};
use crate::state::StateStore;

pub use event::Event;
pub use outcome::{ApplyOutcome, Halt, JobOutcome, JobResult};

/// What was sent, lost and found not to have arrived is sent this often in one run.
const ROUNDS: usize = 2;
/// New keys cost no request, only a share of an fsync.
const RENAMES_AT_ONCE: usize = 1024;

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many submissions are in flight at most.
    pub parallelism: usize,
    /// How long after an attempt began it may be looked up: when nothing of it can be under way any
    /// more, and the service's list shows its job if it took it.
    pub look_up_after: Duration,
    /// Requests a second at most.
    pub rate: Option<u32>,
    /// How many failures alike in a row stop the run.
    pub failures_in_a_row: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: 8,
            look_up_after: Duration::from_secs(90),
            rate: None,
            failures_in_a_row: 5,
        }
    }
}

/// Whether the person wants the run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Interrupt {
    /// They do not.
    #[default]
    No,
    /// Begin nothing new, wait for what is in flight.
    Drain,
    /// Leave what is in flight unresolved.
    Now,
}

/// Applies `plan` through `client`, recording everything in `store`.
///
/// The client is the one of the target's bucket; a job that names another bucket is sent there. The
/// plan may be older than what `store` holds: what was triggered since is not triggered again.
pub async fn apply(
    plan: &Plan,
    store: &StateStore,
    client: &Client,
    options: &Options,
    interrupt: watch::Receiver<Interrupt>,
    events: &(dyn Fn(Event) + Send + Sync),
) -> ApplyOutcome {
    let run = Run::new(store, client, options, interrupt, events);
    let results = select! {
        results = apply_all(&run, plan) => results,
        never = run.watch_interrupt() => match never {},
    };
    let jobs = plan.jobs.iter().zip(results);
    let finished = |(planned, result): (&PlannedJob, Option<JobResult>)| {
        Some(JobOutcome {
            key: planned.job.key.clone(),
            fingerprint: planned.job.fingerprint,
            result: result?,
        })
    };
    ApplyOutcome {
        jobs: jobs.filter_map(finished).collect(),
        halt: run.halted(),
    }
}

/// One result for each job of the plan that has something to do.
async fn apply_all(run: &Run<'_>, plan: &Plan) -> Vec<Option<JobResult>> {
    let with_action = |wanted: fn(Action) -> bool| {
        let jobs = plan.jobs.iter().enumerate();
        let indices = jobs.filter(move |(_, planned)| wanted(planned.action));
        indices.map(|(index, _)| index).collect::<Vec<usize>>()
    };
    let mut results: Vec<Option<JobResult>> = plan.jobs.iter().map(|_| None).collect();
    let renamed = with_action(|action| action == Action::Renamed);
    rename_all(run, plan, &renamed, &mut results).await;

    let mut unresolved = with_action(|action| action == Action::Resolve);
    let mut to_submit = with_action(Action::submits);
    for _ in 0..ROUNDS {
        let free = resolve_all(run, plan, &unresolved, &mut results).await;
        to_submit.extend(free);
        unresolved = submit_all(run, plan, &to_submit, &mut results).await;
        to_submit.clear();
    }
    for index in resolve_all(run, plan, &unresolved, &mut results).await {
        let result = JobResult::NotAttempted {
            reason: format!("it was sent {ROUNDS} times and did not arrive"),
        };
        run.finish(&plan.jobs[index].job, &result);
        results[index] = Some(result);
    }
    results
}

/// Looks unresolved jobs up; gives back those that may be submitted.
async fn resolve_all(
    run: &Run<'_>,
    plan: &Plan,
    indices: &[usize],
    results: &mut [Option<JobResult>],
) -> Vec<usize> {
    let jobs: Vec<&PlannedJob> = indices.iter().map(|index| &plan.jobs[*index]).collect();
    let resolutions = resolve::resolve(run, &jobs).await;
    let mut free = Vec::new();
    for (index, resolution) in indices.iter().copied().zip(resolutions) {
        let result = match resolution {
            Resolution::Free => {
                free.push(index);
                continue;
            }
            Resolution::Done(result) => result,
            // What the attempt itself ended with says more.
            Resolution::NotLookedUp(result) => results[index].take().unwrap_or(result),
        };
        run.finish(&plan.jobs[index].job, &result);
        results[index] = Some(result);
    }
    free
}

/// Submits jobs; gives back those whose end nobody knows.
async fn submit_all(
    run: &Run<'_>,
    plan: &Plan,
    indices: &[usize],
    results: &mut [Option<JobResult>],
) -> Vec<usize> {
    let submissions = stream::iter(indices.iter().copied())
        .map(|index| async move { (index, submit::submit(run, &plan.jobs[index]).await) });
    // While some are under way, the intents of the next ones are written to disk.
    let at_once = run.options.parallelism.max(1).saturating_mul(2);
    let mut submissions = submissions.buffer_unordered(at_once);
    let mut unresolved = Vec::new();
    while let Some((index, result)) = submissions.next().await {
        if matches!(result, JobResult::Unresolved { .. }) {
            unresolved.push(index);
        } else {
            run.finish(&plan.jobs[index].job, &result);
        }
        results[index] = Some(result);
    }
    unresolved
}

/// Records new keys.
async fn rename_all(
    run: &Run<'_>,
    plan: &Plan,
    indices: &[usize],
    results: &mut [Option<JobResult>],
) {
    let renames = stream::iter(indices.iter().copied())
        .map(|index| async move { (index, run.rename(&plan.jobs[index].job).await) });
    let mut renames = renames.buffer_unordered(RENAMES_AT_ONCE);
    while let Some((index, renamed)) = renames.next().await {
        let result = match renamed {
            Ok(from) => JobResult::Renamed { from },
            Err(error) => JobResult::NotAttempted {
                reason: error.to_string(),
            },
        };
        run.finish(&plan.jobs[index].job, &result);
        results[index] = Some(result);
    }
}
