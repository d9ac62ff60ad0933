//! Does what a plan says: each intent durable before it is sent, sent once, its end durable.

mod breaker;
pub mod by_hand;
mod event;
mod look_up;
mod outcome;
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
use crate::state::{OutcomeKind, StateStore};

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
    /// How many failures alike in a row stop the run.
    pub failures_in_a_row: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: 8,
            look_up_after: Duration::from_secs(90),
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
    let outcomes = select! {
        outcomes = apply_all(&run, plan) => outcomes,
        never = run.watch_interrupt() => match never {},
    };
    ApplyOutcome {
        jobs: outcomes.into_iter().flatten().collect(),
        halt: run.halted(),
    }
}

/// How the jobs of a plan ended, each in its place; none where nothing was to be done, or is yet.
type Outcomes = Vec<Option<JobOutcome>>;

/// Does what is to be done about each job of the plan.
async fn apply_all(run: &Run<'_>, plan: &Plan) -> Outcomes {
    let with_action = |wanted: fn(Action) -> bool| {
        let jobs = plan.jobs.iter().enumerate();
        let indices = jobs.filter(move |(_, planned)| wanted(planned.action));
        indices.map(|(index, _)| index).collect::<Vec<usize>>()
    };
    let mut outcomes: Outcomes = plan.jobs.iter().map(|_| None).collect();
    let renamed = with_action(|action| action == Action::Renamed);
    rename_all(run, plan, &renamed, &mut outcomes).await;

    let mut unresolved = with_action(|action| action == Action::Resolve);
    let mut to_submit = with_action(Action::submits);
    for _ in 0..ROUNDS {
        let free = resolve_all(run, plan, &unresolved, &mut outcomes).await;
        to_submit.extend(free);
        unresolved = submit_all(run, plan, &to_submit, &mut outcomes).await;
        to_submit.clear();
    }
    let lost = resolve_all(run, plan, &unresolved, &mut outcomes).await;
    let lost = lost.into_iter().map(|index| {
        let reason = format!("it was sent {ROUNDS} times and did not arrive");
        (index, JobResult::not_attempted(&reason))
    });
    finish(run, plan, lost, &mut outcomes);
    outcomes
}

/// Says that jobs are through, and keeps how they ended.
fn finish(
    run: &Run<'_>,
    plan: &Plan,
    ended: impl IntoIterator<Item = (usize, JobResult)>,
    outcomes: &mut [Option<JobOutcome>],
) {
    let ended = ended.into_iter().map(|(index, result)| {
        let outcome = JobOutcome::new(&plan.jobs[index].job, result);
        outcomes[index] = Some(outcome.clone());
        outcome
    });
    let ended: Vec<JobOutcome> = ended.collect();
    if !ended.is_empty() {
        run.tell(Event::Finished(ended));
    }
}

/// Looks unresolved jobs up; returns those that may be submitted.
async fn resolve_all(
    run: &Run<'_>,
    plan: &Plan,
    indices: &[usize],
    outcomes: &mut [Option<JobOutcome>],
) -> Vec<usize> {
    let jobs: Vec<&PlannedJob> = indices.iter().map(|index| &plan.jobs[*index]).collect();
    let resolutions = resolve::resolve(run, &jobs).await;
    let (mut free, mut ended) = (Vec::new(), Vec::new());
    for (index, resolution) in indices.iter().copied().zip(resolutions) {
        let result = match resolution {
            Resolution::Free => {
                free.push(index);
                continue;
            }
            Resolution::Done(result) => result,
            // What the attempt itself ended with says more.
            Resolution::NotLookedUp(result) => {
                let attempt = outcomes[index].take();
                attempt.map_or(result, |attempt| attempt.result)
            }
        };
        ended.push((index, result));
    }
    finish(run, plan, ended, outcomes);
    free
}

/// Submits jobs; returns those that are unresolved.
async fn submit_all(
    run: &Run<'_>,
    plan: &Plan,
    indices: &[usize],
    outcomes: &mut [Option<JobOutcome>],
) -> Vec<usize> {
    let submissions = stream::iter(indices.iter().copied())
        .map(|index| async move { (index, submit::submit(run, &plan.jobs[index]).await) });
    // While some are under way, the intents of the next ones are written to disk.
    let at_once = run.options.parallelism.max(1).saturating_mul(2);
    // Ends that became durable together are said together.
    let mut submissions = submissions.buffer_unordered(at_once).ready_chunks(at_once);
    let mut unresolved = Vec::new();
    while let Some(results) = submissions.next().await {
        let is_unresolved =
            |(_, result): &(usize, JobResult)| result.kind() == Some(OutcomeKind::Unresolved);
        let (open, ended): (Vec<_>, Vec<_>) = results.into_iter().partition(is_unresolved);
        finish(run, plan, ended, outcomes);
        for (index, result) in open {
            unresolved.push(index);
            outcomes[index] = Some(JobOutcome::new(&plan.jobs[index].job, result));
        }
    }
    unresolved
}

/// Records new keys.
async fn rename_all(
    run: &Run<'_>,
    plan: &Plan,
    indices: &[usize],
    outcomes: &mut [Option<JobOutcome>],
) {
    let renames = stream::iter(indices.iter().copied())
        .map(|index| async move { (index, run.rename(&plan.jobs[index].job).await) });
    let mut renames = renames
        .buffer_unordered(RENAMES_AT_ONCE)
        .ready_chunks(RENAMES_AT_ONCE);
    while let Some(renamed) = renames.next().await {
        let ended = renamed.into_iter().map(|(index, renamed)| {
            let result = match renamed {
                Ok(from) => JobResult::Renamed { from },
                Err(error) => JobResult::not_attempted(&error),
            };
            (index, result)
        });
        finish(run, plan, ended, outcomes);
    }
}
