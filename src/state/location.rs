//! Where a state is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::shared::Shared;
use crate::plain_text::printable;

/// Where a state is.
#[derive(Debug, Clone)]
pub enum Location {
    /// In a file of one machine, or of a repository.
    File(PathBuf),
    /// In a store that many runs share.
    Shared(Shared),
}

impl Location {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Shared(_) => None,
        }
    }

    /// The store, if it is one.
    pub fn shared(&self) -> Option<&Shared> {
        match self {
            Self::File(_) => None,
            Self::Shared(shared) => Some(shared),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.write_str(&printable(path)),
            Self::Shared(shared) => formatter.write_str(&shared.address),
        }
    }
}
