//! A file that is written beside its place, so that no half of an object is ever seen.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, fsync, linkat, openat, renameat, unlinkat};
use uuid::Uuid;

use super::Object;
use super::folder::{Folder, look_at, open_file, present};

/// Such files lie at the top of the bucket's folder under names with this beginning.
pub(super) const PREFIX: &str = ".stocktake-upload-";

const CREATE: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Limited by the umask.
const MODE: Mode = Mode::RUSR
    .union(Mode::WUSR)
    .union(Mode::RGRP)
    .union(Mode::ROTH);

/// A file without a place; dropping it removes it.
#[derive(Debug)]
pub(in crate::service) struct NewFile {
    /// The bucket's folder.
    root: OwnedFd,
    name: String,
    /// Locked, which tells it from one that a killed process left.
    file: File,
}

impl NewFile {
    pub(super) fn create(root: &OwnedFd) -> io::Result<Self> {
        loop {
            let name = format!("{PREFIX}{}", Uuid::new_v4().simple());
            let new = Self {
                file: openat(root, &name, CREATE, MODE)?.into(),
                root: root.try_clone()?,
                name,
            };
            // Another process may be looking for leftovers, and take it for one until it is locked.
            let is_taken = matches!(new.file.try_lock(), Err(TryLockError::WouldBlock));
            if !is_taken && fstat(&new.file)?.st_nlink > 0 {
                return Ok(new);
            }
        }
    }

    /// Waits until the content is on the disk.
    pub(in crate::service) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// The object that it is going to be.
    pub(in crate::service) fn describe(&self, key: &str) -> io::Result<Object> {
        let object = Object::new(key.to_owned(), &fstat(&self.file)?)?;
        object.ok_or_else(|| io::Error::other("not a regular file"))
    }

    /// As [`NewFile::keep`], but fails if there is something in that place.
    pub(super) fn keep_new(self, folder: &Folder, key: &str) -> io::Result<Option<Object>> {
        let (parent, name) = folder.make_parent(key)?;
        linkat(&self.root, &self.name, &parent, name, AtFlags::empty())?;
        fsync(&parent)?;
        look_at(&parent, name, key)
    }

    /// Puts the file in the place of a key, instead of what is there, and waits until that is on the
    /// disk.
    pub(super) fn keep(self, folder: &Folder, key: &str) -> io::Result<Option<Object>> {
        let (parent, name) = folder.make_parent(key)?;
        renameat(&self.root, &self.name, &parent, name)?;
        fsync(&parent)?;
        look_at(&parent, name, key)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // In its place, it has this name no longer.
        let _ = unlinkat(&self.root, &self.name, AtFlags::empty());
    }
}

/// Removes what killed processes left half-written in the bucket's folder.
pub(super) fn remove_leftovers(folder: &Folder) -> io::Result<()> {
    let root = folder.open("")?;
    for entry in Dir::read_from(&root)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if !name.starts_with(PREFIX) || look_at(&root, name, name)?.is_none() {
            continue;
        }
        if let Some(file) = present(open_file(&root, name))?
            && file.try_lock().is_ok()
        {
            tracing::info!(name, "removed: what was left of an upload");
            present(unlinkat(&root, name, AtFlags::empty()).map_err(io::Error::from))?;
        }
    }
    Ok(())
}
