//! The layout of the database.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, definitions, objects, tasks, uploads, workflows};

/// The layout of the tables; any other is refused.
pub(super) const FORMAT: i64 = 4;

/// An empty database.
const EMPTY: i64 = 0;

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

/// Makes the tables of a new database; one of another format is refused.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        FORMAT => {}
        EMPTY => {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()?;
        }
        found => return Err(StoreError::Format { found }),
    }
    for tables in [
        workflows::TABLE,
        definitions::TABLE,
        tasks::TABLE,
        objects::TABLE,
        uploads::TABLES,
    ] {
        connection.execute_batch(tables)?;
    }
    Ok(())
}
