//! The layout of the database, and what brings an older one up to it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, named_params};

use super::jobs::{NewJob, insert_job, unreadable};
use super::journal::Journal;
use super::{StoreError, workflows};

/// The layout of the tables. Older ones are taken over, any other is refused.
pub(super) const FORMAT: i64 = 3;

/// Jobs that had no rows of their own waited in a table, not in a journal.
const WITH_INBOX: i64 = 2;

/// An empty database.
const NOTHING: i64 = 0;

pub(super) const TABLES: &str = "
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

/// One row: the journal that goes with this database, and the last record whose jobs have rows.
const JOURNAL: &str = "
CREATE TABLE journal (
    id      TEXT NOT NULL,
    indexed INTEGER NOT NULL
) STRICT;
";

/// Brings the database up to this version's layout and opens the journal that goes with it.
pub(super) fn prepare(connection: &mut Connection, journal: &Path) -> Result<Journal, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        FORMAT => {}
        NOTHING..FORMAT => bring_up(connection, found, journal)?,
        found => return Err(StoreError::Format { found }),
    }
    connection.execute_batch(workflows::TABLE)?;
    let known = "SELECT id, indexed FROM journal";
    let (id, indexed): (String, i64) =
        connection.query_row(known, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Journal::open(journal, &id, indexed)?)
}

/// The journal is there before the database knows it: one that the database knows is never missing.
fn bring_up(connection: &mut Connection, found: i64, journal: &Path) -> Result<(), StoreError> {
    let id = Journal::create(journal)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found == NOTHING {
        transaction.execute_batch(TABLES)?;
    }
    if found == WITH_INBOX {
        empty_inbox(&transaction)?;
    }
    transaction.execute_batch(JOURNAL)?;
    let insert = "INSERT INTO journal (id, indexed) VALUES (:id, 0)";
    transaction.execute(insert, named_params! { ":id": id })?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    Ok(transaction.commit()?)
}

/// Gives the jobs that wait there their rows.
fn empty_inbox(connection: &Connection) -> rusqlite::Result<()> {
    let mut select = connection.prepare("SELECT jobs FROM inbox ORDER BY sequence")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let jobs: Vec<NewJob> = serde_json::from_str(row.get_ref("jobs")?.as_str()?)
            .map_err(|error| unreadable(error.into()))?;
        for job in &jobs {
            insert_job(connection, job)?;
        }
    }
    connection.execute_batch("DROP TABLE inbox")
}

/// Notes that the jobs of the journal's records up to that number have rows.
pub(super) fn note_indexed(connection: &Connection, indexed: i64) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE journal SET indexed = :indexed")?;
    update.execute(named_params! { ":indexed": indexed })?;
    Ok(())
}
