//! The documents that the client has open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gen_lsp_types::{Range, TextDocumentContentChangeEvent as Change, Uri};

use super::text::{Encoding, Lines};
use crate::jobfile::open_texts::{OpenTexts, real_path};

/// The text of a longer document is not followed; what is on disk counts.
const SIZE_LIMIT: usize = 64 * 1024 * 1024;

/// One open document.
#[derive(Debug, Clone)]
pub(super) struct OpenDocument {
    /// As the client names it.
    pub(super) uri: Uri,
    pub(super) version: i32,
    /// With the links of its folder followed.
    pub(super) path: PathBuf,
    /// With all links followed.
    pub(super) real: PathBuf,
    pub(super) text: Arc<str>,
}

/// All open documents.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: BTreeMap<Uri, OpenDocument>,
}

impl Documents {
    /// Opens a document, or opens it again; returns its path. One that is no file is not followed.
    pub(super) fn open(&mut self, uri: Uri, version: i32, text: &str) -> Option<PathBuf> {
        let given = file_path(&uri)?;
        let real = real_path(&given);
        let path = named_path(&given);
        let document = OpenDocument {
            uri: uri.clone(),
            version,
            path: path.clone(),
            real,
            text: Arc::from(text),
        };
        if text.len() > SIZE_LIMIT {
            self.open.remove(&uri);
        } else {
            self.open.insert(uri, document);
        }
        Some(path)
    }

    /// Changes a document as the client did, in the order in which its changes arrive.
    pub(super) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<Change>,
        encoding: Encoding,
    ) -> Option<PathBuf> {
        let document = self.open.get_mut(uri)?;
        let mut text = document.text.to_string();
        for change in changes {
            match change {
                Change::TextDocumentContentChangePartial(change) => {
                    replace(&mut text, change.range, &change.text, encoding);
                }
                Change::TextDocumentContentChangeWholeDocument(change) => text = change.text,
            }
        }
        document.version = version;
        document.text = Arc::from(text);
        let path = document.path.clone();
        if document.text.len() > SIZE_LIMIT {
            tracing::warn!(%uri, "the document is too long to be followed");
            self.open.remove(uri);
        }
        Some(path)
    }

    pub(super) fn close(&mut self, uri: &Uri) -> Option<PathBuf> {
        self.open.remove(uri).map(|document| document.path)
    }

    pub(super) fn get(&self, uri: &Uri) -> Option<&OpenDocument> {
        self.open.get(uri)
    }

    /// The document that stands for the file at `path`.
    pub(super) fn at(&self, path: &Path) -> Option<&OpenDocument> {
        let mut documents = self.open.values();
        let by_path = documents.find(|document| document.path == path);
        by_path.or_else(|| {
            let real = (!self.open.is_empty()).then(|| real_path(path))?;
            self.open.values().find(|document| document.real == real)
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenDocument> {
        self.open.values()
    }

    /// The texts, for everything that reads files.
    pub(super) fn texts(&self) -> OpenTexts {
        let mut texts = OpenTexts::default();
        for document in self.open.values() {
            texts.insert(&document.real, Arc::clone(&document.text));
        }
        texts
    }
}

/// The file of a URI; other schemes and remote hosts have none.
pub(super) fn file_path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme() == "file";
    is_file.then(|| uri.to_file_path().ok()).flatten()
}

/// A path with the links of its folder followed: files are known by it.
pub(super) fn named_path(path: &Path) -> PathBuf {
    let folder = path.parent().map(real_path).zip(path.file_name());
    folder.map_or_else(|| real_path(path), |(folder, name)| folder.join(name))
}

/// Replaces a range, whose ends may be in either order and beyond the text.
fn replace(text: &mut String, range: Range, new: &str, encoding: Encoding) {
    let lines = Lines::of(text);
    let start = lines.offset(text, range.start, encoding);
    let end = lines.offset(text, range.end, encoding);
    text.replace_range(start.min(end)..start.max(end), new);
}
