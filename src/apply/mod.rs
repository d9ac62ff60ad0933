//! Does what a plan says: each submission durable before it is sent, sent once, its end durable.
#![expect(
    clippy::todo,
    reason = "signatures first, for those who build on them; bodies follow at once"
)]
#![expect(clippy::unused_async, reason = "bodies follow at once")]

mod event;
mod outcome;

use std::time::Duration;

use tokio::sync::watch;

use crate::api::client::Client;
use crate::plan::Plan;
use crate::state::StateStore;

pub use event::Event;
pub use outcome::{ApplyOutcome, Halt, JobOutcome, JobResult};

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many submissions are in flight at most.
    pub parallelism: usize,
    /// How long after the deadline of an attempt the service's list is trusted to show its job.
    pub settle: Duration,
    /// Requests a second at most.
    pub rate: Option<f64>,
    /// How many failures alike in a row stop the run.
    pub failures_in_a_row: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: 8,
            settle: Duration::from_secs(30),
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
/// The client is the one of the target's bucket; a job that names another bucket is sent there.
pub async fn apply(
    plan: &Plan,
    store: &StateStore,
    client: &Client,
    options: &Options,
    interrupt: watch::Receiver<Interrupt>,
    events: &(dyn Fn(Event) + Send + Sync),
) -> ApplyOutcome {
    let _ = (plan, store, client, options, interrupt, events);
    todo!()
}
