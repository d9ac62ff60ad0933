//! Finding and opening the files of a workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Syntax;
use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;

/// A job file that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundFile {
    /// Relative to the workspace: what messages show.
    pub shown: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    /// The language its name stands for.
    pub syntax: Syntax,
}

/// Finds the job files under `workspace`/`folder`, in the order of their names, without the folders
/// in `exclude` (relative to the workspace, or absolute).
pub fn discover(
    _workspace: &Path,
    _folder: &Path,
    _exclude: &[PathBuf],
) -> (Vec<FoundFile>, Vec<Diagnostic>) {
    (Vec::new(), Vec::new())
}

/// Reads a found file into memory.
pub fn open(found: &FoundFile) -> Result<Arc<SourceFile>, Diagnostic> {
    open_as(&found.path, &found.shown)
}

/// Reads the file at `path` into memory, to be shown as `shown`.
pub fn open_as(_path: &Path, _shown: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
    Err(Diagnostic::error("unfinished", "files cannot be read yet"))
}
