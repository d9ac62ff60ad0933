//! The one thread that writes to the database.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::journal::Journal;
use super::thread::Thread;
use super::transaction::Transaction;

/// How many changes share one transaction at most.
const GROUP: usize = 256;

/// A change, given the transaction, or why there is none.
type Change = Box<dyn FnOnce(Result<&mut Transaction<'_>, StoreError>) -> Answer + Send>;

/// Tells the one who asked how the change and its commit went.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The handle of the thread.
#[derive(Debug)]
pub(super) struct Writer(Thread<Change>);

impl Writer {
    pub(super) fn start(connection: Connection, journal: Arc<Journal>) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        Self(Thread::start(move |queue| {
            run(&connection, &journal, queue);
        }))
    }

    /// Makes a change that is one statement, which leaves nothing behind when it fails.
    pub(super) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.change(|transaction| Ok(change(transaction.connection)?))
            .await
    }

    /// Gives about so many jobs of the journal, of records up to the number `last`, rows; says whether
    /// that were all.
    pub(super) async fn index(&self, last: i64, count: usize) -> Result<bool, StoreError> {
        self.change(move |transaction| transaction.index(last, count))
            .await
    }

    async fn change<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change: Change = Box::new(move |transaction| {
            let result = transaction.and_then(change);
            Box::new(move |commit| {
                let _ = reply.send(commit.and(result));
            })
        });
        self.0.send(change).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// Makes all changes that wait in one transaction, again and again.
fn run(connection: &Connection, journal: &Journal, mut queue: mpsc::Receiver<Change>) {
    while let Some(first) = queue.blocking_recv() {
        let mut transaction = Transaction::begin(connection, journal);
        let mut answers = vec![first(transaction.open())];
        while answers.len() < GROUP
            && let Ok(change) = queue.try_recv()
        {
            answers.push(change(transaction.open()));
        }
        let commit = transaction.commit();
        if let Ok(indexed) = commit {
            journal.forget(indexed);
        }
        let commit = commit.map(drop);
        for answer in answers {
            answer(commit.clone());
        }
    }
}
