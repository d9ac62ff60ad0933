//! The address of a state: a file, or a store that many runs share.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::plain_text::printable;

/// Where the state of a target is, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateAddress {
    /// A file.
    File(PathBuf),
    /// A folder that several machines reach, as `file:///srv/stocktake/prod`.
    Folder(PathBuf),
}

/// Why a text is no address of a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another kind of store.
    #[error(
        "a state at `{0}://` is not supported: name a file, or a folder as file:///srv/stocktake/prod"
    )]
    Scheme(String),
    /// A folder has to be the same one from everywhere.
    #[error(
        "the folder of a shared state is written as an absolute path: file:///srv/stocktake/prod"
    )]
    Relative,
}

impl StateAddress {
    /// Reads an address. One without a scheme is a path, which is not looked at here.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        if scheme != "file" {
            return Err(AddressError::Scheme(scheme.to_owned()));
        }
        let path = Path::new(rest);
        if !path.is_absolute() || path.parent().is_none() {
            return Err(AddressError::Relative);
        }
        Ok(Self::Folder(path.to_owned()))
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Folder(_) => None,
        }
    }
}

impl fmt::Display for StateAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.write_str(&printable(path)),
            Self::Folder(path) => write!(formatter, "file://{}", printable(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{AddressError, StateAddress};

    #[test]
    fn an_address_without_a_scheme_is_a_file() {
        let file = StateAddress::parse("state/prod.jsonl").unwrap();
        assert_eq!(file, StateAddress::File(PathBuf::from("state/prod.jsonl")));
    }

    #[test]
    fn a_shared_folder_is_absolute_and_no_other_store_is_guessed() {
        let folder = StateAddress::parse("file:///srv/state").unwrap();
        assert_eq!(folder, StateAddress::Folder(PathBuf::from("/srv/state")));
        assert_eq!(folder.to_string(), "file:///srv/state");
        for relative in ["file://srv/state", "file://", "file:///"] {
            assert_eq!(StateAddress::parse(relative), Err(AddressError::Relative));
        }
        let unknown = StateAddress::parse("gs://bucket/state").unwrap_err();
        assert_eq!(unknown, AddressError::Scheme("gs".to_owned()));
    }
}
