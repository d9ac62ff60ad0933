//! Writes the service's answers into the state.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::state::{Expected, OpenOptions, Record, StateError, StateStore};

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
        state: PathBuf,
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
                let store = open(state.clone(), target.clone(), *lock_timeout).await?;
                append_all(&store, records).await?;
                store.close()
            }
        }
    }
}

/// Waiting for the lock must not hold up anything else.
async fn open(
    state: PathBuf,
    target: String,
    lock_timeout: Duration,
) -> Result<StateStore, StateError> {
    let path = state.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let expected = Expected {
            target: &target,
            lineage: None,
        };
        let options = OpenOptions {
            create: false,
            lock_timeout,
        };
        StateStore::open_for_writing(&state, expected, options, &mut |_| {})
    });
    let lost = StateError::ExternallyModified {
        path,
        problem: "could not be opened",
    };
    opened.await.unwrap_or(Err(lost))
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
