//! The service's database: jobs and their runs.
//!
//! One thread writes, others read. A change is answered when it is on the disk.

mod definitions;
mod error;
mod execution_list;
mod executions;
mod format;
mod job_list;
mod jobs;
mod objects;
mod overview;
mod query;
mod readers;
mod tasks;
#[cfg(test)]
mod tests;
mod thread;
mod uploads;
mod workflows;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::watch;

pub use error::StoreError;

pub(super) use definitions::{Changed, StoredWorkflow, WorkflowChange};
pub(super) use execution_list::{ExecutionFilter, StoredExecution};
pub(super) use executions::{Execution, Start};
pub(super) use job_list::JobFilter;
pub(super) use jobs::{AcceptedJob, StoredJob};
pub(super) use objects::{ObjectRecord, Stamp};
pub(super) use overview::{Overview, OverviewJob, OverviewLimits, StateCount};
pub(super) use query::Order;
pub(super) use tasks::StoredTask;
pub(super) use uploads::{Part, Upload};
pub(super) use workflows::WorkflowTimes;

use readers::Readers;
use writer::Writer;

/// The database, open.
#[derive(Debug)]
pub(super) struct Store {
    writer: Writer,
    readers: Arc<Readers>,
    /// How many jobs were accepted since the service started.
    accepted: watch::Sender<u64>,
}

impl Store {
    /// Opens the database or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // Earlier builds kept jobs in a file beside the database as well.
        if path.with_extension("journal").exists() {
            return Err(StoreError::Format { found: 3 });
        }
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        plan_once(&connection)?;
        format::prepare(&mut connection)?;
        Ok(Self {
            writer: Writer::start(connection),
            readers: Arc::new(Readers::new(path)),
            accepted: watch::Sender::new(0),
        })
    }

    /// Makes a change; when this returns, it is on the disk. A change of several statements makes
    /// them in a savepoint.
    async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.writer.write(change, || ()).await
    }

    /// How many jobs were accepted since the service started.
    pub(super) fn accepted(&self) -> watch::Receiver<u64> {
        self.accepted.subscribe()
    }

    /// Runs a query on a thread that may block.
    async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
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
        self.writer.close().await;
    }
}

/// Keeps SQLite from planning a statement again when other values are bound to it, which costs more
/// than most statements.
fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
