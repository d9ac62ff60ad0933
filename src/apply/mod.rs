//! Does what a plan says: each intent durable before it is sent, sent once, its end durable.

mod breaker;
pub mod by_hand;
mod event;
pub mod fence;
mod look_up;
#[cfg(test)]
mod model;
mod outcome;
mod resolve;
mod run;
pub mod strangers;
mod submit;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::select;
use tokio::sync::watch;

use self::resolve::Resolution;
use self::run::Run;
use crate::api::client::Client;
use crate::job::Fingerprint;
use crate::plan::{Action, Plan};
use crate::state::{OutcomeKind, Record, StateStore};

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
    /// How long after its intent the service can take a submission, by the service's clock.
    pub window: Duration,
    /// How long after the end of its window a submission is listed at the latest, if it was taken;
    /// nothing for a service of this process, which nothing can be under way to.
    pub settle: Option<Duration>,
    /// Whether look-ups wait until they prove something.
    pub waits: bool,
    /// How many failures alike in a row stop the run.
    pub failures_in_a_row: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: 8,
            window: Duration::from_secs(30),
            settle: Some(Duration::from_secs(78)),
            waits: true,
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
    let jobs = select! {
        jobs = apply_all(&run, plan) => jobs,
        never = run.watch_interrupt() => match never {},
    };
    ApplyOutcome {
        jobs,
        halt: run.halted(),
        intended: run.has_intended(),
    }
}

/// Looks every unresolved submission of the state up, and sends nothing.
pub async fn look_up(
    store: &StateStore,
    client: &Client,
    options: &Options,
    interrupt: watch::Receiver<Interrupt>,
    events: &(dyn Fn(Event) + Send + Sync),
) -> ApplyOutcome {
    let run = Run::new(store, client, options, interrupt, events);
    let records = unresolved_besides(&run, &HashSet::new());
    let mut jobs = Vec::new();
    let looked_up = async { resolve_others(&run, &records, &mut jobs).await };
    select! {
        () = looked_up => {}
        never = run.watch_interrupt() => match never {},
    }
    ApplyOutcome {
        jobs,
        halt: run.halted(),
        intended: run.has_intended(),
    }
}

/// How the jobs of a plan ended, each in its place; none where nothing was to be done, or is yet.
type Outcomes = Vec<Option<JobOutcome>>;

/// Does what is to be done about each job of the plan, and looks up what else is unresolved.
async fn apply_all(run: &Run<'_>, plan: &Plan) -> Vec<JobOutcome> {
    let with_action = |wanted: fn(Action) -> bool| {
        let jobs = plan.jobs.iter().enumerate();
        let indices = jobs.filter(move |(_, planned)| wanted(planned.action));
        indices.map(|(index, _)| index).collect::<Vec<usize>>()
    };
    let mut outcomes: Outcomes = plan.jobs.iter().map(|_| None).collect();
    let renamed = with_action(|action| action == Action::Renamed);
    rename_all(run, plan, &renamed, &mut outcomes).await;

    let mut unresolved = with_action(|action| action == Action::Resolve);
    let looked_up = unresolved
        .iter()
        .map(|index| plan.jobs[*index].job.fingerprint);
    let others = unresolved_besides(run, &looked_up.collect());
    let mut to_submit = with_action(Action::submits);
    // What is new goes on while earlier submissions settle.
    for _ in 0..ROUNDS {
        unresolved.extend(submit_all(run, plan, &to_submit, &mut outcomes).await);
        to_submit = resolve_all(run, plan, &unresolved, &mut outcomes).await;
        unresolved.clear();
    }
    let lost = to_submit.into_iter().map(|index| {
        let reason = "it was sent again and did not arrive";
        (index, JobResult::not_attempted(reason))
    });
    finish(run, plan, lost, &mut outcomes);
    let mut outcomes: Vec<JobOutcome> = outcomes.into_iter().flatten().collect();
    resolve_others(run, &others, &mut outcomes).await;
    outcomes
}

/// Records with an unresolved submission, but for those of the named works.
fn unresolved_besides(run: &Run<'_>, works: &HashSet<Fingerprint>) -> Vec<Arc<Record>> {
    let records = run.store.records();
    let is_wanted = |record: &&Arc<Record>| {
        record.unresolved().is_some() && !works.contains(&record.fingerprint)
    };
    records.iter().filter(is_wanted).cloned().collect()
}

/// Looks up records that nothing is sent for.
async fn resolve_others(run: &Run<'_>, records: &[Arc<Record>], outcomes: &mut Vec<JobOutcome>) {
    let mut ended = Vec::new();
    for (record, resolution) in records.iter().zip(resolve::resolve(run, records).await) {
        if let Resolution::Done(result) | Resolution::NotLookedUp(result) = resolution {
            ended.push(JobOutcome {
                key: record.key.clone(),
                fingerprint: record.fingerprint,
                result,
            });
        }
    }
    if !ended.is_empty() {
        run.tell(Event::Finished(ended.clone()));
    }
    outcomes.extend(ended);
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
    let recorded = |index: &usize| {
        let planned = &plan.jobs[*index];
        let record = run.store.get(&planned.job.fingerprint);
        record.unwrap_or_else(|| Arc::new(Record::of(&planned.job, None)))
    };
    let records: Vec<Arc<Record>> = indices.iter().map(recorded).collect();
    let resolutions = resolve::resolve(run, &records).await;
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
    // A place among these is the permit to send: an intent is written with the permit in hand.
    let at_once = run.options.parallelism.max(1);
    // Outcomes that became durable together are told together.
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
