//! How many objects, and how many bytes, the jobs of a plan would process: counted at the bucket.
//!
//! [`requests`] finds out what has to be asked: jobs that read the same list share it, whatever
//! their intervals, and a prefix inside another one is counted on the way. A [`tally::Tally`] counts
//! the objects as they stream by. Neither knows where they come from; the rest reads pages, lists
//! and inventories.

mod fetch;
mod inventory;
mod model;
mod requests;
mod stored;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;
mod totals;
mod url_list;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use crate::api::client::{CallError, Client};
use crate::job::Job;

use requests::ListRequest;
use tally::Tally;

pub use model::{Count, Counts, Estimate, JobEstimate, Prices, TotalEstimate, WorkflowEstimate};
pub(crate) use totals::Totals;

/// How many lists are read at once.
const PARALLELISM: usize = 8;
/// How many single objects are asked for at once.
const HEADS: usize = 16;

/// How far the counting is, for those who wait.
#[derive(Debug, Default)]
pub struct Counters {
    lists: AtomicU64,
    ended: AtomicU64,
    objects: AtomicU64,
}

/// How far the counting is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Lists to read.
    pub lists: u64,
    /// Lists that were read.
    pub ended: u64,
    /// Objects that were seen.
    pub objects: u64,
}

impl Counters {
    /// How far the counting is.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            lists: self.lists.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            objects: self.objects.load(Ordering::Relaxed),
        }
    }

    fn saw(&self, objects: usize) {
        self.objects.fetch_add(objects as u64, Ordering::Relaxed);
    }
}

/// What all requests share.
struct Counter<'a> {
    client: &'a Client,
    counters: &'a Counters,
    heads: Semaphore,
    /// Once the service does not answer at all, it is asked no more.
    silence: OnceLock<String>,
    /// Why the credentials are refused: no further call is made.
    refused: OnceLock<CallError>,
}

/// Counts the objects of every job. Where that fails the counts say why; it does not stop the others,
/// unless the service refuses the credentials.
pub async fn count<'a>(
    jobs: impl Iterator<Item = &'a Job>,
    client: &Client,
    counters: &Counters,
) -> Result<Counts, CallError> {
    let requests = requests::of(jobs);
    counters
        .lists
        .store(requests.len() as u64, Ordering::Relaxed);
    let counter = Counter {
        client,
        counters,
        heads: Semaphore::new(HEADS),
        silence: OnceLock::new(),
        refused: OnceLock::new(),
    };
    let answers = stream::iter(requests).map(|request| counter.ask(request));
    let mut answers = answers.buffer_unordered(PARALLELISM);
    let mut counts = Counts::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(tally) => tally.finish(&mut counts),
            Err((tally, problem)) => tally.fail(&problem, &mut counts),
        }
        if let Some(error) = counter.refused.get() {
            return Err(error.clone());
        }
    }
    Ok(counts)
}

impl Counter<'_> {
    async fn ask(&self, mut request: ListRequest) -> Result<Tally, (Tally, String)> {
        let result = match self.silence.get() {
            Some(problem) => Err(problem.clone()),
            None => self.fetch(&mut request).await,
        };
        self.counters.ended.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(()) => Ok(request.tally),
            Err(problem) => Err((request.tally, problem)),
        }
    }

    /// Why a call came to nothing, and what can be done.
    fn explain(&self, error: &CallError) -> String {
        if matches!(error, CallError::Transport { .. }) {
            return self.silence.get_or_init(|| error.to_string()).clone();
        }
        if error.refused_credentials().is_some() {
            self.refused.get_or_init(|| error.clone());
        }
        match error.status() {
            Some(401 | 403) => format!(
                "{error} (to count, the key pair must be allowed cos:GetBucket, cos:HeadObject and \
                 cos:GetObject)"
            ),
            _ => error.to_string(),
        }
    }
}
