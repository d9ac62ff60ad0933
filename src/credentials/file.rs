//! Reading the files that hold credentials or tokens.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use super::error::CredentialError;
use crate::plain_text::printable;

/// Profiles and tokens are far smaller.
const LIMIT: u64 = 1024 * 1024;

/// Reads a regular file; what is none could be without an end, or keep its reader waiting.
pub(super) fn read(link: &str, path: &Path) -> Result<Vec<u8>, CredentialError> {
    read_regular(path).map_err(|error| {
        CredentialError::new(link, format!("cannot read {}: {error}", printable(path)))
    })
}

fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            "it is larger than 1 MiB",
        ));
    }
    Ok(bytes)
}
