//! The loop between the client and the threads.

use std::fs::File;
use std::io::{self, BufReader};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};
use serde_json::Value;

use super::analysis::Analysis;
use super::session::{Next, Session};
use super::transport::{self, Received};
use super::worker::{self, Choices, Watch};

/// Messages that are handled together, at most.
const BATCH: usize = 1000;

/// A client that leaves more answers unread does not read.
const UNREAD_LIMIT: usize = 10_000;

/// How long the last answers may take on their way.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// How the client went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By `shutdown` and `exit`.
    Orderly,
    /// Any other way.
    Abrupt,
}

/// Serves the client behind `input` and `output` until it ends.
pub fn serve(input: File, output: File, choices: Choices, watch: Watch) -> io::Result<End> {
    let (received, messages) = bounded(BATCH);
    let (writer, to_write) = bounded::<Value>(0);
    spawn("lsp-reader", move || read_all(input, &received))?;
    let writing = spawn("lsp-writer", move || write_all(output, &to_write))?;
    let (to_session, results) = unbounded();
    let begin = Box::new(move |choices| worker::start(choices, watch, to_session));
    let mut session = Session::new(choices, begin);
    let end = run(&mut session, &messages, &results, &writer);
    flush(&mut session, writer, &writing);
    Ok(end)
}

fn run(
    session: &mut Session,
    messages: &Receiver<Received>,
    results: &Receiver<Analysis>,
    writer: &Sender<Value>,
) -> End {
    // Sending to nobody is never ready.
    let (nobody, _kept) = bounded::<Value>(0);
    loop {
        let to = if session.outbox.is_empty() {
            &nobody
        } else {
            writer
        };
        select! {
            recv(messages) -> message => {
                let Ok(message) = message else {
                    return end(session.is_closing());
                };
                let more = messages.try_iter().take(BATCH - 1);
                let batch = std::iter::once(message).chain(more).collect();
                if let Next::Exit(is_orderly) = session.receive(batch) {
                    return end(is_orderly);
                }
            }
            recv(results) -> analysis => match analysis {
                Ok(analysis) => session.take(analysis),
                // The thread could not be started; everything else goes on.
                Err(_) => return run(session, messages, &never(), writer),
            },
            send(to, session.outbox.next().unwrap_or_default()) -> sent => {
                if sent.is_err() {
                    return end(session.is_closing());
                }
            }
        }
        if session.outbox.answers() > UNREAD_LIMIT {
            tracing::error!("the client does not read its answers");
            return End::Abrupt;
        }
    }
}

fn end(is_orderly: bool) -> End {
    if is_orderly {
        End::Orderly
    } else {
        End::Abrupt
    }
}

/// Writes what is left, as far as the client still reads.
fn flush(session: &mut Session, writer: Sender<Value>, writing: &JoinHandle<()>) {
    let deadline = Instant::now() + FLUSH_LIMIT;
    while let Some(message) = session.outbox.next() {
        if writer.send_deadline(message, deadline).is_err() {
            return;
        }
    }
    drop(writer);
    while !writing.is_finished() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}

fn read_all(input: File, received: &Sender<Received>) {
    let mut input = BufReader::new(input);
    loop {
        match transport::read(&mut input) {
            Ok(Some(message)) => {
                if received.send(message).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "the client cannot be understood"),
        }
    }
}

fn write_all(mut output: File, messages: &Receiver<Value>) {
    for message in messages {
        if let Err(error) = transport::write(&mut output, &message) {
            return tracing::debug!(%error, "the client does not read any more");
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}
