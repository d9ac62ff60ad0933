//! Points at which a test can make the process die, as if by `kill -9`, or stop, as if by `kill -STOP`.
//!
//! Only with the feature `crash-points`; otherwise [`point`] is nothing.

/// The process dies at the point with this number, counted from 1 in the order they are passed.
#[cfg(feature = "crash-points")]
pub(crate) const VARIABLE: &str = "STOCKTAKE_CRASH_AT";

/// The process stops at the point with this number, until it is told to go on.
#[cfg(feature = "crash-points")]
pub(crate) const STOP_VARIABLE: &str = "STOCKTAKE_STOP_AT";

/// Passes a point.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) fn point(_name: &str) {}

/// Passes a point, or dies or stops there.
#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static DIES_AT: OnceLock<Option<u64>> = OnceLock::new();
    static STOPS_AT: OnceLock<Option<u64>> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of tests, in a build that is theirs alone"
    )]
    let number = |variable: &str| std::env::var(variable).ok()?.parse().ok();
    let dies_at = *DIES_AT.get_or_init(|| number(VARIABLE));
    let stops_at = *STOPS_AT.get_or_init(|| number(STOP_VARIABLE));
    let point = Some(PASSED.fetch_add(1, Ordering::SeqCst) + 1);
    if point == stops_at {
        tracing::error!(name, "stopping here, as a test wants it");
        let _ = kill_process(getpid(), Signal::STOP);
    }
    if point == dies_at {
        tracing::error!(name, "dying here, as a test wants it");
        let _ = kill_process(getpid(), Signal::KILL);
        // The signal is on its way; nothing more may happen until it arrives.
        loop {
            std::thread::park();
        }
    }
}
