//! How fast calls may follow each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out moments to call at: at most `rate` a second, and none while the service asks for rest.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most `rate` calls a second, or as many as will.
    pub(super) fn new(rate: Option<u32>) -> Self {
        let interval = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1));
        Self {
            interval,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the next free moment.
    pub(super) async fn wait(&self) {
        let now = Instant::now();
        let moment = {
            let mut next = self.next();
            let moment = (*next).max(now);
            *next = moment + self.interval;
            moment
        };
        if moment > now {
            sleep_until(moment).await;
        }
    }

    /// Lets no call pass for a while.
    pub(super) fn hold(&self, delay: Duration) {
        let mut next = self.next();
        *next = (*next).max(Instant::now() + delay);
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pace;

    #[tokio::test(start_paused = true)]
    async fn moments_are_an_interval_apart_and_wait_for_a_hold() {
        let pace = Pace::new(Some(10));
        let start = Instant::now();
        for _ in 0..5 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed().as_millis(), 400);
        pace.hold(Duration::from_secs(3));
        pace.wait().await;
        assert_eq!(start.elapsed().as_millis(), 3400);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let pace = Pace::new(None);
        let start = Instant::now();
        for _ in 0..1000 {
            pace.wait().await;
        }
        assert!(start.elapsed().is_zero());
    }
}
