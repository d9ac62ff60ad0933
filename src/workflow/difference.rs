//! How two definitions differ, node by node and field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::normal::normalised;
use super::words::field_name;
use crate::api::wire::{Content, Definition, Element, Node, START};

/// One difference between two definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// What differs, such as `nodes.small.operation.output.object`.
    pub path: String,
    /// What is there; absent if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What is to be there; absent if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Elements of a start node that the service fills in where a definition does without.
const FILLED_IN: [&str; 4] = [
    "QueueId",
    "PicProcessQueueId",
    "SpeechRecognitionQueueId",
    "AIProcessQueueId",
];

/// What makes `after`, a definition as written, of `before`, one as the service has it. Queues that
/// `after` does not name are not a difference, because the service fills them in.
pub fn differences(before: &Definition, after: &Definition) -> Vec<Change> {
    let (mut before, after) = (normalised(before), normalised(after));
    forget_queues(&mut before, &after);
    let mut changes = Changes::default();
    changes.text("name", Some(&before.name), Some(&after.name));
    let (old, new) = (&before.topology, &after.topology);
    let names: BTreeSet<&String> = old.nodes.keys().chain(new.nodes.keys()).collect();
    for name in names {
        let path = node_path(name);
        let nodes = (old.nodes.get(name), new.nodes.get(name));
        let kind = |node: Option<&Node>| node.map(|node| node.kind.clone());
        match nodes {
            (Some(one), Some(other)) => {
                changes.text(&format!("{path}.type"), Some(&one.kind), Some(&other.kind));
                changes.elements(&path, &one.elements, &other.elements);
            }
            (one, other) => changes.add(path.clone(), kind(one), kind(other)),
        }
    }
    let links = old.dependencies.keys().chain(new.dependencies.keys());
    for name in links.collect::<BTreeSet<_>>() {
        // A node that comes or goes brings its links along.
        let is_new = old.nodes.contains_key(name) != new.nodes.contains_key(name);
        let next = |links: &BTreeMap<String, BTreeSet<String>>| {
            let next = links.get(name).map(|next| {
                let next: Vec<&str> = next.iter().map(String::as_str).collect();
                next.join(", ")
            });
            next.unwrap_or_default()
        };
        let (one, other) = (next(&old.dependencies), next(&new.dependencies));
        if !is_new {
            changes.text(
                &format!("{}.next", node_path(name)),
                Some(&one),
                Some(&other),
            );
        }
    }
    changes.elements("topology", &old.other, &new.other);
    changes.elements("", &before.other, &after.other);
    changes.list
}

fn node_path(name: &str) -> String {
    if name == START {
        "start".to_owned()
    } else {
        format!("nodes.{name}")
    }
}

/// Drops the queues of the start node that the definition as written does not name.
fn forget_queues(before: &mut Definition, after: &Definition) {
    let named = |queue: &str| {
        let start = after.topology.nodes.get(START);
        let inputs = start.into_iter().flat_map(|start| &start.elements);
        let mut inputs = inputs.filter(|element| element.name == "Input");
        inputs.any(|input| input.find(queue).is_some())
    };
    let Some(start) = before.topology.nodes.get_mut(START) else {
        return;
    };
    for element in &mut start.elements {
        if let ("Input", Content::Elements(inner)) = (element.name.as_str(), &mut element.content) {
            inner.retain(|element| {
                !FILLED_IN.contains(&element.name.as_str()) || named(&element.name)
            });
        }
    }
    start.elements.retain(
        |element| !matches!(&element.content, Content::Elements(inner) if inner.is_empty()),
    );
}

#[derive(Default)]
struct Changes {
    list: Vec<Change>,
}

impl Changes {
    fn add(&mut self, path: String, before: Option<String>, after: Option<String>) {
        if before != after {
            self.list.push(Change {
                path,
                before,
                after,
            });
        }
    }

    fn text(&mut self, path: &str, before: Option<&str>, after: Option<&str>) {
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        self.add(path.to_owned(), given(before), given(after));
    }

    /// Elements of one name stand beside each other in the order of the document.
    fn elements(&mut self, path: &str, before: &[Element], after: &[Element]) {
        let (old, new) = (by_name(before), by_name(after));
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        for name in names {
            let at = |elements: &BTreeMap<&str, Vec<&Content>>, index: usize| {
                elements
                    .get(name)
                    .and_then(|list| list.get(index))
                    .copied()
                    .cloned()
            };
            let count =
                |elements: &BTreeMap<&str, Vec<&Content>>| elements.get(name).map_or(0, Vec::len);
            let most = count(&old).max(count(&new));
            for index in 0..most {
                let field = field_name(name);
                let mut path = if path.is_empty() {
                    field.into_owned()
                } else {
                    format!("{path}.{field}")
                };
                if most > 1 {
                    path = format!("{path}[{index}]");
                }
                self.content(&path, at(&old, index).as_ref(), at(&new, index).as_ref());
            }
        }
    }

    fn content(&mut self, path: &str, before: Option<&Content>, after: Option<&Content>) {
        let inner = |content: Option<&Content>| match content {
            Some(Content::Elements(elements)) => elements.clone(),
            _ => Vec::new(),
        };
        let text = |content: Option<&Content>| match content {
            Some(Content::Text(text)) => Some(text.clone()),
            _ => None,
        };
        self.add(path.to_owned(), text(before), text(after));
        self.elements(path, &inner(before), &inner(after));
    }
}

fn by_name(elements: &[Element]) -> BTreeMap<&str, Vec<&Content>> {
    let mut named: BTreeMap<&str, Vec<&Content>> = BTreeMap::new();
    for element in elements {
        let contents = named.entry(&element.name).or_default();
        contents.push(&element.content);
    }
    named
}
