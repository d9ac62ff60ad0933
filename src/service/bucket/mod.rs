//! A bucket is a folder: an object's key is its file's relative path, its upload time the file's
//! modification time.

mod folder;
mod listing;
mod new_file;
mod object;
mod upload_times;
mod walk;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub(super) use listing::{Entry, Query};
pub(super) use new_file::NewFile;
pub(super) use object::Object;
pub(super) use walk::Walk;

use super::start_error::StartError;
use crate::api::name::BucketName;
use crate::api::objects::KEY_LIMIT;
use crate::stop::StopFlag;
use folder::Folder;
use listing::OpenListings;

/// The list of upload times that a bucket's folder may hold; not an object itself.
const UPLOAD_TIMES: &str = ".upload-times";

/// A bucket whose folder was found.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: BucketName,
    folder: Folder,
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
        let folder = Folder::new(folder);
        new_file::remove_leftovers(&folder)
            .map_err(|error| StartError::file(folder.root(), error))?;
        upload_times::apply(&folder)?;
        Ok(Self {
            name,
            folder,
            listings: OpenListings::default(),
        })
    }

    /// The objects whose keys begin with `prefix`, in the order of their keys, until `stop` is raised.
    pub(super) fn walk(&self, prefix: &str, stop: StopFlag) -> Walk {
        Walk::new(self.folder.clone(), prefix, stop)
    }

    /// Where the file of a plain key lies, for programs that want a path.
    pub(super) fn path(&self, key: &str) -> PathBuf {
        self.folder.root().join(key)
    }

    /// The object of a key, if there is one.
    pub(super) fn find(&self, key: &str) -> io::Result<Option<Object>> {
        if is_plain(key) {
            self.folder.find(key)
        } else {
            Ok(None)
        }
    }

    /// The object of a key with its content, if there is one.
    pub(super) fn read(&self, key: &str) -> io::Result<Option<(Object, File)>> {
        if is_plain(key) {
            self.folder.read(key)
        } else {
            Ok(None)
        }
    }

    /// Removes the object of a key, or the empty folder of one that ends in `/`. False if there is none.
    pub(super) fn remove(&self, key: &str) -> io::Result<bool> {
        match key.strip_suffix('/') {
            Some(folder) if is_plain(folder) => self.folder.remove_folder(folder),
            None if is_plain(key) => self.folder.remove(key),
            _ => Ok(false),
        }
    }

    /// As [`Bucket::keep`], but fails if there is an object of that key.
    pub(super) fn keep_new(&self, file: NewFile, key: &str) -> io::Result<Option<Object>> {
        file.keep_new(&self.folder, key)
    }

    /// Makes the folder of a plain key, which is no object.
    pub(super) fn make_folder(&self, key: &str) -> io::Result<()> {
        self.folder.make(key).map(drop)
    }

    /// A file for an object that is being uploaded; it goes away unless it is put in its place.
    pub(super) fn new_file(&self) -> io::Result<NewFile> {
        self.folder.new_file()
    }

    /// Puts the file in the place of a plain key. `None`, if another one has taken that place since.
    pub(super) fn keep(&self, file: NewFile, key: &str) -> io::Result<Option<Object>> {
        file.keep(&self.folder, key)
    }
}

/// Files of our own among the objects.
fn is_reserved(key: &str) -> bool {
    key == UPLOAD_TIMES || (key.starts_with(new_file::PREFIX) && !key.contains('/'))
}

/// A key that names a file below its bucket's folder, and always the same one.
pub(super) fn is_plain(key: &str) -> bool {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    // On Unix, a backslash is a character as any other.
    key.len() <= KEY_LIMIT
        && !is_reserved(key)
        && !key.contains('\0')
        && key.split('/').all(is_segment)
}
