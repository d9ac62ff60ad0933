//! Files that are replaced as a whole, durably.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::StateError;
use crate::{crash, files};

/// Puts what `write` writes in the place of the file at `path`: written beside it, synced, renamed, and
/// the folder synced, so that there is the old file or the new one at any moment. `may_replace` is asked
/// right before the rename.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
    may_replace: impl FnOnce() -> Result<(), StateError>,
) -> Result<(), StateError> {
    let temporary = write_beside(path, write, |file| files::keep_owner_and_mode(path, file))?;
    may_replace()?;
    crash::point("before a rename");
    temporary
        .persist(path)
        .map_err(|error| StateError::io("replace", path)(error.error))?;
    crash::point("renamed, and the folder is not synced");
    sync_folder(path)?;
    crash::point("after a rename");
    Ok(())
}

/// [`replace`] for a file that must not be there yet.
pub(super) fn create(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), StateError> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(StateError::io("create the folder", folder))?;
    let temporary = write_beside(path, write, |_| Ok(()))?;
    match temporary.persist_noclobber(path) {
        Ok(_) => sync_folder(path),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(StateError::Exists {
                path: path.to_owned(),
            })
        }
        Err(error) => Err(StateError::io("create", path)(error.error)),
    }
}

/// A file beside `path` that holds what `write` writes, is synced, and may become the one at `path`.
fn write_beside(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
    set_permissions: impl FnOnce(&File) -> io::Result<()>,
) -> Result<NamedTempFile, StateError> {
    let mut temporary = files::new_beside(path, ".stocktake-state-")
        .map_err(StateError::io("create a file beside", path))?;
    write(temporary.as_file_mut())
        .and_then(|()| set_permissions(temporary.as_file()))
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(StateError::io("write a file beside", path))?;
    Ok(temporary)
}

/// Whether `path` still leads to the open `file`.
pub(super) fn refers_to(path: &Path, file: &File) -> bool {
    match (fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => identity(&there) == identity(&ours),
        _ => false,
    }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A renamed file is durable when its folder is.
fn sync_folder(path: &Path) -> Result<(), StateError> {
    let folder = folder_of(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StateError::io("sync the folder", folder))
}
