//! Outputs that would start their own workflow again, without end.

use super::{Surroundings, WorkflowBuilder};
use crate::api::wire::{Definition, Element, Node, find};
use crate::jobfile::model::WorkflowSpec;

/// How sure it is that an output starts the workflow.
#[derive(PartialEq)]
enum Verdict {
    No,
    Perhaps,
    Surely,
}

/// Reports every output that an active workflow would start with, and warns of others.
pub(super) fn check(
    builder: &mut WorkflowBuilder<'_, '_>,
    spec: &WorkflowSpec,
    definition: &Definition,
    start: &Node,
    surroundings: &Surroundings,
) {
    let start = Start::of(start);
    for (name, _) in &spec.nodes.0 {
        let Some(node) = definition.topology.nodes.get(&name.value) else {
            continue;
        };
        let operation = find(&node.elements, "Operation");
        let Some(output) = operation.and_then(|operation| operation.find("Output")) else {
            continue;
        };
        let text = |name: &str| output.find(name).and_then(Element::as_text);
        if text("Bucket") != Some(surroundings.bucket.as_str()) {
            continue;
        }
        for object in ["Object", "AuObject", "SpriteObject"] {
            let verdict = text(object).map_or(Verdict::No, |object| start.takes(object));
            let message = format!(
                "what the node `{}` writes starts this workflow again",
                name.value
            );
            match (verdict, surroundings.active) {
                (Verdict::No, _) => continue,
                (Verdict::Surely, true) => _ = builder.error("workflow-loop", name.span, message),
                (Verdict::Surely, false) => {
                    let message = format!("{message}, once it is active");
                    builder.warning("workflow-loop", name.span, message);
                }
                (Verdict::Perhaps, _) => {
                    let message = format!(
                        "what the node `{}` writes may start this workflow again",
                        name.value
                    );
                    builder.warning("workflow-loop", name.span, message);
                }
            }
            builder.help("write under another prefix than `start.prefix`, or into another bucket");
        }
    }
}

/// Which uploads start a workflow.
struct Start<'a> {
    prefix: &'a str,
    /// Absent where any extension does.
    extensions: Option<Vec<&'a str>>,
}

impl<'a> Start<'a> {
    fn of(node: &'a Node) -> Self {
        let input = find(&node.elements, "Input");
        let text = |element: Option<&'a Element>| element.and_then(Element::as_text);
        let prefix = text(input.and_then(|input| input.find("ObjectPrefix")));
        let filter = input.and_then(|input| input.find("ExtFilter"));
        let extensions = text(filter.and_then(|filter| filter.find("CustomExts")));
        Self {
            prefix: prefix.unwrap_or_default().trim_start_matches('/'),
            extensions: extensions.map(|extensions| extensions.split('/').collect()),
        }
    }

    /// Whether an object whose key is made like this starts the workflow.
    fn takes(&self, object: &str) -> Verdict {
        if !self.takes_extension(object) {
            return Verdict::No;
        }
        // The path of what started it begins with the prefix.
        let key = match object.strip_prefix("${InputPath}") {
            Some(rest) => format!("{}{rest}", self.prefix),
            None => object.to_owned(),
        };
        let (fixed, is_whole) = match key.split_once("${") {
            Some((fixed, _)) => (fixed, false),
            None => (key.as_str(), true),
        };
        let fixed = fixed.trim_start_matches('/');
        if fixed.starts_with(self.prefix) {
            Verdict::Surely
        } else if !is_whole && self.prefix.starts_with(fixed) {
            Verdict::Perhaps
        } else {
            Verdict::No
        }
    }

    fn takes_extension(&self, object: &str) -> bool {
        let Some(extensions) = &self.extensions else {
            return true;
        };
        match object.rsplit_once('.') {
            Some((_, extension)) if extension.contains('$') => true,
            Some((_, extension)) if !extension.contains('}') => extensions
                .iter()
                .any(|known| known.eq_ignore_ascii_case(extension)),
            // A placeholder at the end may bring the extension along.
            _ => object.ends_with('}'),
        }
    }
}
