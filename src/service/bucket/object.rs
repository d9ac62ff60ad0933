//! What a file says of the object that it is.

use std::io;

use jiff::Timestamp;
use rustix::fs::{FileType, Stat};

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Object {
    pub(in crate::service) key: String,
    pub(in crate::service) size: u64,
    /// Its modification time in whole seconds, which is what COS keeps.
    pub(in crate::service) uploaded: Timestamp,
    /// Its modification time in nanoseconds, which tells contents apart.
    pub(in crate::service) modified: i128,
    pub(in crate::service) inode: u64,
}

impl Object {
    /// The object of that key, if its file is a regular one. A link is not.
    pub(super) fn new(key: String, file: &Stat) -> io::Result<Option<Self>> {
        if FileType::from_raw_mode(file.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let nanoseconds = i128::from(file.st_mtime_nsec);
        Ok(Some(Self {
            key,
            size: u64::try_from(file.st_size).unwrap_or_default(),
            uploaded: Timestamp::from_second(file.st_mtime).map_err(io::Error::other)?,
            modified: i128::from(file.st_mtime) * 1_000_000_000 + nanoseconds,
            inode: file.st_ino,
        }))
    }
}
