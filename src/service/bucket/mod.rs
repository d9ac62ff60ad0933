//! A bucket is a folder: an object's key is its file's relative path, its upload time the file's
//! modification time.

mod upload_times;
mod walk;

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub(super) use walk::{Object, Walk};

use super::error::StartError;
use crate::api::name::BucketName;

/// The list of upload times that a bucket's folder may hold; not an object itself.
const UPLOAD_TIMES: &str = ".upload-times";

/// A bucket whose folder was found.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: BucketName,
    folder: PathBuf,
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
        Ok(Self { name, folder })
    }

    /// The objects whose keys begin with `prefix`, in the order of their keys.
    pub(super) fn walk(&self, prefix: &str) -> Walk {
        Walk::new(&self.folder, prefix)
    }

    /// The file of a key, whether it exists or not. No key leads out of the bucket.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        is_plain(key).then(|| self.folder.join(key))
    }

    /// The object of a key, if there is one.
    pub(super) fn find(&self, key: &str) -> io::Result<Option<Object>> {
        let Some(path) = self.path(key) else {
            return Ok(None);
        };
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() && !self.passes_link(key)? => {
                Object::new(key.to_owned(), &metadata).map(Some)
            }
            Ok(_) => Ok(None),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a folder on the way to the key is a symbolic link, which a walk would not follow.
    fn passes_link(&self, key: &str) -> io::Result<bool> {
        let mut path = self.folder.clone();
        let mut segments: Vec<&str> = key.split('/').collect();
        segments.pop();
        for segment in segments {
            path.push(segment);
            if fs::symlink_metadata(&path)?.is_symlink() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A key that names a file below its bucket's folder, and always the same one.
pub(super) fn is_plain(key: &str) -> bool {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    key != UPLOAD_TIMES && !key.contains(['\0', '\\']) && key.split('/').all(is_segment)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// Modification time in whole seconds, which is what COS keeps.
fn upload_time(metadata: &Metadata) -> io::Result<Timestamp> {
    let modified = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
    let second = modified.as_second() - i64::from(modified.subsec_nanosecond() < 0);
    Timestamp::from_second(second).map_err(io::Error::other)
}
