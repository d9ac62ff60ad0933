//! Runs jobs: scans their objects and starts the workflow's command for each, a bounded number at once.

mod command;
mod job;
mod scheduler;

pub(super) use scheduler::{Runner, Workshop};

use tokio::sync::watch;

/// Whether a job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    GoOn,
    /// Somebody cancelled it: it never runs again.
    Cancelled,
    /// The service ends: it goes on when the service starts again.
    Shutdown,
}

/// Waits until the job is stopped, or until nobody is left to stop it.
async fn stopped(stop: &mut watch::Receiver<Stop>) {
    let _ = stop.wait_for(|stop| *stop != Stop::GoOn).await;
}
