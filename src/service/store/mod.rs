//! The service's database: jobs and their runs.
//!
//! One thread writes to the database. It takes all changes that wait for it into one transaction, so
//! that they share one sync to the disk; nobody is answered before that sync is over. Another one takes
//! jobs in: those that come together become one record of the [`journal`], with a sync of its own, and
//! get their rows before anybody looks.

mod execution_list;
mod executions;
mod format;
mod intake;
mod job_list;
mod jobs;
mod journal;
mod overview;
mod query;
mod readers;
#[cfg(test)]
mod tests;
mod thread;
mod transaction;
mod workflows;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::watch;

pub use journal::{JournalError, JournalProblem};

pub(super) use execution_list::{ExecutionFilter, StoredExecution};
pub(super) use executions::{Execution, Start};
pub(super) use job_list::JobFilter;
pub(super) use jobs::{NewJob, StoredJob};
pub(super) use overview::{Overview, OverviewJob, OverviewLimits, StateCount};
pub(super) use query::Order;
pub(super) use workflows::WorkflowTimes;

use format::FORMAT;
use intake::Intake;
use journal::Journal;
use readers::Readers;
use writer::Writer;

/// How many jobs get their rows in one transaction, so that other changes need not wait for long.
const INDEXED_AT_ONCE: usize = 1024;

/// Why the database did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own words.
    #[error("{0}")]
    Sqlite(Arc<rusqlite::Error>),
    /// Written by another version of this program.
    #[error("its format is {found}, this version reads format {FORMAT}")]
    Format {
        /// The format it has.
        found: i64,
    },
    /// What jobs wait in is missing, damaged or cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// SQLite has undone the transaction, as it does when the disk is full.
    #[error("the database undid the transaction that this was a part of")]
    Undone,
    /// The service is shutting down.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// The database, open.
#[derive(Debug)]
pub(super) struct Store {
    journal: Arc<Journal>,
    intake: Intake,
    writer: Writer,
    readers: Arc<Readers>,
}

impl Store {
    /// Opens the database and the journal beside it, or makes them. Belongs into a runtime, from which
    /// callers are answered.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        plan_once(&connection)?;
        let journal = format::prepare(&mut connection, &path.with_extension("journal"))?;
        let journal = Arc::new(journal);
        Ok(Self {
            intake: Intake::start(Arc::clone(&journal)),
            writer: Writer::start(connection, Arc::clone(&journal)),
            journal,
            readers: Arc::new(Readers::new(path)),
        })
    }

    /// Makes a change; when this returns, the change is on the disk. One of several statements makes
    /// them in a savepoint.
    async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(change).await
    }

    /// How many jobs were taken in since the service started.
    pub(super) fn taken_in(&self) -> watch::Receiver<u64> {
        self.intake.taken_in()
    }

    /// Asks a question about everything that was taken in before.
    async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        if let Some(last) = self.journal.last_waiting() {
            while !self.writer.index(last, INDEXED_AT_ONCE).await? {}
        }
        self.read_indexed(query).await
    }

    /// Asks a question about jobs that have their rows, on a thread that may block.
    async fn read_indexed<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let answer = tokio::task::spawn_blocking(move || readers.read(query)).await;
        answer.map_err(|_| StoreError::Closed)?
    }

    /// Waits for the last change and closes the database.
    pub(super) async fn close(&self) {
        self.readers.close();
        self.intake.close().await;
        self.writer.close().await;
    }
}

/// SQLite would plan a statement anew whenever other values are bound to it, which costs more than
/// most statements do.
fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
