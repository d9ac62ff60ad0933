//! SIGINT and SIGTERM: the first one ends the work in good order, the second one at once.

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
        let mut sigint = signal(SignalKind::interrupt())?;
        let mut sigterm = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            let exit = next(&mut sigint, &mut sigterm).await;
            first_sender.send_replace(Some(exit));
            interrupt_sender.send_replace(Interrupt::Drain);
            next(&mut sigint, &mut sigterm).await;
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

async fn next(sigint: &mut Signal, sigterm: &mut Signal) -> Exit {
    tokio::select! {
        _ = sigint.recv() => Exit::Interrupted,
        _ = sigterm.recv() => Exit::Terminated,
    }
}
