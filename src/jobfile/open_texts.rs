//! Texts that an editor holds, which go before those on disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::discover::{self, FoundFile};
use crate::diagnostic::Diagnostic;
use crate::document::Syntax;
use crate::source::SourceFile;

/// The texts of files that are open in an editor, by the files' real paths.
#[derive(Debug, Clone, Default)]
pub struct OpenTexts {
    texts: BTreeMap<PathBuf, Arc<str>>,
}

impl OpenTexts {
    /// Takes `text` for that of the file at `path`.
    pub fn insert(&mut self, path: &Path, text: Arc<str>) {
        self.texts.insert(real_path(path), text);
    }

    /// Whether the text of the file at `path` is open; links are followed.
    pub fn has(&self, path: &Path) -> bool {
        self.get(path).is_some()
    }

    /// Reads a found file: the open text, or else what is on disk.
    pub fn open(&self, found: &FoundFile) -> Result<Arc<SourceFile>, Diagnostic> {
        self.open_as(&found.path, &found.shown)
    }

    /// Reads the file at `path`, to be shown as `shown`.
    pub fn open_as(&self, path: &Path, shown: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
        match self.get(path) {
            Some(text) => discover::decode(text.as_bytes().to_vec(), shown),
            None => discover::open_as(path, shown),
        }
    }

    /// The job files below `folder` of `workspace` that are open and not on disk yet.
    pub fn unsaved(&self, workspace: &Path, folder: &Path, exclude: &[PathBuf]) -> Vec<FoundFile> {
        let root = workspace.join(folder);
        let is_looked_at = |path: &&PathBuf| {
            let Ok(inside) = path.strip_prefix(&root) else {
                return false;
            };
            let mut names = inside.iter().map(OsStr::as_encoded_bytes);
            let is_excluded = |folder: &PathBuf| path.starts_with(workspace.join(folder));
            !names.any(|name| name.starts_with(b"."))
                && !exclude.iter().any(is_excluded)
                && Syntax::of(path).is_some()
                && path.symlink_metadata().is_err()
        };
        let unsaved = self.texts.keys().filter(is_looked_at);
        unsaved
            .filter_map(|path| FoundFile::at(workspace, path))
            .collect()
    }

    fn get(&self, path: &Path) -> Option<&Arc<str>> {
        if self.texts.is_empty() {
            return None;
        }
        self.texts.get(&real_path(path))
    }
}

/// The path with all links followed; of a file that is not there, those of its folder.
pub fn real_path(path: &Path) -> PathBuf {
    let folder = || {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    let real = path.canonicalize().ok().or_else(folder);
    real.unwrap_or_else(|| path.to_path_buf())
}
