//! SIGINT, SIGTERM and SIGHUP: the first one ends the work in good order, the second one at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::exit::Exit;
use crate::apply::Interrupt;

/// What has arrived so far.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    /// What the work is to do about it.
    pub(super) interrupt: watch::Receiver<Interrupt>,
    first: watch::Receiver<Option<Exit>>,
}

impl Interrupts {
    /// Listens from now on, as long as the runtime lives.
    pub(super) fn listen() -> io::Result<Self> {
        let (interrupt_sender, interrupt) = watch::channel(Interrupt::No);
        let (first_sender, first) = watch::channel(None);
        let mut signals = Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if ignores_hangup() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        };
        tokio::spawn(async move {
            let exit = signals.next().await;
            first_sender.send_replace(Some(exit));
            interrupt_sender.send_replace(Interrupt::Drain);
            signals.next().await;
            interrupt_sender.send_replace(Interrupt::Now);
            // The channels stay open for their receivers.
            interrupt_sender.closed().await;
        });
        Ok(Self { interrupt, first })
    }

    /// How the program ends because of the first signal, if one has arrived.
    pub(super) fn exit(&self) -> Option<Exit> {
        *self.first.borrow()
    }

    /// Returns when the second signal arrives.
    pub(super) async fn again(&mut self) {
        let arrived = |interrupt: &Interrupt| matches!(interrupt, Interrupt::Now);
        if self.interrupt.wait_for(arrived).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the first signal arrives.
    pub(super) async fn arrived(&mut self) {
        let _ = self.first.wait_for(Option::is_some).await;
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Absent where it is ignored, as under `nohup`.
    hangup: Option<Signal>,
}

impl Signals {
    async fn next(&mut self) -> Exit {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
            _ = hangup => Exit::HungUp,
        }
    }
}

/// Whether the process was started with SIGHUP ignored; to listen to it would undo that.
fn ignores_hangup() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}
