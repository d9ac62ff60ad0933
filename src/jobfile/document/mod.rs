//! A file as a tree of nodes that know their places: one tree for YAML and TOML.

mod spanned;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::schema::Schema;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceFile, Spanned};

/// The languages in which a file can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Syntax {
    /// YAML 1.2, one document.
    Yaml,
    /// TOML 1.1.
    Toml,
}

/// Reads a file: its value, unless something in it is wrong, and all findings.
pub fn read<T: DeserializeOwned>(
    _file: &Arc<SourceFile>,
    _syntax: Syntax,
    _schema: &Schema<T>,
) -> (Option<T>, Vec<Diagnostic>) {
    let unfinished = Diagnostic::error("unfinished", "files cannot be read yet");
    (None, vec![unfinished])
}

/// A mapping in the order in which it is written, keys with their places.
#[derive(Clone)]
pub struct Entries<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for Entries<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.0.iter().map(|(key, value)| (&key.value, value));
        formatter.debug_map().entries(pairs).finish()
    }
}
