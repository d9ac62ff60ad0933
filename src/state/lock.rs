//! One writer at a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds the lock, for the message to those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
}
