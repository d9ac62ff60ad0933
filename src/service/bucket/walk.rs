//! Walks a bucket in the order of its keys, holding one open folder a level.

use std::io;
use std::os::fd::OwnedFd;
use std::vec;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::folder::{Folder, look_at, open_folder, present};
use super::{Object, is_plain, is_reserved};
use crate::api::objects::KEY_LIMIT;
use crate::stop::StopFlag;

/// The objects below a prefix, in the byte order of their keys.
#[derive(Debug)]
pub(in crate::service) struct Walk {
    root: Folder,
    scope: Scope,
    /// Where to begin; taken by the first step.
    start: Option<String>,
    levels: Vec<Level>,
    /// Keys that begin with this are left out.
    skipped: Option<String>,
}

/// Which keys are walked, and how long.
#[derive(Debug)]
struct Scope {
    stop: StopFlag,
    prefix: String,
    /// Only keys behind this one; empty for all.
    behind: String,
}

/// A folder and what is left of it.
#[derive(Debug)]
struct Level {
    folder: OwnedFd,
    /// Its key, with a `/` at the end, or nothing for the bucket itself.
    key: String,
    /// Names, folders with a `/` behind theirs: so they sort as the keys of the objects do.
    names: vec::IntoIter<String>,
    /// What was before those names and looked at already: files, or else folders.
    files: vec::IntoIter<io::Result<Option<Object>>>,
    folders: vec::IntoIter<io::Result<Option<Level>>>,
}

impl Level {
    /// Reads a folder, if it could be opened, and sorts what in it is walked.
    fn read(key: String, folder: io::Result<OwnedFd>, scope: &Scope) -> io::Result<Option<Self>> {
        let Some(folder) = present(folder)? else {
            return Ok(None);
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            scope.stop.check()?;
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                let name = entry.file_name().to_string_lossy();
                tracing::warn!(key, %name, "skipped: the name is not UTF-8");
                continue;
            };
            let is_folder = match entry.file_type() {
                FileType::Directory if !matches!(name, "." | "..") => true,
                FileType::RegularFile => false,
                // Some file systems do not say.
                FileType::Unknown if !matches!(name, "." | "..") => {
                    let file = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
                    file.is_ok_and(|file| FileType::from_raw_mode(file.st_mode).is_dir())
                }
                _ => continue,
            };
            if scope.contains(&key, name, is_folder) {
                names.push([name, if is_folder { "/" } else { "" }].concat());
            }
        }
        names.sort_unstable();
        Ok(Some(Self {
            folder,
            key,
            names: names.into_iter(),
            files: Vec::new().into_iter(),
            folders: Vec::new().into_iter(),
        }))
    }

    /// Reads the folders that come next and looks at their first files, on all cores; leaves out those
    /// of skipped keys. Says whether there was any.
    fn look_into_folders(&mut self, scope: &Scope, is_skipped: impl Fn(&str) -> bool) -> bool {
        let names = self.names.as_slice().iter().take(READ_TOGETHER);
        let count = names.take_while(|name| name.ends_with('/')).count();
        let names = self.names.by_ref().take(count);
        let keys = names.map(|name| [self.key.as_str(), &name].concat());
        let keys: Vec<String> = keys.filter(|key| !is_skipped(key)).collect();
        let folders = keys.into_par_iter().map(|key| {
            let name = key[self.key.len()..].trim_end_matches('/');
            let folder = open_folder(&self.folder, name);
            let mut level = Self::read(key, folder, scope)?;
            if let Some(level) = &mut level {
                level.look_at_files();
            }
            Ok(level)
        });
        self.folders = folders.collect::<Vec<_>>().into_iter();
        count > 0
    }

    /// Looks at the files that come next, on all cores: that is what takes the time.
    fn look_at_files(&mut self) {
        let names = self.names.as_slice().iter().take(LOOKED_AT_TOGETHER);
        let count = names.take_while(|name| !name.ends_with('/')).count();
        let names: Vec<String> = self.names.by_ref().take(count).collect();
        let files = names
            .into_par_iter()
            .with_min_len(LOOKED_AT_ALONE)
            .map(|name| look_at(&self.folder, &name, &[self.key.as_str(), &name].concat()));
        self.files = files.collect::<Vec<_>>().into_iter();
    }
}

/// How many files are looked at before the first of them is given out.
const LOOKED_AT_TOGETHER: usize = 1024;
/// So few are not worth another core.
const LOOKED_AT_ALONE: usize = 128;
/// How many folders of one folder are read at the same time: to read a folder takes a third of what it
/// takes to look at its files, but cannot be shared among cores.
const READ_TOGETHER: usize = 4;

