//! Folders of the service's own, for its user alone.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Makes the folder, with those above it, and returns its absolute path. One that is there keeps its
/// permissions: it may be shared on purpose.
pub(super) fn make_private(path: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::canonicalize(path)
}
