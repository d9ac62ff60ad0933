//! Writes the service's answers into the state.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};

use crate::state::{Expected, Hold, Location, Record, StateError, StateStore, WriteOptions};

/// Records that are on their way to the disk at once; they share its syncs.
const APPENDS_AT_ONCE: usize = 1024;

/// Writes into a target's state.
#[derive(Debug)]
pub enum StatusWriter<'a> {
    /// The state is open already.
    Open(&'a StateStore),
    /// It is opened, and so locked, only to write.
    Closed {
        /// Where it is.
        state: Location,
        /// Whose it is.
        target: String,
        /// How long to wait for another writer.
        lock_timeout: Duration,
    },
}

impl StatusWriter<'_> {
    /// Makes what was seen of the records durable, but for those that have another job by now.
    pub async fn write(&self, records: &[Arc<Record>]) -> Result<(), StateError> {
        match self {
            _ if records.is_empty() => Ok(()),
            Self::Open(store) => append_all(store, records).await,
            Self::Closed {
                state,
                target,
                lock_timeout,
            } => {
                let deadline = Instant::now() + *lock_timeout;
                loop {
                    let store = open(state.clone(), target.clone(), *lock_timeout).await?;
                    append_all(&store, records).await?;
                    match close(store).await {
                        // What was seen is as true as before.
                        Err(StateError::Overtaken { .. }) if Instant::now() < deadline => {}
                        closed => return closed,
                    }
                }
            }
        }
    }
}

/// Waiting for the lock must not hold up anything else.
async fn open(
    state: Location,
    target: String,
    lock_timeout: Duration,
) -> Result<StateStore, StateError> {
    let path = state.to_string().into();
    let opened = tokio::task::spawn_blocking(move || {
        let expected = Expected {
            target: &target,
            lineage: None,
        };
        let options = WriteOptions {
            create: false,
            lock_timeout: Some(lock_timeout),
            hold: Hold::AtTheEnd,
        };
        StateStore::open(&state, expected, options, &mut |_| {})
    });
    let lost = StateError::ExternallyModified {
        path,
        problem: "could not be opened",
    };
    opened.await.unwrap_or(Err(lost))
}

/// Storing what was appended must not hold up anything else either.
async fn close(store: StateStore) -> Result<(), StateError> {
    let closed = tokio::task::spawn_blocking(move || store.close());
    match closed.await {
        Ok(closed) => closed,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn append_all(store: &StateStore, records: &[Arc<Record>]) -> Result<(), StateError> {
    let appends = stream::iter(records).map(|record| append(store, record));
    let appended: Vec<_> = appends.buffer_unordered(APPENDS_AT_ONCE).collect().await;
    appended.into_iter().collect()
}

async fn append(store: &StateStore, seen: &Record) -> Result<(), StateError> {
    let Some(record) = store.get(&seen.fingerprint) else {
        return Ok(());
    };
    let job_id = |record: &Record| record.accepted().map(|(_, job_id)| job_id.clone());
    if job_id(&record) != job_id(seen) {
        return Ok(());
    }
    let record = Record {
        seen: seen.seen.clone(),
        ..Record::clone(&record)
    };
    store.append(record).await.map(drop)
}
