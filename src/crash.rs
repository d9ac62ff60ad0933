//! Points at which a test can make the process die, as if by `kill -9`.
//!
//! Only with the feature `crash-points`; otherwise [`point`] is nothing.

/// The process dies at the point with this number, counted from 1 in the order they are passed.
#[cfg(feature = "crash-points")]
pub(crate) const VARIABLE: &str = "STOCKTAKE_CRASH_AT";

/// Passes a point.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) fn point(_name: &str) {}

/// Passes a point, or dies there.
#[cfg(feature = "crash-points")]
pub(crate) fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static AT: OnceLock<Option<u64>> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of tests, in a build that nobody else has"
    )]
    let at = *AT.get_or_init(|| std::env::var(VARIABLE).ok()?.parse().ok());
    if Some(PASSED.fetch_add(1, Ordering::SeqCst) + 1) == at {
        tracing::error!(name, "dying here, as a test wants it");
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more may happen until it arrives.
        loop {
            std::thread::park();
        }
    }
}
