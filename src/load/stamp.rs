//! Whether a file can have changed since it was read, without reading it again.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Two writes within this time may leave the same stamp, on file systems with coarse clocks.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// What the file system says of a file. Every write changes it, even one that sets the times back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    identity: (u64, u64),
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the file that `path` leads to. None for one so young that the next write might
    /// leave the same stamp: such a file is read again.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let stamp = Self::from(&std::fs::metadata(path)?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let settled = now.unwrap_or_default().saturating_sub(COARSEST_CLOCK);
        let is_settled = i64::try_from(settled.as_secs()).is_ok_and(|now| stamp.changed.0 < now);
        Ok(is_settled.then_some(stamp))
    }
}

#[cfg(unix)]
impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            identity: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(not(unix))]
impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let since = since.unwrap_or_default();
        Self {
            identity: (0, 0),
            length: metadata.len(),
            changed: (
                i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                i64::from(since.subsec_nanos()),
            ),
        }
    }
}
