//! The service's database: jobs and their runs.
//!
//! One thread writes. It takes all changes that wait for it into one transaction, so that many
//! triggers share one sync to the disk; nobody is answered before that sync is over. A crowd of
//! triggers becomes one row, and gets rows of its own before anybody looks ([`inbox`]).

mod execution_list;
mod executions;
mod inbox;
mod job_list;
mod jobs;
mod overview;
mod query;
mod readers;
mod workflows;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::watch;

pub(super) use execution_list::{ExecutionFilter, StoredExecution};
pub(super) use executions::{Execution, Start};
pub(super) use job_list::JobFilter;
pub(super) use jobs::{NewJob, StoredJob};
pub(super) use overview::{Overview, OverviewJob, OverviewLimits, StateCount};
pub(super) use query::Order;
pub(super) use workflows::WorkflowTimes;
pub(super) use writer::Intake;

use readers::Readers;
use writer::Writer;

/// The layout of the tables. One of the layout before gets what it lacks, any other is refused.
const FORMAT: i64 = 2;

/// Without the inbox.
const FORMAT_BEFORE: i64 = 1;

/// How many jobs get their rows in one transaction, so that triggers need not wait for long.
const INDEXED_AT_ONCE: usize = 512;

const TABLES: &str = "
CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    bucket   TEXT NOT NULL,
    name     TEXT NOT NULL,
    workflows TEXT NOT NULL,
    request  TEXT NOT NULL,
    state    TEXT NOT NULL,
    code     TEXT NOT NULL,
    message  TEXT NOT NULL,
    created  INTEGER NOT NULL,
    started  INTEGER,
    ended    INTEGER,
    listed   INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_unfinished ON jobs (sequence) WHERE state IN ('Submitted', 'Running');
CREATE INDEX jobs_of_bucket ON jobs (bucket, sequence);
CREATE INDEX jobs_of_name ON jobs (bucket, name, sequence);
CREATE TABLE executions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    job      INTEGER NOT NULL REFERENCES jobs (sequence),
    workflow TEXT NOT NULL,
    key      TEXT NOT NULL,
    state    TEXT NOT NULL,
    message  TEXT NOT NULL,
    created  INTEGER NOT NULL,
    ended    INTEGER,
    interrupted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (job, workflow, key)
) STRICT;
CREATE INDEX executions_of_job ON executions (job, sequence);
CREATE INDEX executions_of_workflow ON executions (workflow, sequence);
CREATE INDEX executions_running ON executions (sequence) WHERE state = 'Running';
CREATE INDEX executions_interrupted ON executions (job) WHERE interrupted = 1;
";

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
    writer: Writer,
    readers: Arc<Readers>,
}

impl Store {
    /// Opens the database, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        prepare(&connection)?;
        let inbox_end = inbox::end(&connection)?;
        Ok(Self {
            writer: Writer::start(connection, inbox_end),
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

    /// What was taken in so far.
    pub(super) fn intake(&self) -> watch::Receiver<Intake> {
        self.writer.intake()
    }

    /// Gives about so many jobs of the inbox, up to its row `end`, rows of their own; says whether
    /// that were all.
    async fn index(&self, end: i64, count: usize) -> Result<bool, StoreError> {
        self.write(move |connection| inbox::index(connection, end, count))
            .await
    }

    /// Asks a question about everything that was taken in before.
    async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let end = self.writer.intake().borrow().inbox_end;
        while end > 0 && !self.index(end, INDEXED_AT_ONCE).await? {}
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
        self.writer.close().await;
    }
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = match found {
        FORMAT => "",
        FORMAT_BEFORE => inbox::TABLE,
        0 => &[TABLES, inbox::TABLE].concat(),
        found => return Err(StoreError::Format { found }),
    };
    let make = format!("BEGIN IMMEDIATE;{missing}PRAGMA user_version = {FORMAT};COMMIT;");
    connection.execute_batch(&make)?;
    Ok(connection.execute_batch(workflows::TABLE)?)
}
