//! One form for all spellings of a definition.

use std::collections::BTreeSet;

use super::words::joined_by;
use crate::api::wire::{Content, Definition, Element, Node, Topology};

/// What the service takes the absence of an element for: the element around it, the element, its
/// value.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("ExtFilter", "State", "Off"),
    ("ExtFilter", "Video", "false"),
    ("ExtFilter", "Audio", "false"),
    ("ExtFilter", "Image", "false"),
    ("ExtFilter", "ContentType", "false"),
    ("ExtFilter", "AutoContentType", "false"),
    ("ExtFilter", "Custom", "false"),
    ("ExtFilter", "AllFile", "false"),
    ("NotifyConfig", "ResultFormat", "XML"),
    ("SmartCover", "Format", "jpg"),
    ("SmartCover", "Count", "3"),
    ("SmartCover", "DeleteDuplicates", "false"),
    ("DigitalWatermark", "IgnoreError", "false"),
    ("TranscodeConfig", "FreeTranscode", "false"),
    ("StreamPackConfig", "IgnoreFailedStream", "true"),
];

/// Elements whose value is written in several cases, with the spelling of each value.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("ExtFilter", "State", &["On", "Off"]),
    ("NotifyConfig", "State", &["On", "Off"]),
    ("SamplingConfig", "State", &["On", "Off"]),
    ("NotifyConfig", "ResultFormat", &["XML", "JSON"]),
    ("NotifyConfig", "Type", &["Url", "TDMQ", "Kafka"]),
];

/// The definition in normal form: texts without blanks around them, elements in the order of their
/// names, and none that says what its absence says. Does nothing to a normal form.
pub fn normalised(definition: &Definition) -> Definition {
    let topology = &definition.topology;
    let dependencies = topology.dependencies.iter();
    let dependencies = dependencies.filter_map(|(node, next)| {
        let next: BTreeSet<String> = next.iter().map(|next| next.trim().to_owned()).collect();
        (!next.is_empty()).then(|| (node.trim().to_owned(), next))
    });
    let nodes = topology.nodes.iter().map(|(name, node)| {
        let node = Node {
            kind: node.kind.trim().to_owned(),
            elements: elements("", &node.elements),
        };
        (name.trim().to_owned(), node)
    });
    Definition {
        name: definition.name.trim().to_owned(),
        topology: Topology {
            dependencies: dependencies.collect(),
            nodes: nodes.collect(),
            other: elements("", &topology.other),
        },
        other: elements("", &definition.other),
    }
}

fn elements(outer: &str, list: &[Element]) -> Vec<Element> {
    let mut normal: Vec<Element> = list
        .iter()
        .filter_map(|element| normalise(outer, element))
        .collect();
    // Stable: elements of one name are a list, and keep their order.
    normal.sort_by(|one, other| one.name.cmp(&other.name));
    normal
}

/// The element in normal form; `None` if its absence says the same.
fn normalise(outer: &str, element: &Element) -> Option<Element> {
    let name = element.name.as_str();
    match &element.content {
        Content::Text(text) => {
            let text = spelling(outer, name, text.trim());
            let is_default = DEFAULTS.contains(&(outer, name, text.as_str()));
            (!text.is_empty() && !is_default).then(|| Element::text(name, text))
        }
        Content::Elements(inner) => {
            let inner = elements(name, inner);
            (!inner.is_empty()).then(|| Element::of(name, inner))
        }
    }
}

fn spelling(outer: &str, name: &str, text: &str) -> String {
    let known = WORDS.iter();
    let words = known.filter(|(around, element, _)| *around == outer && *element == name);
    let mut words = words.flat_map(|(_, _, words)| words.iter());
    if let Some(word) = words.find(|word| word.eq_ignore_ascii_case(text)) {
        return (*word).to_owned();
    }
    if let Some(boolean) = ["true", "false"]
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
    {
        return (*boolean).to_owned();
    }
    match joined_by(name) {
        Some(separator) => {
            let parts = text.split(separator).map(str::trim);
            let parts: BTreeSet<&str> = parts.filter(|part| !part.is_empty()).collect();
            let parts: Vec<&str> = parts.into_iter().collect();
            parts.join(separator.encode_utf8(&mut [0; 4]))
        }
        None => text.to_owned(),
    }
}
