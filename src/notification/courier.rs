//! Delivers events beside the run, so that no webhook holds it up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::event::Event;
use super::outbox::Outbox;
use super::webhook::Webhook;

/// Events of one message.
const BATCH: usize = 100;

/// The first pause after a message that was not taken, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long the end of a run waits for what is on its way.
const PATIENCE: Duration = Duration::from_secs(6);

/// Delivers what is in an outbox while a run goes on. Dropped, it leaves the rest for the next run.
#[derive(Debug)]
pub struct Courier {
    outbox: Outbox,
    /// Something may be delivered.
    ready: Arc<Notify>,
    ending: watch::Sender<bool>,
    /// Why the latest message was not taken.
    problem: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl Courier {
    /// Begins; what waits already is delivered with the first event that is ready.
    pub fn begin(outbox: Outbox, webhook: Webhook) -> Self {
        let (ending, is_ending) = watch::channel(false);
        let ready = Arc::new(Notify::new());
        let problem = Arc::new(Mutex::new(None));
        let task = tokio::spawn(deliver(
            outbox.clone(),
            webhook,
            Arc::clone(&ready),
            is_ending,
            Arc::clone(&problem),
        ));
        Self {
            outbox,
            ready,
            ending,
            problem,
            task,
        }
    }

    /// Makes an event durable. It is not delivered before [`Courier::deliver`].
    pub fn note(&self, event: &Event) {
        if let Err(error) = self.outbox.add(event) {
            self.note_problem(format!("the event cannot be kept: {error}"));
        }
    }

    /// What was noted is recorded in the state, and can be told.
    pub fn deliver(&self) {
        self.ready.notify_one();
    }

    /// Waits a little for what is on its way; what is left then, the next run delivers. Returns how many
    /// those are, and why, if there is any.
    pub async fn end(mut self) -> Option<(usize, String)> {
        self.ending.send_replace(true);
        let _ = timeout(PATIENCE, &mut self.task).await;
        self.task.abort();
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let problem = problem.clone();
        match (self.outbox.len(), problem) {
            (0, None) => None,
            (left, problem) => {
                let hangs = || "the webhook does not answer".to_owned();
                Some((left, problem.unwrap_or_else(hangs)))
            }
        }
    }

    fn note_problem(&self, reason: String) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Delivers until the run ends and nothing is left.
async fn deliver(
    outbox: Outbox,
    webhook: Webhook,
    ready: Arc<Notify>,
    mut ending: watch::Receiver<bool>,
    problem: Arc<Mutex<Option<String>>>,
) {
    let mut pause = FIRST_PAUSE;
    tokio::select! {
        () = ready.notified() => {}
        _ = ending.wait_for(|is_ending| *is_ending) => {}
    }
    loop {
        let result = deliver_some(&outbox, &webhook).await;
        let is_ending = *ending.borrow();
        let is_done = matches!(result, Ok(0));
        if is_done && is_ending {
            return;
        }
        let rest = match &result {
            Ok(0) => LONGEST_PAUSE,
            Ok(_) => webhook.pause(),
            Err(_) => pause,
        };
        pause = match &result {
            Ok(_) => FIRST_PAUSE,
            Err(_) => (pause * 2).min(LONGEST_PAUSE),
        };
        *problem.lock().unwrap_or_else(PoisonError::into_inner) = result.err();
        tokio::select! {
            () = sleep(rest) => {}
            () = ready.notified(), if is_done => {}
            _ = ending.wait_for(|is_ending| *is_ending), if is_done => {}
        }
    }
}

/// Delivers one message; returns how many events it had.
async fn deliver_some(outbox: &Outbox, webhook: &Webhook) -> Result<usize, String> {
    if outbox.is_empty() {
        return Ok(0);
    }
    let unreadable = |error: std::io::Error| format!("the events cannot be read: {error}");
    let Some(_delivering) = outbox.lock().map_err(unreadable)? else {
        return Err("another run delivers".to_owned());
    };
    let events = outbox.some(BATCH).map_err(unreadable)?;
    if events.is_empty() {
        return Ok(0);
    }
    webhook.send(&events).await?;
    outbox.remove(&events).map_err(unreadable)?;
    Ok(events.len())
}
