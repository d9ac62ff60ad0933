//! Wakes a thread that waits for company.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Nobody waits for so many.
const NOBODY_WAITS: isize = isize::MAX;

/// Counts who has come, and wakes the one thread that waits for them when they are enough: to wake it
/// for each would cost more than it saves to do something for all at once.
#[derive(Debug)]
pub(crate) struct Bell {
    /// Signed, because one may be taken before it is counted.
    present: AtomicIsize,
    /// How many are enough.
    expected: AtomicIsize,
    sleeper: OnceLock<Thread>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self {
            present: AtomicIsize::new(0),
            expected: AtomicIsize::new(NOBODY_WAITS),
            sleeper: OnceLock::new(),
        }
    }

    /// One more has come.
    pub(crate) fn came(&self) {
        let present = self.present.fetch_add(1, Ordering::SeqCst) + 1;
        let is_enough = present >= self.expected.load(Ordering::SeqCst);
        // Only one of those who see that rings.
        if is_enough
            && self.expected.swap(NOBODY_WAITS, Ordering::SeqCst) != NOBODY_WAITS
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    /// How many are there.
    pub(crate) fn present(&self) -> usize {
        usize::try_from(self.present.load(Ordering::SeqCst)).unwrap_or_default()
    }

    /// So many were taken.
    pub(crate) fn took(&self, count: usize) {
        self.present.fetch_sub(signed(count), Ordering::SeqCst);
    }

    /// Waits, on the thread that always does, until `expected` are there, but no longer than that.
    pub(crate) fn wait(&self, expected: usize, patience: Duration) {
        self.sleeper.get_or_init(thread::current);
        let begun = Instant::now();
        let expected = signed(expected);
        self.expected.store(expected, Ordering::SeqCst);
        while self.present.load(Ordering::SeqCst) < expected {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        self.expected.store(NOBODY_WAITS, Ordering::SeqCst);
    }
}

fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(NOBODY_WAITS)
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
        let (bell, come) = (Arc::new(Bell::new()), Arc::new(AtomicUsize::new(0)));
        let begun = Instant::now();
        for _ in 0..100 {
            let guests = {
                let (bell, come) = (Arc::clone(&bell), Arc::clone(&come));
                thread::spawn(move || {
                    for _ in 0..10 {
                        come.fetch_add(1, Ordering::SeqCst);
                        bell.came();
                    }
                })
            };
            bell.wait(10, LONG);
            assert_eq!(come.swap(0, Ordering::SeqCst), 10);
            bell.took(10);
            guests.join().unwrap();
        }
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn who_does_not_come_is_not_waited_for_longer_than_there_is_patience() {
        let bell = Bell::new();
        bell.came();
        bell.wait(2, Duration::from_millis(1));
        bell.came();
        bell.wait(2, LONG);
    }

    #[test]
    fn who_was_taken_before_being_counted_is_not_counted_twice() {
        let bell = Bell::new();
        bell.took(2);
        bell.came();
        bell.came();
        let begun = Instant::now();
        bell.wait(1, Duration::from_millis(1));
        assert!(begun.elapsed() >= Duration::from_millis(1));
    }
}
