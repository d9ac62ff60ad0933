//! The one thread that writes to the database.

use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::jobs::NewJob;
use super::{StoreError, inbox};

/// How many changes may wait before those who ask for more have to wait themselves.
const QUEUE: usize = 1024;

/// How many changes share one transaction at most.
const GROUP: usize = 256;

/// However slow the disk is, nobody waits longer than this for others to join.
const LONGEST_GATHERING: Duration = Duration::from_millis(5);

/// How often it is seen who has come.
const GATHERING_STEP: Duration = Duration::from_micros(50);

/// A group whose jobs have so many bytes is large enough: it becomes one row.
const GROUP_BYTES: usize = 1024 * 1024;

/// What the thread is asked for.
enum Change {
    /// Any change.
    Any(AnyChange),
    /// A job to take in, and who waits for that.
    Job(Box<NewJob>, oneshot::Sender<Result<(), StoreError>>),
}

/// Given the connection, in a transaction, or why there is none.
type AnyChange = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

/// Tells the one who asked how the change and its commit went.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What was taken in, as of the last commit.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::service) struct Intake {
    /// How many jobs, since the service started.
    pub(in crate::service) jobs: u64,
    /// The last row of the inbox; 0 if that is empty.
    pub(super) inbox_end: i64,
}

/// The handle of the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    running: Mutex<Option<Running>>,
    intake: watch::Sender<Intake>,
}

#[derive(Debug)]
struct Running {
    changes: mpsc::Sender<Change>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(super) fn start(connection: Connection, inbox_end: i64) -> Self {
        let (changes, queue) = mpsc::channel(QUEUE);
        let intake = watch::Sender::new(Intake { jobs: 0, inbox_end });
        let told = intake.clone();
        let thread = std::thread::spawn(move || run(&connection, queue, &told));
        Self {
            running: Mutex::new(Some(Running { changes, thread })),
            intake,
        }
    }

    /// What was taken in; changes when a job was.
    pub(super) fn intake(&self) -> watch::Receiver<Intake> {
        self.intake.subscribe()
    }

    /// Makes a change that is one statement, which leaves nothing behind when it fails.
    pub(super) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Change::Any(Box::new(move |connection| {
            let result = connection.and_then(|connection| Ok(change(connection)?));
            Box::new(move |commit| {
                let _ = reply.send(commit.and(result));
            })
        }));
        self.send(change).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Takes a job in; it is counted before this returns, also when whoever asked has gone away.
    pub(super) async fn take_in(&self, job: NewJob) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Change::Job(Box::new(job), reply)).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn send(&self, change: Change) -> Result<(), StoreError> {
        let queue = self.queue().ok_or(StoreError::Closed)?;
        queue.send(change).await.map_err(|_| StoreError::Closed)
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

/// Changes that are written and synced together.
#[derive(Default)]
struct Group {
    answers: Vec<Answer>,
    jobs: Vec<NewJob>,
    /// Who waits for the jobs.
    waiting: Vec<oneshot::Sender<Result<(), StoreError>>>,
    bytes: usize,
}

impl Group {
    /// Makes the change, or has it wait for the others of its kind.
    fn add(&mut self, change: Change, connection: Result<&Connection, StoreError>) {
        match change {
            Change::Any(change) => self.answers.push(change(connection)),
            Change::Job(job, reply) => {
                self.bytes += job.request.input.value().len();
                self.jobs.push(*job);
                self.waiting.push(reply);
            }
        }
    }

    fn changes(&self) -> usize {
        self.answers.len() + self.waiting.len()
    }

    fn is_full(&self) -> bool {
        self.changes() >= GROUP || self.bytes >= GROUP_BYTES
    }

    /// Tells everybody. What became of the jobs is another thing than the commit.
    fn answer(self, commit: &Result<(), StoreError>, jobs: &Result<(), StoreError>) {
        for answer in self.answers {
            answer(commit.clone());
        }
        for waiting in self.waiting {
            let _ = waiting.send(commit.clone().and(jobs.clone()));
        }
    }
}

/// How many changes the last group had, and how long its sync took.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    changes: usize,
    took: Duration,
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Change>, intake: &watch::Sender<Intake>) {
    connection.set_prepared_statement_cache_capacity(64);
    let mut last = Last::default();
    while let Some(first) = queue.blocking_recv() {
        let mut group = Group::default();
        if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
            let error = refused(error);
            group.add(first, Err(error.clone()));
            group.answer(&Err(error.clone()), &Err(error));
            continue;
        }
        group.add(first, Ok(connection));
        gather(connection, &mut queue, &mut group, last);
        let jobs = inbox::take_in(connection, &group.jobs).map_err(refused);
        let inbox_end = inbox::end(connection);
        let begun = Instant::now();
        let commit = execute(connection, "COMMIT").map_err(refused);
        last = Last {
            changes: group.changes(),
            took: begun.elapsed(),
        };
        if commit.is_err() {
            // Fails when SQLite has rolled back by itself, which is as good.
            let _ = execute(connection, "ROLLBACK");
        } else {
            let taken_in = if jobs.is_ok() { group.jobs.len() } else { 0 };
            tell(intake, taken_in, inbox_end);
        }
        group.answer(&commit, &jobs);
    }
}

fn refused(error: rusqlite::Error) -> StoreError {
    tracing::error!(%error, "the database refused a transaction");
    error.into()
}

/// Before anybody is answered, so that who is sees what he was told.
fn tell(intake: &watch::Sender<Intake>, taken_in: usize, inbox_end: rusqlite::Result<i64>) {
    intake.send_if_modified(|intake| {
        intake.jobs += taken_in as u64;
        // If it cannot be read, somebody looks in vain.
        intake.inbox_end = inbox_end.unwrap_or(i64::MAX);
        taken_in > 0
    });
}

/// Makes the changes that wait already. Those who were answered last come again soon: until as many
/// have come, the group waits for them, but less than a sync takes. One that asks alone does not
/// wait.
fn gather(
    connection: &Connection,
    queue: &mut mpsc::Receiver<Change>,
    group: &mut Group,
    last: Last,
) {
    let begun = Instant::now();
    let patience = (last.took / 2).min(LONGEST_GATHERING);
    let mut expected = None;
    // A full disk makes SQLite roll back by itself; what came then would be on its own.
    while !group.is_full() && !connection.is_autocommit() {
        if let Ok(change) = queue.try_recv() {
            group.add(change, Ok(connection));
            continue;
        }
        let expected = *expected.get_or_insert(group.changes() + last.changes);
        if last.changes < 2 || group.changes() >= expected || begun.elapsed() >= patience {
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
