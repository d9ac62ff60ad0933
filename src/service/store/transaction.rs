//! Changes that share a transaction, and with it a sync.

use rusqlite::Connection;

use super::StoreError;
use super::format::note_indexed;
use super::jobs::insert_job;
use super::journal::{Journal, Place};

/// A transaction, and how far it has indexed the journal.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    journal: &'a Journal,
    indexed: Place,
    begun: Result<(), StoreError>,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(connection: &'a Connection, journal: &'a Journal) -> Self {
        let begun = execute(connection, "BEGIN IMMEDIATE").map_err(refused);
        Self {
            connection,
            journal,
            indexed: journal.first_waiting(),
            begun,
        }
    }

    /// For one more change. A full disk makes SQLite undo everything by itself; what came then would
    /// be on its own.
    pub(super) fn open(&mut self) -> Result<&mut Self, StoreError> {
        self.begun.clone()?;
        if self.connection.is_autocommit() {
            return Err(StoreError::Undone);
        }
        Ok(self)
    }

    /// Gives the oldest jobs of the journal, those of records up to the number `last`, their rows:
    /// about `count` of them. Says whether that were all.
    pub(super) fn index(&mut self, last: i64, count: usize) -> Result<bool, StoreError> {
        let (journal, begin) = (self.journal, self.indexed);
        // Somebody who asked at the same time has had them indexed.
        if begin.sequence > last {
            return Ok(true);
        }
        self.indexed = in_savepoint(self.connection, |connection| -> Result<_, StoreError> {
            let mut indexed = 0;
            let behind = journal.read(begin, last, |jobs| -> Result<_, StoreError> {
                for job in &jobs {
                    insert_job(connection, job)?;
                }
                indexed += jobs.len();
                Ok(indexed < count)
            })?;
            note_indexed(connection, behind.sequence - 1)?;
            Ok(behind)
        })?;
        Ok(self.indexed.sequence > last)
    }

    /// Makes everything durable and gives back how far the journal is indexed.
    pub(super) fn commit(mut self) -> Result<Place, StoreError> {
        self.open()?;
        let committed = execute(self.connection, "COMMIT").map_err(refused);
        if committed.is_err() {
            // Fails when SQLite has rolled back by itself, which is as good.
            let _ = execute(self.connection, "ROLLBACK");
        }
        committed.map(|()| self.indexed)
    }
}

/// A change of several statements that leaves nothing behind when it fails, so that it does not
/// spoil the others of its transaction.
pub(super) fn in_savepoint<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    execute(connection, "SAVEPOINT change")?;
    let result = change(connection);
    if result.is_err() {
        execute(connection, "ROLLBACK TO change")?;
    }
    execute(connection, "RELEASE change")?;
    result
}

fn refused(error: rusqlite::Error) -> StoreError {
    tracing::error!(%error, "the database refused a transaction");
    error.into()
}

/// Runs a statement that is compiled once.
fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
