//! What the lists of one job may come to: a small file may unpack to very much.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ListProblem;
use crate::stop::StopFlag;

/// The most that the lists of one job may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimits {
    /// Rows of inventories and lines of lists, those that name no object included.
    pub rows: u64,
    /// Bytes of inventories, unpacked.
    pub bytes: u64,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self {
            rows: 100_000_000,
            bytes: 32 * 1024 * 1024 * 1024,
        }
    }
}

/// What is left of the limits of one job, and the flag that ends its reading. It is looked at with
/// each row and each block, since rows that are left out are seen nowhere else.
#[derive(Debug, Default)]
pub struct Budget {
    limits: ListLimits,
    rows: AtomicU64,
    bytes: AtomicU64,
    stop: StopFlag,
}

impl Budget {
    /// The whole of the limits.
    pub fn new(limits: ListLimits, stop: StopFlag) -> Self {
        Self {
            limits,
            stop,
            ..Self::default()
        }
    }

    /// The whole of the same limits, for reading the same lists again.
    #[must_use]
    pub fn whole_again(&self) -> Self {
        Self::new(self.limits, self.stop.clone())
    }

    /// The flag that ends the reading.
    pub fn stop(&self) -> &StopFlag {
        &self.stop
    }

    /// Spends one row.
    pub(super) fn spend_row(&self) -> Result<(), ListProblem> {
        self.stop
            .check()
            .map_err(|error| ListProblem::whole(error.to_string()))?;
        let limit = self.limits.rows;
        if self.rows.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(());
        }
        let problem = format!("the lists of this job have more than {limit} rows");
        Err(ListProblem::whole(problem))
    }

    /// Spends bytes that were unpacked.
    pub(super) fn spend_bytes(&self, count: usize) -> std::io::Result<()> {
        self.stop.check()?;
        let (count, limit) = (count as u64, self.limits.bytes);
        if self.bytes.fetch_add(count, Ordering::Relaxed) + count <= limit {
            return Ok(());
        }
        let problem = format!("the inventory of this job unpacks to more than {limit} bytes");
        Err(std::io::Error::other(problem))
    }
}
