//! Waiting for a condition, with a deadline.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Beyond this a test waits in vain.
pub const PATIENCE: Duration = Duration::from_mins(1);

const STEP: Duration = Duration::from_millis(10);

#[track_caller]
pub fn eventually(mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        sleep(STEP);
    }
}

/// [`eventually`] on a runtime that has to go on meanwhile.
pub async fn eventually_async(mut is_true: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_true().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        tokio::time::sleep(STEP).await;
    }
}
