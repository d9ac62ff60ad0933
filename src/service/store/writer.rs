//! The one thread that writes to the database. Changes that are queued while a transaction is being
//! synced to the disk share the next one.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::thread::Thread;

/// How many changes share one transaction at most.
const GROUP: usize = 256;

/// A change, given the connection within the transaction, or why there is none.
type Change = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

/// Reports the result of a change and its commit.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Writer(Thread<Change>);

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        Self(Thread::start(move |queue| run(&connection, queue)))
    }

    /// Makes a change; when this returns, it is on the disk. `committed` runs between the two, also
    /// when the caller has stopped waiting. A change of several statements makes them
    /// [`in_savepoint`].
    pub(super) async fn write<T, F, C>(&self, change: F, committed: C) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
        C: FnOnce() + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let result = connection.and_then(|connection| Ok(change(connection)?));
            Box::new(move |commit| {
                let result = commit.and(result);
                if result.is_ok() {
                    committed();
                }
                // Fails when the caller has stopped waiting.
                let _ = reply.send(result);
            })
        });
        self.0.send(change).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Change>) {
    while let Some(first) = queue.blocking_recv() {
        let begun = execute(connection, "BEGIN IMMEDIATE").map_err(refused);
        // A full disk makes SQLite undo the transaction by itself: later changes would be on their own.
        let open = || match (&begun, connection.is_autocommit()) {
            (Err(error), _) => Err(error.clone()),
            (Ok(()), true) => Err(StoreError::Undone),
            (Ok(()), false) => Ok(connection),
        };
        let mut answers = vec![first(open())];
        while answers.len() < GROUP
            && let Ok(change) = queue.try_recv()
        {
            answers.push(change(open()));
        }
        let commit = open().and_then(|_| commit(connection));
        for answer in answers {
            answer(commit.clone());
        }
    }
}

fn commit(connection: &Connection) -> Result<(), StoreError> {
    let committed = execute(connection, "COMMIT").map_err(refused);
    if committed.is_err() {
        // Fails when SQLite has rolled back by itself, which is as good.
        let _ = execute(connection, "ROLLBACK");
    }
    committed
}

/// Makes a change of several statements that leaves no trace when it fails: the other changes of its
/// transaction are kept.
pub(super) fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
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

fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
