//! Workflows as declared: expressions evaluated, defaults filled in, every mistake found.

mod callback;
mod elements;
mod kinds;
mod links;
mod placeholders;
mod trigger_loop;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::links::Links;
use super::job_builder::{Checked, JobBuilder, Reported};
use crate::api::name::{BucketName, JobName, Region, is_job_name_character};
use crate::api::wire::{Definition, Element, Node, START, Topology};
use crate::diagnostic::{Diagnostic, closest};
use crate::document::Field;
use crate::jobfile::model::{NodeSpec, StartSpec, WorkflowSpec, WorkflowStateSpec};
use crate::source::Spanned;
use crate::workflow::DeclaredWorkflow;

/// The most extensions that a start may name.
const EXTENSION_LIMIT: usize = 10;

/// Builds one workflow out of its spec.
pub(super) struct WorkflowBuilder<'a, 'b> {
    /// Evaluates texts and keeps the findings; knows neither matrix nor windows.
    pub(super) texts: &'b mut JobBuilder<'a>,
}

/// What the other parts of a definition are made with.
struct Surroundings {
    bucket: BucketName,
    region: Region,
    active: bool,
}

impl<'a> WorkflowBuilder<'a, '_> {
    /// The complete workflow, unless something is wrong; every mistake is found.
    pub(super) fn workflow(&mut self, spec: &'a WorkflowSpec) -> Checked<DeclaredWorkflow> {
        let key = &self.texts.spec.key;
        let name = self.name(spec);
        let description = self.optional_text(spec.description.as_ref());
        let bucket = self.bucket(spec);
        let region = self.region(spec);
        let state = self.optional(spec.state.as_ref());
        let other = self.optional_elements(spec.other.as_ref());
        let start = self.texts.valid(&spec.start);
        let links = Links::check(self, spec, start.ok().map(|start| &start.value));
        let surroundings = match (bucket, region, &state) {
            (Ok(bucket), Ok(region), Ok(state)) => Ok(Surroundings {
                bucket,
                region,
                active: state.is_some_and(|state| state.value == WorkflowStateSpec::Active),
            }),
            _ => Err(Reported),
        };
        let start_node = start.and_then(|start| self.start(&start.value));
        let mut nodes = BTreeMap::new();
        let mut is_whole = true;
        for (name, node) in &spec.nodes.0 {
            match self.node(name, node, surroundings.as_ref().ok()) {
                Ok(node) => _ = nodes.insert(name.value.clone(), node),
                Err(Reported) => is_whole = false,
            }
        }
        let surroundings = surroundings?;
        let start_node = start_node?;
        let definition = Definition {
            name: name?,
            topology: Topology {
                dependencies: links?,
                nodes,
                other: Vec::new(),
            },
            other: other?,
        };
        trigger_loop::check(self, spec, &definition, &start_node, &surroundings);
        if !is_whole {
            return Err(Reported);
        }
        let mut definition = definition;
        let nodes = &mut definition.topology.nodes;
        nodes.insert(START.to_owned(), start_node);
        Ok(DeclaredWorkflow {
            key: Arc::from(key.value.as_str()),
            description: description?,
            bucket: surroundings.bucket,
            region: surroundings.region,
            active: surroundings.active,
            definition,
            source: self.texts.spec.place(key.span),
        })
    }

    fn optional<T>(&mut self, field: Option<&'a Field<T>>) -> Checked<Option<&'a Spanned<T>>> {
        field.map(|field| self.texts.valid(field)).transpose()
    }

    fn optional_text(&mut self, field: Option<&'a Field<String>>) -> Checked<Option<String>> {
        match self.optional(field)? {
            Some(text) => self.texts.text(text).map(|text| Some(text.into_owned())),
            None => Ok(None),
        }
    }

    fn error(
        &mut self,
        code: &'static str,
        span: crate::source::Span,
        message: String,
    ) -> Reported {
        let problem = self.texts.spec.error(code, span, message);
        self.texts.diagnostics.push(problem);
        Reported
    }

    fn warning(&mut self, code: &'static str, span: crate::source::Span, message: String) {
        let warning = Diagnostic::warning(code, message).at(self.texts.spec.place(span));
        self.texts.diagnostics.push(warning);
    }

    /// Adds the way out to the last finding.
    fn help(&mut self, help: impl Into<String>) {
        if let Some(last) = self.texts.diagnostics.last_mut() {
            last.help = Some(help.into());
        }
    }

    fn name(&mut self, spec: &'a WorkflowSpec) -> Checked<String> {
        if let Some(text) = self.optional(spec.name.as_ref())? {
            let name = self.texts.named(text, "name", JobName::new)?;
            return Ok(name.to_string());
        }
        let key = &self.texts.spec.key;
        let plain = |character| {
            if is_job_name_character(character) {
                character
            } else {
                '-'
            }
        };
        Ok(key.value.chars().map(plain).collect())
    }

    fn bucket(&mut self, spec: &'a WorkflowSpec) -> Checked<BucketName> {
        match self.optional(spec.bucket.as_ref())? {
            Some(text) => self.texts.named(text, "bucket", BucketName::new),
            None => self.texts.target_bucket("this workflow"),
        }
    }

    fn region(&mut self, spec: &'a WorkflowSpec) -> Checked<Region> {
        match self.optional(spec.region.as_ref())? {
            Some(text) => self.texts.named(text, "region", Region::new),
            None => self.texts.target_region("this workflow"),
        }
    }

    /// The start node: its `Input`, and what the spec has beside it.
    fn start(&mut self, start: &'a StartSpec) -> Checked<Node> {
        let prefix = self.texts.valid(&start.prefix);
        let prefix =
            prefix.and_then(|text| self.texts.text(text).map(std::borrow::Cow::into_owned));
        let extensions = self.extensions(start);
        let callback = self.optional_elements(start.notify_config.as_ref());
        if let (Ok(elements), Some(field)) = (&callback, &start.notify_config) {
            callback::check(self, elements, field);
        }
        let filter = self.optional_elements(start.ext_filter.as_ref());
        let input = self.optional_elements(start.input.as_ref());
        let other = self.optional_elements(start.other.as_ref());
        let mut elements = vec![Element::text("ObjectPrefix", prefix?)];
        elements.extend(extensions?);
        for (name, inner) in [("ExtFilter", filter?), ("NotifyConfig", callback?)] {
            if !inner.is_empty() {
                elements.push(Element::of(name, inner));
            }
        }
        elements.extend(input?);
        let mut node = vec![Element::of("Input", elements)];
        node.extend(other?);
        Ok(Node {
            kind: START.to_owned(),
            elements: node,
        })
    }

    /// `extensions` as the filter that they stand for.
    fn extensions(&mut self, start: &'a StartSpec) -> Checked<Option<Element>> {
        let Some(extensions) = self.optional(start.extensions.as_ref())? else {
            return Ok(None);
        };
        if start.ext_filter.is_some() {
            let message = "`extensions` and `ext_filter` exclude each other".to_owned();
            return Err(self.error("extensions", extensions.span, message));
        }
        let mut names: BTreeSet<String> = BTreeSet::new();
        for extension in &extensions.value {
            let text = self.texts.text(extension)?.into_owned();
            if text.is_empty() || !text.chars().all(char::is_alphanumeric) {
                let message = format!("`{text}` is not an extension: letters and digits alone");
                self.error("extensions", extension.span, message);
                if text.starts_with('.') {
                    self.help("extensions are written without the dot");
                }
                return Err(Reported);
            }
            names.insert(text);
        }
        if names.len() > EXTENSION_LIMIT {
            let message = format!(
                "{} extensions; the service takes {EXTENSION_LIMIT}",
                names.len()
            );
            return Err(self.error("extensions", extensions.span, message));
        }
        let names: Vec<String> = names.into_iter().collect();
        let filter = vec![
            Element::text("State", "On"),
            Element::text("Custom", "true"),
            Element::text("CustomExts", names.join("/")),
        ];
        Ok(Some(Element::of("ExtFilter", filter)))
    }

    fn node(
        &mut self,
        name: &'a Spanned<String>,
        field: &'a Field<NodeSpec>,
        surroundings: Option<&Surroundings>,
    ) -> Checked<Node> {
        let spec = &self.texts.valid(field)?.value;
        let kind_text = self.texts.valid(&spec.r#type);
        let kind =
            kind_text.and_then(|text| self.texts.text(text).map(std::borrow::Cow::into_owned));
        let operation = self.operation(spec, kind.as_deref().unwrap_or_default(), surroundings);
        let other = self.optional_elements(spec.other.as_ref());
        let (kind, kind_text, operation) = (kind?, kind_text?, operation?);
        if kind == START {
            let message = "a workflow has one start, and `start` says what it is".to_owned();
            return Err(self.error("workflow-start", kind_text.span, message));
        }
        match kinds::find(&kind) {
            None => {
                let message = format!("`{kind}` is not a type of node that is known here");
                self.warning("unknown-node-type", kind_text.span, message);
                let known = kinds::names();
                match closest(&kind, known) {
                    Some(near) => self.help(format!("did you mean `{near}`?")),
                    None => self.help("it is sent as it is written, unchecked"),
                }
            }
            Some(known) => {
                for missing in known.missing(&operation) {
                    let message = format!("the node `{}` needs {missing}", name.value);
                    self.error("missing-field", kind_text.span, message);
                }
                if known.missing(&operation).next().is_some() {
                    return Err(Reported);
                }
                if !kinds::begins_with_type(&name.value, &kind) {
                    let message = format!(
                        "the service's pages begin the name of a node with its type: `{kind}_…`"
                    );
                    self.warning("node-name", name.span, message);
                    self.help("other names have been accepted; nothing is known against them");
                }
            }
        }
        let mut elements = Vec::new();
        if !operation.is_empty() {
            elements.push(Element::of("Operation", operation));
        }
        elements.extend(other?);
        Ok(Node { kind, elements })
    }
}
