//! The laws of the normal form.

use std::collections::BTreeSet;

use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, prop_oneof, sample};

use super::{Digest, differences, normalised};
use crate::api::wire::{
    Content, Definition, Element, Node, WorkflowRequest, decode_workflow_request,
    encode_workflow_request,
};

const NAMES: &[&str] = &[
    "Input",
    "Operation",
    "Output",
    "Object",
    "TemplateId",
    "ExtFilter",
    "State",
    "Video",
    "NotifyConfig",
    "ResultFormat",
    "Event",
    "CustomExts",
    "QueueId",
    "Unknown",
];
const TEXTS: &[&str] = &[
    "", "a", " a ", "On", "off", "True", "false", "XML", "json", "b/a/b", "b, a", "<&>", "视频",
];

fn element() -> impl Strategy<Value = Element> {
    let text = (sample::select(NAMES), sample::select(TEXTS))
        .prop_map(|(name, text)| Element::text(name, text));
    text.prop_recursive(3, 12, 4, |inner| {
        (sample::select(NAMES), collection::vec(inner, 0..4))
            .prop_map(|(name, elements)| Element::of(name, elements))
    })
}

fn definition() -> impl Strategy<Value = Definition> {
    let elements = || collection::vec(element(), 0..4);
    let node = (
        sample::select(&["Start", "Transcode", "New"][..]),
        elements(),
    )
        .prop_map(|(kind, elements)| Node {
            kind: kind.to_owned(),
            elements,
        });
    let name = || prop_oneof![Just("Start".to_owned()), "[a-c]"];
    let links = collection::btree_map(name(), collection::btree_set(name(), 1..3), 0..3);
    let nodes = collection::btree_map(name(), node, 0..4);
    (sample::select(TEXTS), links, nodes, elements()).prop_map(
        |(name, dependencies, nodes, other)| {
            let mut definition = Definition {
                name: name.trim().to_owned(),
                ..Definition::default()
            };
            definition.topology.dependencies = dependencies;
            definition.topology.nodes = nodes;
            definition.other = other;
            definition
        },
    )
}

/// Another order and another spelling of the same elements, with defaults written out.
fn respelt(elements: &[Element], outer: &str, seed: usize) -> Vec<Element> {
    let mut names: Vec<&str> = Vec::new();
    for element in elements {
        if !names.contains(&element.name.as_str()) {
            names.push(&element.name);
        }
    }
    let middle = if names.is_empty() {
        0
    } else {
        seed % names.len()
    };
    names.rotate_left(middle);
    let of_name = |name: &&str| {
        let name = (*name).to_owned();
        elements.iter().filter(move |element| element.name == name)
    };
    let mut spelt: Vec<Element> = names
        .iter()
        .flat_map(of_name)
        .map(|element| match &element.content {
            Content::Text(text) => {
                let text = match text.trim() {
                    "false" => " FALSE ".to_owned(),
                    "b/a/b" if element.name == "CustomExts" => "a/b/".to_owned(),
                    "b, a" if element.name == "Event" => "a,b".to_owned(),
                    text => format!(" {text}\n"),
                };
                Element::text(&element.name, text)
            }
            Content::Elements(inner) => {
                Element::of(&element.name, respelt(inner, &element.name, seed))
            }
        })
        .collect();
    let has = |name: &str| elements.iter().any(|element| element.name == name);
    if outer == "ExtFilter" && !has("Video") {
        spelt.push(Element::text("Video", "False"));
    }
    if outer == "NotifyConfig" && !has("ResultFormat") {
        spelt.push(Element::text("ResultFormat", "xml"));
    }
    spelt
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalisation_is_idempotent(definition in definition()) {
        let normal = normalised(&definition);
        prop_assert_eq!(&normalised(&normal), &normal);
    }

    #[test]
    fn order_and_defaults_make_no_difference(definition in definition(), seed in 0_usize..8) {
        let mut other = definition.clone();
        for node in other.topology.nodes.values_mut() {
            node.elements = respelt(&node.elements, "", seed);
        }
        other.other = respelt(&other.other, "", seed);
        prop_assert_eq!(Digest::of(&other), Digest::of(&definition));
        prop_assert_eq!(differences(&definition, &other), []);
    }

    #[test]
    fn definitions_with_one_digest_do_not_differ(one in definition(), other in definition()) {
        let same = Digest::of(&one) == Digest::of(&other);
        let changes = differences(&one, &other);
        prop_assert!(!same || changes.is_empty(), "{:?}", changes);
        let paths: BTreeSet<&String> = changes.iter().map(|change| &change.path).collect();
        prop_assert_eq!(paths.len(), changes.len(), "each difference has a path of its own");
    }

    #[test]
    fn definitions_are_read_as_they_were_written(definition in definition()) {
        let json = serde_json::to_string(&definition).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Definition>(&json).unwrap(), &definition);
        let request = WorkflowRequest { definition, active: Some(true) };
        // The wire calls these what they are.
        let known = |element: &Element| ["State", "Input"].contains(&element.name.as_str());
        let mut plain = request.clone();
        plain.definition.other.retain(|element| !known(element));
        let body = encode_workflow_request(&plain).unwrap();
        prop_assert_eq!(decode_workflow_request(body.as_bytes()).unwrap(), plain);
    }
}

fn thumbnails(object: &str) -> Definition {
    let output = Element::of("Output", vec![Element::text("Object", object)]);
    let mut definition = Definition {
        name: "thumbnails".to_owned(),
        ..Definition::default()
    };
    let node = |kind: &str, elements| Node {
        kind: kind.to_owned(),
        elements,
    };
    let topology = &mut definition.topology;
    let input = Element::of("Input", vec![Element::text("ObjectPrefix", "in/")]);
    let operation = Element::of("Operation", vec![output]);
    topology.nodes = [
        ("Start".to_owned(), node("Start", vec![input])),
        ("small".to_owned(), node("PicProcess", vec![operation])),
    ]
    .into();
    topology.dependencies = [
        ("Start".to_owned(), ["small".to_owned()].into()),
        ("small".to_owned(), ["End".to_owned()].into()),
    ]
    .into();
    definition
}

#[test]
fn differences_name_nodes_and_fields() {
    let mut before = thumbnails("small/a.jpg");
    let after = thumbnails("small/b.jpg");
    let queue = Element::text("QueueId", "q1");
    if let Content::Elements(input) =
        &mut before.topology.nodes.get_mut("Start").unwrap().elements[0].content
    {
        input.push(queue);
    }
    before.topology.nodes.insert(
        "old".to_owned(),
        Node {
            kind: "SCF".to_owned(),
            elements: Vec::new(),
        },
    );
    let next = before.topology.dependencies.get_mut("Start").unwrap();
    next.insert("old".to_owned());
    let changes = differences(&before, &after);
    let changes: Vec<_> = changes
        .iter()
        .map(|change| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!(
                "{}: {} -> {}",
                change.path,
                text(&change.before),
                text(&change.after)
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            "nodes.old: SCF -> ",
            "nodes.small.operation.output.object: small/a.jpg -> small/b.jpg",
            "start.next: old, small -> small",
        ]
    );
}
