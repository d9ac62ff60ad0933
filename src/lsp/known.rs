//! What is known at a document: its schema, and its workspace as it was when it was last valid.

use std::collections::BTreeSet;

use gen_lsp_types::Position;

use super::analysis::Analysis;
use super::fields::{Choice, Fields};
use super::text::{Encoding, Lines};
use crate::document::Syntax;

/// Everything that completion and hover take from outside the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) syntax: Syntax,
    pub(super) fields: &'a Fields,
    pub(super) analysis: &'a Analysis,
    pub(super) encoding: Encoding,
}

impl<'a> Known<'a> {
    pub(super) fn position(&self, text: &str, offset: usize) -> Position {
        Lines::of(text).position(text, offset, self.encoding)
    }

    /// The variables with their values for the target.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let setup = self.analysis.setup.as_ref();
        let variables = setup.into_iter().flat_map(|setup| &setup.variables);
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The names that the target gives to the value at `path`: workflows, buckets, targets.
    pub(super) fn names(&self, path: &[String]) -> Vec<Choice> {
        let Some(setup) = &self.analysis.setup else {
            return Vec::new();
        };
        let fields = path.iter().rev();
        let field = fields
            .map(String::as_str)
            .find(|key| *key != super::cursor::ELEMENT);
        let target = &setup.target;
        let embedded = target.embedded();
        let choice = |name: &str, about: Option<&str>| Choice {
            name: name.to_owned(),
            description: about.map(str::to_owned),
            is_required: false,
        };
        match field {
            Some("workflow_ids") => {
                let own = embedded.into_iter().flat_map(|service| &service.workflows);
                let own = own.map(|(id, workflow)| choice(id.as_str(), Some(&workflow.name)));
                let named = target.workflow_names.iter();
                let named = named.map(|(name, id)| choice(id.as_str(), Some(name)));
                own.chain(named).collect()
            }
            Some("workflow") => {
                let names = target.workflow_names.iter();
                names
                    .map(|(name, id)| choice(name, Some(id.as_str())))
                    .collect()
            }
            Some("bucket") => {
                let folders = embedded
                    .into_iter()
                    .flat_map(|service| service.buckets.keys());
                let own = target.bucket.as_ref();
                let names: BTreeSet<String> = folders.chain(own).map(ToString::to_string).collect();
                names.iter().map(|name| choice(name, None)).collect()
            }
            Some("default_target") => {
                let names = setup.workspace.target_names();
                names.iter().map(|name| choice(name, None)).collect()
            }
            _ => Vec::new(),
        }
    }
}
