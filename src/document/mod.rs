//! A file as a tree of nodes that know their places: one tree for YAML and TOML.

mod builder;
mod de;
mod field;
mod invalid;
mod look;
pub mod schema;
mod schema_errors;
mod toml;
mod tree;
mod yaml;
mod yaml_1_1;
mod yaml_error;

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;

use schema::Schema;

pub(crate) use builder::{FINDING_LIMIT, shorten};
pub use field::{Entries, Field, FieldRef};
pub(crate) use schema_errors::SchemaErrors;
pub use tree::{Children, Document, Node, NodeId, Text, Value};
pub(crate) use yaml_1_1::other_meaning;

/// The languages in which a file can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Syntax {
    /// YAML 1.2, one document.
    Yaml,
    /// TOML 1.1.
    Toml,
}

impl Syntax {
    /// The syntax by a file's extension.
    pub fn of(path: &Path) -> Option<Self> {
        Self::of_suffix(path.extension()?.to_str()?)
    }

    pub(crate) fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

pub fn parse(file: &Arc<SourceFile>, syntax: Syntax) -> Result<Document, Vec<Diagnostic>> {
    let parsed = match syntax {
        Syntax::Yaml => yaml::parse(file),
        Syntax::Toml => toml::parse(file),
    };
    parsed.map_err(|mut findings| {
        if let Some(finding) = look::other_content(file) {
            return vec![finding];
        }
        look::name_lookalikes(file, &mut findings);
        findings
    })
}

/// Reads a file: its value, unless something in it is wrong, and all findings.
pub fn read<T: DeserializeOwned>(
    file: &Arc<SourceFile>,
    syntax: Syntax,
    schema: &Schema<T>,
) -> (Option<T>, Vec<Diagnostic>) {
    let (value, findings) = read_partially(file, syntax, schema);
    let is_valid = !findings.iter().any(Diagnostic::is_error);
    (value.filter(|_| is_valid), findings)
}

/// Reads a file: its value, as far as it has one, and all findings. What is wrong is a
/// [`Field::Invalid`] of the value.
pub fn read_partially<T: DeserializeOwned>(
    file: &Arc<SourceFile>,
    syntax: Syntax,
    schema: &Schema<T>,
) -> (Option<T>, Vec<Diagnostic>) {
    let mut document = match parse(file, syntax) {
        Ok(document) => document,
        Err(findings) => return (None, findings),
    };
    let mut findings = std::mem::take(&mut document.warnings);
    let mut verdict = schema.check(&document);
    if !verdict.findings.is_empty() {
        // A pointer of Git LFS is YAML, and conflict markers may be part of a text.
        if let Some(finding) = look::other_content(file) {
            return (None, vec![finding]);
        }
        look::name_lookalikes(file, &mut verdict.findings);
        findings.extend(verdict.findings);
        document.schema_errors = verdict.errors;
        let can_be_read = document.schema_errors.is_some();
        let value = can_be_read.then(|| document.deserialize().ok()).flatten();
        return (value, findings);
    }
    match document.deserialize() {
        Ok(value) => (Some(value), findings),
        Err(error) => {
            let place = error.span.map(|span| document.place(span));
            let mut diagnostic = Diagnostic::error("wrong-value", error.message);
            diagnostic.place = place;
            findings.push(diagnostic);
            (None, findings)
        }
    }
}
