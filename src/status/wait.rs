//! Waits until jobs have ended, polling ever less often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::poll::Poller;
use super::write::StatusWriter;
use super::{PollError, StatusError, may_change};
use crate::api::client::Client;
use crate::state::{Record, StateError};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Those who watch hear something at least this often.
const TICK: Duration = Duration::from_secs(1);
/// Recording takes at most one part in this many of the time.
const RECORDING_SHARE: u32 = 5;

/// What happens while somebody waits.
#[derive(Debug)]
pub enum Event<'a> {
    /// The service said something new of a job.
    Changed(&'a Record),
    /// These jobs have ended, which is recorded next: what must not be lost is made durable now.
    Ending(&'a [Arc<Record>]),
    /// Everything that was told so far is recorded.
    Recorded,
    /// Nothing was learnt of some jobs; they are asked for again.
    Unanswered(&'a [PollError]),
    /// Time passes; here is everything waited for.
    Tick(&'a [Arc<Record>]),
}

/// How waiting ended.
#[derive(Debug)]
pub enum Waited {
    /// Nothing can change any more, but for the jobs that the service no longer knows.
    Ended {
        /// Jobs whose end cannot be learnt.
        lost: Vec<PollError>,
    },
    /// The time was up.
    TimedOut,
}

/// Asks until nothing can change any more, ever less often. Lost connections and a service that is
/// away are waited out; `reconnect` may know where it has gone.
pub async fn wait(
    poller: &mut Poller,
    writer: &StatusWriter<'_>,
    timeout: Option<Duration>,
    reconnect: &mut (dyn FnMut() -> Option<Client> + Send),
    tell: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Waited, StatusError> {
    let begun = Instant::now();
    let mut unrecorded = Vec::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let round = poller.poll().await?;
        let (passing, lost) = sort(round.errors)?;
        if !passing.is_empty() {
            tell(Event::Unanswered(&passing));
            if let Some(client) = reconnect() {
                poller.reconnect(client);
            }
        }
        pause = if round.changed.is_empty() {
            (pause * 3 / 2).min(LONGEST_PAUSE)
        } else {
            (pause / 2).max(FIRST_PAUSE)
        };
        unrecorded.extend(round.changed.iter().chain(&round.counted).cloned());
        let open = poller.records().iter().filter(|record| may_change(record));
        let has_ended = passing.is_empty() && open.count() <= lost.len();
        let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
        let is_over = has_ended || left.is_some_and(|left| left.is_zero());
        let is_end = |record: &&Arc<Record>| !may_change(record);
        let ending: Vec<_> = round.changed.iter().filter(is_end).cloned().collect();
        if !ending.is_empty() {
            tell(Event::Ending(&ending));
        }
        let recording = Instant::now();
        // Recorded before it is told: who hears of an end and looks at the records finds it there.
        record(writer, &mut unrecorded, is_over).await?;
        if unrecorded.is_empty() {
            tell(Event::Recorded);
        }
        pause = pause.max(recording.elapsed() * RECORDING_SHARE);
        for record in &round.changed {
            tell(Event::Changed(record));
        }
        tell(Event::Tick(poller.records()));
        if has_ended {
            return Ok(Waited::Ended { lost });
        }
        if is_over {
            return Ok(Waited::TimedOut);
        }
        rest(left.map_or(pause, |left| pause.min(left)), poller, tell).await;
    }
}

/// What cannot be recorded because another run writes the state is recorded later, but not later
/// than at the end.
async fn record(
    writer: &StatusWriter<'_>,
    unrecorded: &mut Vec<Arc<Record>>,
    is_over: bool,
) -> Result<(), StateError> {
    if unrecorded.is_empty() {
        return Ok(());
    }
    match writer.write(unrecorded).await {
        Err(StateError::Locked { .. }) if !is_over => Ok(()),
        ended => {
            unrecorded.clear();
            ended
        }
    }
}

/// Splits errors into those that may pass and jobs that the service no longer knows; any other error ends the wait.
fn sort(errors: Vec<PollError>) -> Result<(Vec<PollError>, Vec<PollError>), StatusError> {
    let (passing, rest): (Vec<_>, Vec<_>) = errors.into_iter().partition(PollError::may_pass);
    let mut lost = Vec::with_capacity(rest.len());
    for error in rest {
        match error {
            PollError::Call { error, .. } => return Err(error.into()),
            PollError::Gone { .. } => lost.push(error),
        }
    }
    Ok((passing, lost))
}

async fn rest(mut pause: Duration, poller: &Poller, tell: &mut (dyn FnMut(Event<'_>) + Send)) {
    while pause > TICK {
        sleep(TICK).await;
        pause -= TICK;
        tell(Event::Tick(poller.records()));
    }
    sleep(pause).await;
}
