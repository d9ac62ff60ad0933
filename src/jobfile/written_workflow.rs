//! Definitions of workflows as the text of a job file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::written::scalar;
use crate::api::wire::{Content, Definition, END, Element, START, Topology, find};
use crate::workflow::{field_name, normalised};

/// Placeholders of the service that stay as they are in an output.
const PLACEHOLDERS: [&str; 9] = [
    "InputPath",
    "InputName",
    "InputNameAndExt",
    "RunId",
    "Ext",
    "ext",
    "Jobid",
    "Number",
    "Time",
];

/// Queues that the service fills in.
const FILLED_IN: [&str; 4] = [
    "QueueId",
    "PicProcessQueueId",
    "SpeechRecognitionQueueId",
    "AIProcessQueueId",
];

/// A workflow that is to be written down.
#[derive(Debug, Clone)]
pub struct NewWorkflow<'a> {
    /// Its key; no other workflow of the workspace has it.
    pub key: &'a str,
    /// What it does.
    pub definition: &'a Definition,
    /// Whether it reacts to uploads.
    pub active: bool,
}

/// A value of a job file.
enum Written {
    Text(String),
    List(Vec<Written>),
    Mapping(Vec<(String, Written)>),
}

/// The text of a YAML job file that declares one workflow, in which `schema` is the path to the schema
/// of job files as seen from the file's folder. It is written in normal form: what says what its absence
/// says is left out.
pub fn workflow_file(workflow: &NewWorkflow<'_>, schema: &str) -> String {
    let definition = normalised(workflow.definition);
    let mut text = format!("# yaml-language-server: $schema={schema}\nworkflows:\n");
    let mut fields = Vec::new();
    if definition.name != workflow.key {
        fields.push(("name".to_owned(), literal(&definition.name)));
    }
    if workflow.active {
        fields.push(("state".to_owned(), Written::Text("active".to_owned())));
    }
    fields.push(("start".to_owned(), start(&definition.topology)));
    fields.push(("nodes".to_owned(), nodes(&definition.topology)));
    let other = [definition.other.clone(), definition.topology.other.clone()].concat();
    add_elements(&mut fields, "other", &other, false);
    write_entry(&mut text, 1, workflow.key, &Written::Mapping(fields));
    text
}

fn start(topology: &Topology) -> Written {
    let mut fields = Vec::new();
    let node = topology.nodes.get(START);
    let elements = node.map_or(&[][..], |node| &node.elements);
    let input = find(elements, "Input").map_or(&[][..], Element::elements);
    let mut rest: Vec<Element> = Vec::new();
    for element in input {
        match element.name.as_str() {
            "ObjectPrefix" => {
                let prefix = element.as_text().unwrap_or_default();
                fields.insert(0, ("prefix".to_owned(), literal(prefix)));
            }
            "ExtFilter" => match extensions(element) {
                Some(extensions) => fields.push(("extensions".to_owned(), extensions)),
                None => add_elements(&mut fields, "ext_filter", element.elements(), false),
            },
            "NotifyConfig" => {
                add_elements(&mut fields, "notify_config", element.elements(), false);
            }
            name if FILLED_IN.contains(&name) => {}
            _ => rest.push(element.clone()),
        }
    }
    if let Some(next) = first_nodes(topology) {
        fields.push(("next".to_owned(), list(next.iter())));
    }
    add_elements(&mut fields, "input", &rest, false);
    let other: Vec<Element> = elements
        .iter()
        .filter(|element| element.name != "Input")
        .cloned()
        .collect();
    add_elements(&mut fields, "other", &other, false);
    Written::Mapping(fields)
}

/// The extensions of a filter that has nothing else.
fn extensions(filter: &Element) -> Option<Written> {
    let text = |name: &str| filter.find(name).and_then(Element::as_text);
    let is_plain = filter.elements().len() == 3
        && text("State") == Some("On")
        && text("Custom") == Some("true");
    let extensions = text("CustomExts").filter(|_| is_plain)?;
    let parts = extensions.split('/').map(literal);
    Some(Written::List(parts.collect()))
}

/// The nodes that the start leads to, unless they are those that no other node leads to.
fn first_nodes(topology: &Topology) -> Option<BTreeSet<String>> {
    let first = topology
        .dependencies
        .get(START)
        .cloned()
        .unwrap_or_default();
    let others = topology
        .dependencies
        .iter()
        .filter(|(from, _)| *from != START);
    let led_to: BTreeSet<&String> = others.flat_map(|(_, next)| next).collect();
    let nodes = topology.nodes.keys().filter(|name| *name != START);
    let lonely: BTreeSet<String> = nodes
        .filter(|name| !led_to.contains(name))
        .cloned()
        .collect();
    (first != lonely).then_some(first)
}

