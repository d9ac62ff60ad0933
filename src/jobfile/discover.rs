//! Finding and opening the files of a workspace.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::{DirEntry, Walk, WalkBuilder};

use crate::diagnostic::Diagnostic;
use crate::document::Syntax;
use crate::files;
use crate::plain_text::printable;
use crate::source::{Place, SourceFile, Span};

/// A larger file is refused before it is read.
const SIZE_LIMIT: u64 = 64 * 1024 * 1024;

/// A job file that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundFile {
    /// Relative to the workspace: what messages show.
    pub shown: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    pub syntax: Syntax,
}

impl FoundFile {
    /// The file at `path` as [`discover`] would find it under `workspace`, were it there. None for a
    /// name that no job file has.
    pub fn at(workspace: &Path, path: &Path) -> Option<Self> {
        Some(Self {
            shown: path.strip_prefix(workspace).unwrap_or(path).to_path_buf(),
            path: path.to_path_buf(),
            syntax: Syntax::of(path)?,
        })
    }
}

/// Finds the job files under `workspace`/`folder`, in the order of their names, without the folders
/// in `exclude` (relative to the workspace, or absolute).
///
/// Hidden files are skipped, and what `.gitignore` names is not: a job that git does not keep is
/// a job all the same.
pub fn discover(
    workspace: &Path,
    folder: &Path,
    exclude: &[PathBuf],
) -> (Vec<FoundFile>, Vec<Diagnostic>) {
    let root = workspace.join(folder);
    let boundary = boundary(workspace);
    let mut found = Vec::new();
    let mut findings = Vec::new();
    if let Err(finding) = check_link(workspace, &root, folder) {
        return (found, vec![finding]);
    }
    for entry in walk(&root, workspace, exclude) {
        match entry {
            Ok(entry) => match job_file(workspace, &boundary, &entry) {
                Ok(file) => found.extend(file),
                Err(finding) => findings.push(finding),
            },
            Err(error) => findings.push(walk_error(workspace, &error)),
        }
    }
    found.sort();
    (found, findings)
}

/// The folders that [`discover`] looks into for job files under `root`, and for each link among
/// them every link on its way, and the file that it leads to.
pub fn folders(
    root: &Path,
    workspace: &Path,
    exclude: &[PathBuf],
) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let (mut folders, mut linked) = (BTreeSet::new(), BTreeSet::new());
    // What cannot be read is a finding of `discover`.
    for entry in walk(root, workspace, exclude).filter_map(Result::ok) {
        match entry.file_type() {
            Some(kind) if kind.is_dir() => {
                folders.insert(entry.into_path());
            }
            Some(kind) if kind.is_symlink() => {
                linked.extend(files::links_to(entry.path()));
            }
            _ => {}
        }
    }
    (folders, linked)
}

fn walk(root: &Path, workspace: &Path, exclude: &[PathBuf]) -> Walk {
    let excluded: Vec<PathBuf> = exclude.iter().map(|path| workspace.join(path)).collect();
    WalkBuilder::new(root)
        .standard_filters(false)
        .hidden(true)
        .filter_entry(move |entry| !excluded.iter().any(|path| path == entry.path()))
        .build()
}

fn job_file(
    workspace: &Path,
    boundary: &Path,
    entry: &DirEntry,
) -> Result<Option<FoundFile>, Diagnostic> {
    let path = entry.path();
    let shown = path.strip_prefix(workspace).unwrap_or(path);
    let is_file = match entry.file_type() {
        Some(kind) if kind.is_symlink() => linked_file(boundary, path, shown)?,
        kind => kind.is_some_and(|kind| kind.is_file()),
    };
    let found = FoundFile::at(workspace, path);
    match entry.file_type() {
        Some(kind) if kind.is_dir() => Ok(None),
        _ if !is_file && found.is_some() => Err(not_regular(shown)),
        _ if found.is_none() => nearly_right(shown).map_or(Ok(None), Err),
        _ => Ok(found),
    }
}

fn not_regular(shown: &Path) -> Diagnostic {
    let message = format!(
        "`{}` is not a regular file, and is skipped",
        printable(shown)
    );
    Diagnostic::warning("not-a-file", message).help("move it out of the folder of job files")
}

/// A warning for a name that was probably to be one of a job file: `b.YAML`, `d.yaml.txt`.
fn nearly_right(shown: &Path) -> Option<Diagnostic> {
    let name = shown.file_name()?.to_str()?;
    let mut parts = name.split('.').skip(1).map(str::to_ascii_lowercase);
    let suffix = parts.find(|part| Syntax::of_suffix(part).is_some())?;
    let message = format!(
        "`{}` is skipped: it does not end in .{suffix}",
        printable(shown)
    );
    Some(Diagnostic::warning("file-name", message).help(format!(
        "rename it to end in .{suffix} if it is a job file, or move it"
    )))
}

