//! A bucket is a folder: an object's key is its file's relative path, its upload time the file's
//! modification time.

mod listing;
mod upload_times;
mod walk;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub(super) use listing::{Entry, Query};
pub(super) use walk::{Object, Walk};

use super::start_error::StartError;
use crate::api::name::BucketName;
use listing::OpenListings;

/// The list of upload times that a bucket's folder may hold; not an object itself.
const UPLOAD_TIMES: &str = ".upload-times";

/// A bucket whose folder was found.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: BucketName,
    folder: PathBuf,
    listings: OpenListings,
}

impl Bucket {
    /// Finds the folder and gives its files the upload times that they should have.
    pub(super) fn open(name: BucketName, folder: &Path) -> Result<Self, StartError> {
        let found = fs::canonicalize(folder).and_then(|folder| {
            fs::read_dir(&folder)?;
            Ok(folder)
        });
        let folder = found.map_err(|source| StartError::Bucket {
            bucket: name.clone(),
            folder: folder.to_owned(),
            source,
        })?;
        upload_times::apply(&folder)?;
        Ok(Self {
            name,
            folder,
            listings: OpenListings::default(),
        })
    }

    /// The objects whose keys begin with `prefix`, in the order of their keys.
    pub(super) fn walk(&self, prefix: &str) -> Walk {
        Walk::new(&self.folder, prefix)
    }

    /// The file of a key, whether it exists or not. No key leads out of the bucket, and none
    /// passes a symbolic link, which a walk would not follow either.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        (is_plain(key) && !self.passes_link(key)).then(|| self.folder.join(key))
    }

    /// The object of a key, if there is one.
    pub(super) fn find(&self, key: &str) -> io::Result<Option<Object>> {
        match self.path(key) {
            Some(path) => Object::find(key, &path),
            None => Ok(None),
        }
    }

    /// A file for an object that is being uploaded; it goes away unless it is put in its place.
    pub(super) fn new_file(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(UPLOAD_PREFIX)
            .permissions(Permissions::from_mode(0o644));
        builder.tempfile_in(&self.folder)
    }

    /// Whether a folder on the way to the key is a symbolic link.
    fn passes_link(&self, key: &str) -> bool {
        let folders = key.match_indices('/').map(|(slash, _)| &key[..slash]);
        let is_link = |folder: &str| {
            let metadata = fs::symlink_metadata(self.folder.join(folder));
            metadata.is_ok_and(|metadata| metadata.is_symlink())
        };
        folders.into_iter().any(is_link)
    }
}

/// Files that are being uploaded lie at the top of the bucket's folder under such names.
const UPLOAD_PREFIX: &str = ".stocktake-upload-";

/// Files of our own among the objects.
fn is_reserved(key: &str) -> bool {
    key == UPLOAD_TIMES || (key.starts_with(UPLOAD_PREFIX) && !key.contains('/'))
}

/// A key that names a file below its bucket's folder, and always the same one.
pub(super) fn is_plain(key: &str) -> bool {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    !is_reserved(key) && !key.contains(['\0', '\\']) && key.split('/').all(is_segment)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}
