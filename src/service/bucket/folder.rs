//! A bucket's folder, reached by descriptors: each folder of a key's path is opened in the one before
//! it, and none through a link. No key leads out of the bucket, whatever is changed meanwhile.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, fsync, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::Object;
use super::new_file::NewFile;

/// A link to a folder is none.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Neither through a link nor waiting for the other end of a pipe.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Limited by the umask, as every new folder is.
const FOLDER_MODE: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);

/// The folder of a bucket. Its own path is the configuration's and may pass links; what lies below it
/// may not. Keys must be plain.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens the folder below the bucket's that has this key; the bucket's own has none.
    pub(super) fn open(&self, key: &str) -> io::Result<OwnedFd> {
        let mut folder = open_root(&self.root)?;
        for name in key.split_terminator('/') {
            folder = open_folder(&folder, name)?;
        }
        Ok(folder)
    }

    /// The object of a key, if there is one.
    pub(super) fn find(&self, key: &str) -> io::Result<Option<Object>> {
        let (folder, name) = split(key);
        present(
            self.open(folder)
                .and_then(|folder| look_at(&folder, name, key)),
        )
        .map(Option::flatten)
    }

    /// The object of a key with its content, if there is one.
    pub(super) fn read(&self, key: &str) -> io::Result<Option<(Object, File)>> {
        let (folder, name) = split(key);
        let read = self.open(folder).and_then(|folder| {
            // Only a regular file is opened: to open another one may already do something.
            if look_at(&folder, name, key)?.is_none() {
                return Ok(None);
            }
            let file = open_file(&folder, name)?;
            let object = Object::new(key.to_owned(), &fstat(&file)?)?;
            Ok(object.map(|object| (object, file)))
        });
        present(read).map(Option::flatten)
    }

    /// Makes the folder of that key and those on the way to it, where they are not there.
    pub(super) fn make(&self, key: &str) -> io::Result<OwnedFd> {
        let mut folder = open_root(&self.root)?;
        for name in key.split_terminator('/') {
            match mkdirat(&folder, name, FOLDER_MODE) {
                Ok(()) => fsync(&folder)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = open_folder(&folder, name)?;
        }
        Ok(folder)
    }

    /// Makes the folders on the way to a key; the last one, with the key's last name.
    pub(super) fn make_parent<'a>(&self, key: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (folder, name) = split(key);
        Ok((self.make(folder)?, name))
    }

    /// Removes the object of a key, durably. False if there is none.
    pub(super) fn remove(&self, key: &str) -> io::Result<bool> {
        let (folder, name) = split(key);
        let removed = self.open(folder).and_then(|folder| {
            if look_at(&folder, name, key)?.is_none() {
                return Ok(false);
            }
            unlinkat(&folder, name, AtFlags::empty())?;
            fsync(&folder)?;
            Ok(true)
        });
        Ok(present(removed)?.unwrap_or(false))
    }

    /// Removes the folder of a key if it is empty, durably. False if it is not there or not empty.
    pub(super) fn remove_folder(&self, key: &str) -> io::Result<bool> {
        let (folder, name) = split(key);
        let removed = self.open(folder).and_then(|folder| {
            match unlinkat(&folder, name, AtFlags::REMOVEDIR) {
                Ok(()) => fsync(&folder)?,
                Err(Errno::NOTEMPTY | Errno::EXIST) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            Ok(true)
        });
        Ok(present(removed)?.unwrap_or(false))
    }

    /// A file for an object that is being written; it goes away unless it is put in its place.
    pub(super) fn new_file(&self) -> io::Result<NewFile> {
        NewFile::create(&open_root(&self.root)?)
    }
}

/// Opens the folder of that name in `folder`.
pub(super) fn open_folder(folder: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    openat(folder, name, FOLDER, Mode::empty()).map_err(not_through_link)
}

/// Opens the file of that name in `folder` for reading.
pub(super) fn open_file(folder: impl AsFd, name: &str) -> io::Result<File> {
    let file = openat(folder, name, FILE, Mode::empty()).map_err(not_through_link)?;
    Ok(file.into())
}

/// The object of that name in `folder`, if there is one.
pub(super) fn look_at(folder: impl AsFd, name: &str, key: &str) -> io::Result<Option<Object>> {
    present(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from))?
        .map_or(Ok(None), |file| Object::new(key.to_owned(), &file))
}

/// Nothing, where the error says that nothing is there.
pub(super) fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn open_root(root: &Path) -> io::Result<OwnedFd> {
    let flags = FOLDER.difference(OFlags::NOFOLLOW);
    Ok(openat(CWD, root, flags, Mode::empty())?)
}

/// A key's folder, and its name in it.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// Systems do not agree on the error for a link where none may be.
fn not_through_link(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::MLINK => Errno::NOTDIR.into(),
        other => other.into(),
    }
}