/// Whether a link leads to a file. It must not show one folder's jobs twice.
fn linked_file(boundary: &Path, path: &Path, shown: &Path) -> Result<bool, Diagnostic> {
    let target = link_target(boundary, path, shown)?;
    if target.is_dir() {
        let message = format!(
            "`{}` is a symbolic link to a folder, which is not followed",
            printable(shown)
        );
        return Err(Diagnostic::error("link-to-folder", message)
            .help("link the job files one by one, or move the folder here"));
    }
    Ok(target.is_file())
}

/// Refuses a file or folder of the workspace that is a link out of what a review sees.
pub fn check_link(workspace: &Path, path: &Path, shown: &Path) -> Result<(), Diagnostic> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link {
        link_target(&boundary(workspace), path, shown)?;
    }
    Ok(())
}

fn boundary(workspace: &Path) -> PathBuf {
    fs::canonicalize(workspace).unwrap_or_else(|_| workspace.to_path_buf())
}

/// Returns what a link leads to. That has to lie in the workspace, where a review sees it, and not in a
/// hidden folder: findings show lines of files, and `.git` or the like may hold secrets.
fn link_target(boundary: &Path, path: &Path, shown: &Path) -> Result<PathBuf, Diagnostic> {
    let target = fs::canonicalize(path).map_err(|error| unreadable(shown, &error))?;
    let shown = printable(shown);
    let Ok(inside) = target.strip_prefix(boundary) else {
        let message = format!("`{shown}` is a symbolic link that leaves the workspace");
        return Err(Diagnostic::error("link-leaves-workspace", message)
            .help("copy what it leads to into the workspace, where a review sees it"));
    };
    if inside
        .iter()
        .any(|name| name.as_encoded_bytes().starts_with(b"."))
    {
        let message = format!("`{shown}` is a symbolic link to something hidden");
        return Err(Diagnostic::error("link-to-hidden", message)
            .help("copy what it leads to out of the hidden folder, where a review sees it"));
    }
    Ok(target)
}

fn walk_error(workspace: &Path, error: &ignore::Error) -> Diagnostic {
    let mut cause = error;
    let mut path = workspace;
    loop {
        match cause {
            ignore::Error::WithPath { path: at, err } => {
                path = at.strip_prefix(workspace).unwrap_or(at);
                cause = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
                cause = err;
            }
            ignore::Error::Io(error) => return unreadable(path, error),
            other => {
                let message = format!("`{}` cannot be read: {other}", printable(path));
                return Diagnostic::error("unreadable-file", message);
            }
        }
    }
}

/// Reads a found file into memory.
pub fn open(found: &FoundFile) -> Result<Arc<SourceFile>, Diagnostic> {
    open_as(&found.path, &found.shown)
}

/// Reads the file at `path` into memory, to be shown as `shown`.
///
/// A byte order mark is skipped; offsets count from after it, as in editors.
pub fn open_as(path: &Path, shown: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
    let bytes = files::read(path, SIZE_LIMIT).map_err(|error| unreadable(shown, &error))?;
    let bytes = bytes.ok_or_else(|| too_large(shown))?;
    decode(bytes, shown)
}

/// The bytes of a file as text, to be shown as `shown`.
pub fn decode(mut bytes: Vec<u8>, shown: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let file = Arc::new(SourceFile::new(shown, text));
        let place = Place::new(&file, Span::new(offset, offset + '\u{fffd}'.len_utf8()));
        Diagnostic::error("not-utf-8", "this file is not UTF-8")
            .at(place)
            .label("the first bytes that are not")
            .help("save the file as UTF-8")
    })?;
    let nul = text.find('\0');
    let file = Arc::new(SourceFile::new(shown, text));
    match nul {
        None => Ok(file),
        Some(offset) => Err(
            Diagnostic::error("nul-character", "this file holds a NUL character")
                .at(Place::new(&file, Span::new(offset, offset + 1)))
                .help("save the file as UTF-8 text"),
        ),
    }
}

fn unreadable(shown: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("`{}` cannot be read: {error}", printable(shown));
    Diagnostic::error("unreadable-file", message)
}

fn too_large(shown: &Path) -> Diagnostic {
    let message = format!(
        "`{}` is larger than {} MiB",
        printable(shown),
        SIZE_LIMIT >> 20
    );
    Diagnostic::error("file-too-large", message).help("split it into several files")
}