impl Walk {
    pub(super) fn new(root: Folder, prefix: &str, stop: StopFlag) -> Self {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let leads_somewhere = folder.is_empty() || is_plain(&folder[..folder.len() - 1]);
        Self {
            root,
            scope: Scope {
                stop,
                prefix: prefix.to_owned(),
                behind: String::new(),
            },
            start: leads_somewhere.then(|| folder.to_owned()),
            levels: Vec::new(),
            skipped: None,
        }
    }

    /// Goes on until this flag is raised, instead of the one before.
    pub(super) fn until(&mut self, stop: StopFlag) {
        self.scope.stop = stop;
    }

    /// Leaves out the keys up to and including this one. To be said before the first step.
    pub(super) fn begin_behind(&mut self, key: &str) {
        key.clone_into(&mut self.scope.behind);
    }

    /// Leaves out the keys that begin with `prefix`, which comes behind what was walked so far.
    pub(super) fn leave_out(&mut self, prefix: String) {
        self.skipped = Some(prefix);
    }

    fn step(&mut self) -> io::Result<Option<Object>> {
        if let Some(key) = self.start.take() {
            let folder = self.root.open(&key);
            self.levels.extend(Level::read(key, folder, &self.scope)?);
        }
        while let Some(level) = self.levels.last_mut() {
            self.scope.stop.check()?;
            let is_skipped = |key: &str| {
                let skipped = self.skipped.as_ref();
                skipped.is_some_and(|prefix| key.starts_with(prefix))
            };
            if let Some(object) = level.files.next() {
                match object? {
                    Some(object) if !is_skipped(&object.key) => return Ok(Some(object)),
                    _ => continue,
                }
            }
            if let Some(folder) = level.folders.next() {
                let folder = folder?.filter(|folder| !is_skipped(&folder.key));
                self.levels.extend(folder);
                continue;
            }
            level.look_at_files();
            if level.files.len() == 0 && !level.look_into_folders(&self.scope, is_skipped) {
                self.levels.pop();
            }
        }
        Ok(None)
    }
}

impl Scope {
    /// Whether what is called `name` in the folder of that key is walked.
    fn contains(&self, folder: &str, name: &str, is_folder: bool) -> bool {
        if folder.is_empty() && !is_folder && is_reserved(name) {
            return false;
        }
        if folder.len() + name.len() > KEY_LIMIT {
            tracing::warn!(
                folder,
                name,
                "skipped: the key is longer than {KEY_LIMIT} bytes"
            );
            return false;
        }
        // Everything in a folder that is wholly within the prefix, and wholly behind the place where
        // the walk begins, is.
        if folder.starts_with(&self.prefix) && self.behind.is_empty() {
            return true;
        }
        let key = [folder, name, if is_folder { "/" } else { "" }].concat();
        let leads_to = |wanted: &str| is_folder && wanted.starts_with(&key);
        (key.starts_with(&self.prefix) || leads_to(&self.prefix))
            && (key > self.behind || leads_to(&self.behind))
    }
}

impl Iterator for Walk {
    type Item = io::Result<Object>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::{READ_TOGETHER, StopFlag};
    use crate::service::bucket::folder::Folder;
    use std::fs;
    use std::path::Path;

    fn walk(root: &Path, prefix: &str) -> super::Walk {
        let folder = Folder::new(root.to_owned());
        super::Walk::new(folder, prefix, StopFlag::default())
    }

    fn keys(root: &Path, prefix: &str) -> Vec<String> {
        let objects = walk(root, prefix).map(|object| object.unwrap().key);
        objects.collect()
    }

    #[test]
    fn keys_come_in_byte_order_and_prefixes_need_not_end_at_a_slash() {
        let folder = tempfile::tempdir().unwrap();
        for key in ["a/b", "a-c", "a/视频/x", "a0", "b/c", ".upload-times"] {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        let all = ["a-c", "a/b", "a/视频/x", "a0", "b/c"];
        assert_eq!(keys(folder.path(), ""), all);
        assert_eq!(keys(folder.path(), "a"), &all[..4]);
        assert_eq!(keys(folder.path(), "a/"), &all[1..3]);
        assert_eq!(keys(folder.path(), "a/视"), &all[2..3]);
        for nothing in ["c", "a/b/c", "../", "/", "a//", "b/c/", "loop/", "loop/a/"] {
            assert_eq!(keys(folder.path(), nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn folders_that_are_read_together_are_left_out_and_named_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Vec::new();
        for number in 10..10 + 3 * READ_TOGETHER {
            for name in ["deep/er/x", "y"] {
                let key = format!("{number}/{name}");
                let path = folder.path().join(&key);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
                all.push(key);
            }
        }
        assert_eq!(keys(folder.path(), ""), all);
        let mut walk = walk(folder.path(), "");
        let mut left = vec![walk.next().unwrap().unwrap().key];
        // What is underway, and what was read with it.
        walk.leave_out("1".to_owned());
        left.extend(walk.map(|object| object.unwrap().key));
        assert_eq!(left, [&all[..1], &all[20..]].concat());
    }
}
