//! Wakes a thread that waits for company.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Nobody waits for so many.
const NOBODY_WAITS: usize = usize::MAX;

/// Wakes the one thread that waits until enough have come: to wake it for each of them would cost more
/// than it saves to do something for all at once.
#[derive(Debug)]
pub(super) struct Bell {
    /// How many are enough.
    expected: AtomicUsize,
    sleeper: OnceLock<Thread>,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            expected: AtomicUsize::new(NOBODY_WAITS),
            sleeper: OnceLock::new(),
        }
    }

    /// Says that one more has come, and how many are there now.
    pub(super) fn came(&self, present: usize) {
        let is_enough = present >= self.expected.load(Ordering::SeqCst);
        // Only one of those who see that rings.
        if is_enough
            && self.expected.swap(NOBODY_WAITS, Ordering::SeqCst) != NOBODY_WAITS
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    /// Waits, on the thread that always does, until `expected` are there, but no longer than that.
    pub(super) fn wait(&self, expected: usize, patience: Duration, present: impl Fn() -> usize) {
        self.sleeper.get_or_init(thread::current);
        let begun = Instant::now();
        self.expected.store(expected, Ordering::SeqCst);
        while present() < expected {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        self.expected.store(NOBODY_WAITS, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::Bell;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn the_last_one_that_is_missing_ends_the_wait() {
        let (bell, present) = (Arc::new(Bell::new()), Arc::new(AtomicUsize::new(0)));
        let begun = Instant::now();
        for round in 1..=100 {
            let guests = {
                let (bell, present) = (Arc::clone(&bell), Arc::clone(&present));
                thread::spawn(move || {
                    for _ in 0..10 {
                        bell.came(present.fetch_add(1, Ordering::SeqCst) + 1);
                    }
                })
            };
            bell.wait(round * 10, LONG, || present.load(Ordering::SeqCst));
            assert_eq!(present.load(Ordering::SeqCst), round * 10);
            guests.join().unwrap();
        }
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn who_does_not_come_is_not_waited_for_longer_than_there_is_patience() {
        let bell = Bell::new();
        bell.wait(2, Duration::from_millis(1), || 1);
        bell.wait(2, LONG, || 2);
    }
}
