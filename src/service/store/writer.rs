//! The one thread that writes to the database.

use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;

/// How many changes may wait before those who ask for more have to wait themselves.
const QUEUE: usize = 1024;

/// How many changes share one transaction at most.
const GROUP: usize = 256;

/// However slow the disk is, nobody waits longer than this for others to join.
const LONGEST_GATHERING: Duration = Duration::from_millis(5);

/// How often it is seen who has come.
const GATHERING_STEP: Duration = Duration::from_micros(50);

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

    /// Makes a change that is one statement, which leaves nothing behind when it fails. When the
    /// change is on the disk, `then` is called, also when whoever asked has gone away by then.
    pub(super) async fn write<T, F, N>(&self, change: F, then: N) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        N: FnOnce() + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let result = connection.and_then(|connection| Ok(change(connection)?));
            Box::new(move |commit| {
                let result = commit.and(result);
                if result.is_ok() {
                    then();
                }
                let _ = reply.send(result);
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

/// A change of several statements that leaves nothing behind when it fails, so that it does not
/// spoil the others of its transaction.
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

/// Changes that were written and synced together.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    changes: usize,
    took: Duration,
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Change>) {
    connection.set_prepared_statement_cache_capacity(64);
    let mut last = Group::default();
    while let Some(first) = queue.blocking_recv() {
        let mut answers = Vec::new();
        let outcome = transact(connection, first, &mut queue, &mut answers, &mut last);
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
    last: &mut Group,
) -> Result<(), StoreError> {
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        let error = StoreError::from(error);
        answers.push(first(Err(error.clone())));
        return Err(error);
    }
    answers.push(first(Ok(connection)));
    gather(connection, queue, answers, *last);
    let begun = Instant::now();
    let committed = execute(connection, "COMMIT");
    *last = Group {
        changes: answers.len(),
        took: begun.elapsed(),
    };
    if committed.is_err() {
        // Fails when SQLite has rolled back by itself, which is as good.
        let _ = execute(connection, "ROLLBACK");
    }
    Ok(committed?)
}

/// Makes the changes that wait already. Those who were answered last come again soon: until as many
/// have come, the group waits for them, but less than a sync takes. One that asks alone does not
/// wait.
fn gather(
    connection: &Connection,
    queue: &mut mpsc::Receiver<Change>,
    answers: &mut Vec<Answer>,
    last: Group,
) {
    let begun = Instant::now();
    let patience = (last.took / 2).min(LONGEST_GATHERING);
    let mut expected = None;
    // A full disk makes SQLite roll back by itself; what came then would be on its own.
    while answers.len() < GROUP && !connection.is_autocommit() {
        if let Ok(change) = queue.try_recv() {
            answers.push(change(Ok(connection)));
            continue;
        }
        let expected = *expected.get_or_insert(answers.len() + last.changes);
        if last.changes < 2 || answers.len() >= expected || begun.elapsed() >= patience {
            break;
        }
        std::thread::sleep(GATHERING_STEP);
    }
}

/// Runs a statement that is compiled once.
fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