fn nodes(topology: &Topology) -> Written {
    let nodes = topology.nodes.iter().filter(|(name, _)| *name != START);
    let nodes = nodes.map(|(name, node)| {
        let mut fields = vec![("type".to_owned(), literal(&node.kind))];
        let next = topology.dependencies.get(name).cloned().unwrap_or_default();
        if next.iter().any(|next| next != END) {
            fields.push(("next".to_owned(), list(next.iter())));
        }
        if let Some(operation) = find(&node.elements, "Operation") {
            let written = operation.elements().iter();
            add_each(&mut fields, "operation", written.cloned().collect());
        }
        let other: Vec<Element> = node
            .elements
            .iter()
            .filter(|element| element.name != "Operation")
            .cloned()
            .collect();
        add_elements(&mut fields, "other", &other, false);
        (name.clone(), Written::Mapping(fields))
    });
    Written::Mapping(nodes.collect())
}

/// The elements of `Operation`, of which an output has the service's placeholders.
fn add_each(fields: &mut Vec<(String, Written)>, name: &str, elements: Vec<Element>) {
    let (outputs, rest): (Vec<_>, Vec<_>) = elements
        .into_iter()
        .partition(|element| element.name == "Output");
    let mut written = mapping(&rest, false);
    written.extend(mapping(&outputs, true));
    if !written.is_empty() {
        fields.push((name.to_owned(), Written::Mapping(written)));
    }
}

fn add_elements(
    fields: &mut Vec<(String, Written)>,
    name: &str,
    elements: &[Element],
    in_output: bool,
) {
    let written = mapping(elements, in_output);
    if !written.is_empty() {
        fields.push((name.to_owned(), Written::Mapping(written)));
    }
}

/// Elements of one name become a list.
fn mapping(elements: &[Element], in_output: bool) -> Vec<(String, Written)> {
    let mut written: Vec<(String, Vec<Written>)> = Vec::new();
    for element in elements {
        let value = match &element.content {
            Content::Text(text) if in_output => Written::Text(output_text(text)),
            Content::Text(text) => literal(text),
            Content::Elements(inner) => Written::Mapping(mapping(inner, in_output)),
        };
        let field = field_name(&element.name).into_owned();
        match written.iter_mut().find(|(known, _)| *known == field) {
            Some((_, values)) => values.push(value),
            None => written.push((field, vec![value])),
        }
    }
    let fields = written.into_iter().map(|(field, mut values)| {
        let only = if values.len() == 1 {
            values.pop()
        } else {
            None
        };
        (field, only.unwrap_or(Written::List(values)))
    });
    fields.collect()
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> Written {
    Written::List(names.map(|name| literal(name)).collect())
}

/// A text taken literally in a field that allows expressions.
fn literal(text: &str) -> Written {
    Written::Text(text.replace("${", "${ '${' }"))
}

/// A text of an output, in which the service's placeholders stay.
fn output_text(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        written.push_str(before);
        let name = after.split('}').next().unwrap_or_default();
        let is_known = PLACEHOLDERS.contains(&name) && after.len() > name.len();
        // A dollar before a placeholder would make it a literal text.
        let is_plain = is_known && !before.ends_with('$');
        written.push_str(if is_plain { "${" } else { "$${" });
        rest = after;
    }
    written.push_str(rest);
    written
}

fn write_entry(text: &mut String, depth: usize, key: &str, value: &Written) {
    let indentation = 2 * depth;
    let key = scalar(key);
    match value {
        Written::Text(value) => {
            let _ = writeln!(text, "{:indentation$}{key}: {}", "", scalar(value));
        }
        Written::Mapping(fields) if fields.is_empty() => {
            let _ = writeln!(text, "{:indentation$}{key}: {{}}", "");
        }
        Written::Mapping(fields) => {
            let _ = writeln!(text, "{:indentation$}{key}:", "");
            for (field, value) in fields {
                write_entry(text, depth + 1, field, value);
            }
        }
        Written::List(values) => {
            let _ = write!(text, "{:indentation$}{key}: ", "");
            write_flow(text, values);
            text.push('\n');
        }
    }
}

/// Lists are short, and stand on one line.
fn write_flow(text: &mut String, values: &[Written]) {
    text.push('[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write_flow_value(text, value);
    }
    text.push(']');
}

fn write_flow_value(text: &mut String, value: &Written) {
    match value {
        Written::Text(value) => text.push_str(&quoted(value)),
        Written::List(values) => write_flow(text, values),
        Written::Mapping(fields) => {
            text.push_str("{ ");
            for (index, (field, value)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                let _ = write!(text, "{}: ", quoted(field));
                write_flow_value(text, value);
            }
            text.push_str(" }");
        }
    }
}

/// Plain where no reader could take it for something else; in a line of values, commas and brackets
/// mean something.
fn quoted(text: &str) -> String {
    let is_plain = text
        .chars()
        .all(|character| character.is_alphanumeric() || matches!(character, '_' | '/' | '.'));
    let written = scalar(text);
    if is_plain || written.starts_with(['"', '\'']) {
        return written;
    }
    format!("'{}'", text.replace('\'', "''"))
}
