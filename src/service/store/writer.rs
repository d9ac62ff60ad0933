//! The one thread that writes to the database.

use std::sync::Mutex;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;

/// How many changes may wait before those who ask for more have to wait themselves.
const QUEUE: usize = 1024;

/// How many changes share one transaction at most.
const GROUP: usize = 256;

/// Given the connection, in a transaction, or why there is none.
type Change = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

/// Tells the one who asked how the change and its commit went.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The handle of the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    changes: mpsc::Sender<Change>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (changes, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::spawn(move || run(&connection, queue));
        Self {
            running: Mutex::new(Some(Running { changes, thread })),
        }
    }

    pub(super) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let result = connection
                .and_then(|connection| in_savepoint(connection, change).map_err(StoreError::from));
            Box::new(move |commit| {
                // Whoever asked may have gone away; the change is made all the same.
                let _ = reply.send(commit.and(result));
            })
        });
        let queue = self.queue().ok_or(StoreError::Closed)?;
        queue.send(change).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Lets the thread finish what waits, and waits for it.
    pub(super) async fn close(&self) {
        let running = self
            .running
            .lock()
            .ok()
            .and_then(|mut running| running.take());
        if let Some(Running { changes, thread }) = running {
            drop(changes);
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("the database's thread ended in a panic");
            }
        }
    }

    fn queue(&self) -> Option<mpsc::Sender<Change>> {
        let running = self.running.lock().ok()?;
        running.as_ref().map(|running| running.changes.clone())
    }
}

/// A change that fails leaves nothing behind, and does not spoil the others of its transaction.
fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("SAVEPOINT change")?.execute([])?;
    let result = change(connection);
    if result.is_err() {
        connection
            .prepare_cached("ROLLBACK TO change")?
            .execute([])?;
    }
    connection.prepare_cached("RELEASE change")?.execute([])?;
    result
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Change>) {
    connection.set_prepared_statement_cache_capacity(64);
    while let Some(first) = queue.blocking_recv() {
        let mut answers = Vec::new();
        let outcome = transact(connection, first, &mut queue, &mut answers);
        if let Err(error) = &outcome {
            tracing::error!(%error, "the database refused a transaction");
        }
        for answer in answers {
            answer(outcome.clone());
        }
    }
}

fn transact(
    connection: &Connection,
    first: Change,
    queue: &mut mpsc::Receiver<Change>,
    answers: &mut Vec<Answer>,
) -> Result<(), StoreError> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        let error = StoreError::from(error);
        answers.push(first(Err(error.clone())));
        return Err(error);
    }
    answers.push(first(Ok(connection)));
    while answers.len() < GROUP {
        match queue.try_recv() {
            Ok(change) => answers.push(change(Ok(connection))),
            Err(_) => break,
        }
    }
    let committed = connection.execute_batch("COMMIT");
    if committed.is_err() {
        // Fails when SQLite has rolled back by itself, which is as good.
        let _ = connection.execute_batch("ROLLBACK");
    }
    Ok(committed?)
}
