//! Walks a bucket in the order of its keys, holding one folder a level.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use jiff::Timestamp;

use super::{is_absence, is_plain, is_reserved, modification_time, upload_time};

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Object {
    pub(in crate::service) key: String,
    pub(in crate::service) size: u64,
    pub(in crate::service) uploaded: Timestamp,
    /// The time of the last change in nanoseconds, which tells contents apart.
    pub(in crate::service) modified: i128,
}

impl Object {
    pub(super) fn new(key: String, metadata: &Metadata) -> io::Result<Self> {
        Ok(Self {
            key,
            size: metadata.len(),
            uploaded: upload_time(metadata)?,
            modified: modification_time(metadata)?.as_nanosecond(),
        })
    }
}

/// The objects below a prefix, in the byte order of their keys.
#[derive(Debug)]
pub(in crate::service) struct Walk {
    root: PathBuf,
    prefix: String,
    /// Where to begin; taken by the first step.
    start: Option<String>,
    levels: Vec<vec::IntoIter<Entry>>,
    /// Only keys behind this one; empty for all.
    behind: String,
    /// Keys that begin with this are left out.
    skipped: Option<String>,
}

/// A file, or a folder with a `/` behind its key: so they sort as the keys of the objects do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: String,
}

impl Walk {
    pub(super) fn new(root: &Path, prefix: &str) -> Self {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let leads_somewhere = folder.is_empty() || is_plain(&folder[..folder.len() - 1]);
        Self {
            root: root.to_owned(),
            prefix: prefix.to_owned(),
            start: leads_somewhere.then(|| folder.to_owned()),
            levels: Vec::new(),
            behind: String::new(),
            skipped: None,
        }
    }

    /// Leaves out the keys up to and including this one. To be said before the first step.
    pub(super) fn begin_behind(&mut self, key: &str) {
        key.clone_into(&mut self.behind);
    }

    /// Leaves out the keys that begin with `prefix`, which comes behind what was walked so far.
    pub(super) fn leave_out(&mut self, prefix: String) {
        self.skipped = Some(prefix);
    }

    fn step(&mut self) -> io::Result<Option<Object>> {
        if let Some(folder) = self.start.take() {
            self.enter(&folder)?;
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.next() else {
                self.levels.pop();
                continue;
            };
            let is_skipped = |prefix: &String| entry.key.starts_with(prefix);
            if self.skipped.as_ref().is_some_and(is_skipped) {
                continue;
            }
            if entry.key.ends_with('/') {
                self.enter(&entry.key)?;
                continue;
            }
            match fs::symlink_metadata(self.root.join(&entry.key)) {
                Ok(metadata) => return Object::new(entry.key, &metadata).map(Some),
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Reads the folder of that key and sorts what in it can match the prefix.
    fn enter(&mut self, folder: &str) -> io::Result<()> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut level = Vec::new();
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else {
                tracing::warn!(path = %entry.path().display(), "skipped: the name is not UTF-8");
                continue;
            };
            let end = if kind.is_dir() { "/" } else { "" };
            let key = format!("{folder}{name}{end}");
            let is_object = kind.is_dir() || (kind.is_file() && !is_reserved(&key));
            if is_object && self.can_match(&key) {
                level.push(Entry { key });
            }
        }
        level.sort_unstable();
        self.levels.push(level.into_iter());
        Ok(())
    }

    fn can_match(&self, key: &str) -> bool {
        let leads_to = |wanted: &str| key.ends_with('/') && wanted.starts_with(key);
        (key.starts_with(&self.prefix) || leads_to(&self.prefix))
            && (key > self.behind.as_str() || leads_to(&self.behind))
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
    use super::Walk;
    use std::fs;

    fn keys(root: &std::path::Path, prefix: &str) -> Vec<String> {
        let objects = Walk::new(root, prefix).map(|object| object.unwrap().key);
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
        for nothing in ["c", "a/b/c", "../", "/", "a//", "b/c/"] {
            assert_eq!(keys(folder.path(), nothing), [""; 0], "{nothing}");
        }
    }
}
