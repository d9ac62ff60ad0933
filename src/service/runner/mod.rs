//! Runs jobs: scans their objects and starts the workflow's command for each, a bounded number at once.

mod command;
mod job;
mod scheduler;

pub(super) use scheduler::{Runner, Workshop};

use tokio::sync::watch;

/// Waits until `stop` says so, or until nobody is left to say it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
