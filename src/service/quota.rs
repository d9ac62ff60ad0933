//! How much clients may write.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that clients may still write into the buckets; what they replace or delete does not count.
/// Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Quota(Option<Arc<AtomicU64>>);

impl Quota {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self(limit.map(|limit| Arc::new(AtomicU64::new(limit))))
    }

    /// Spends so many bytes, or none.
    pub(super) fn spend(&self, bytes: usize) -> io::Result<()> {
        let Some(left) = &self.0 else {
            return Ok(());
        };
        let less = |left: u64| left.checked_sub(bytes as u64);
        let rest = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        rest.map(drop).map_err(|_| {
            let message = "more than clients may write while this service runs";
            io::Error::new(io::ErrorKind::QuotaExceeded, message)
        })
    }
}
