//! The bodies and answers about workflows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::element::{Element, decode_tree, is_element_name};
use super::execution::{UNSET, decode_moment};
use super::xml::{Document, WireError};
use crate::api::time;

/// The node at which every run begins.
pub const START: &str = "Start";
/// What a node without a successor leads to. It is not among the nodes.
pub const END: &str = "End";

/// What a workflow does, as the caller of the API writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its nodes and links.
    pub topology: Topology,
    /// Elements beside these that are not known here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<Element>,
}

/// The nodes of a workflow, each under its name, and the links between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// The nodes that follow each node.
    #[serde(default)]
    pub dependencies: BTreeMap<String, BTreeSet<String>>,
    /// What the nodes are.
    #[serde(default)]
    pub nodes: BTreeMap<String, Node>,
    /// Elements beside these that are not known here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<Element>,
}

/// One node of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What kind of node it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Everything else about it: `Input`, `Operation`, and what is not known here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Element>,
}

impl Topology {
    /// Nodes that follow one another, each named after its kind; the last one leads to the end.
    pub fn of_steps(kinds: &[&str]) -> Self {
        let next = kinds.iter().skip(1).chain([&END]);
        let dependencies = kinds
            .iter()
            .zip(next)
            .map(|(step, next)| ((*step).to_owned(), BTreeSet::from([(*next).to_owned()])));
        let nodes = kinds.iter().map(|kind| {
            let node = Node {
                kind: (*kind).to_owned(),
                elements: Vec::new(),
            };
            ((*kind).to_owned(), node)
        });
        Self {
            dependencies: dependencies.collect(),
            nodes: nodes.collect(),
            other: Vec::new(),
        }
    }

    pub(super) fn of_element(element: &Element) -> Self {
        let mut topology = Self::default();
        for part in element.elements() {
            match part.name.as_str() {
                "Dependencies" => topology.add_links(part),
                "Nodes" => {
                    let nodes = part.elements().iter();
                    let nodes = nodes.map(|node| (node.name.clone(), Node::of_element(node)));
                    topology.nodes.extend(nodes);
                }
                // One that is empty comes as a text.
                _ => topology.other.push(part.clone()),
            }
        }
        topology
    }

    fn add_links(&mut self, links: &Element) {
        for link in links.elements() {
            let next = link.as_text().unwrap_or_default().split(',');
            let next = next.map(str::trim).filter(|next| !next.is_empty());
            let known = self.dependencies.entry(link.name.clone()).or_default();
            known.extend(next.map(str::to_owned));
        }
    }

    pub(super) fn write(&self, document: &mut Document) {
        document.element("Topology", |document| {
            document.element("Dependencies", |document| {
                for (step, next) in &self.dependencies {
                    let next: Vec<&str> = next.iter().map(String::as_str).collect();
                    document.text(step, &next.join(","));
                }
            });
            document.element("Nodes", |document| {
                for (step, node) in &self.nodes {
                    document.element(step, |document| {
                        document.text("Type", &node.kind);
                        write_all(document, &node.elements);
                    });
                }
            });
            write_all(document, &self.other);
        });
    }
}

impl Node {
    fn of_element(element: &Element) -> Self {
        let elements = element.elements().iter();
        Self {
            kind: element.text_of("Type").to_owned(),
            elements: elements
                .filter(|element| element.name != "Type")
                .cloned()
                .collect(),
        }
    }
}

fn write_all(document: &mut Document, elements: &[Element]) {
    for element in elements {
        element.write(document);
    }
}

/// What the service says of one workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowDetail {
    /// Its id.
    pub workflow_id: String,
    /// What it does.
    pub definition: Definition,
    /// Whether it reacts to uploads: `Active`, else `Paused`.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// The bucket it works in.
    pub bucket: String,
}

impl WorkflowDetail {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    fn of_element(element: &Element) -> Self {
        Self {
            workflow_id: element.text_of("WorkflowId").to_owned(),
            definition: Definition::of_element(element),
            active: element.text_of("State") == "Active",
            created: decode_moment(element.text_of("CreateTime")),
            updated: decode_moment(element.text_of("UpdateTime")),
            bucket: element.text_of("BucketId").to_owned(),
        }
    }

    fn write(&self, document: &mut Document) {
        document.text("Name", &self.definition.name);
        document.text("WorkflowId", &self.workflow_id);
        document.text("State", state_word(self.active));
        self.definition.topology.write(document);
        write_all(document, &self.definition.other);
        document.text("CreateTime", &format_moment(self.created));
        document.text("UpdateTime", &format_moment(self.updated));
        document.text("BucketId", &self.bucket);
    }
}

/// The word of the API for whether a workflow reacts to uploads.
pub fn state_word(active: bool) -> &'static str {
    if active { "Active" } else { "Paused" }
}

impl Definition {
    fn of_element(element: &Element) -> Self {
        const KNOWN: [&str; 7] = [
            "Name",
            "WorkflowId",
            "State",
            "Topology",
            "CreateTime",
            "UpdateTime",
            "BucketId",
        ];
        let other = element.elements().iter();
        let other = other.filter(|element| !KNOWN.contains(&element.name.as_str()));
        let topology = element.find("Topology");
        Self {
            name: element.text_of("Name").to_owned(),
            topology: topology.map(Topology::of_element).unwrap_or_default(),
            other: other.cloned().collect(),
        }
    }

    /// Names of nodes, and targets of links, that no element can have.
    fn bad_names(&self) -> impl Iterator<Item = &String> {
        let topology = &self.topology;
        let names = topology.nodes.keys().chain(topology.dependencies.keys());
        names.filter(|name| !is_element_name(name))
    }
}

/// The body that makes or changes a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRequest {
    /// What it is to do.
    pub definition: Definition,
    /// Whether it is to react to uploads; absent where the body does not say.
    pub active: Option<bool>,
}

/// Writes the body that makes or changes a workflow.
pub fn encode_workflow_request(request: &WorkflowRequest) -> Result<String, WireError> {
    if let Some(name) = request.definition.bad_names().next() {
        let problem = format!("`{name}` cannot be the name of a node");
        return Err(WireError::Content(problem));
    }
    Document::write("Request", |body| {
        body.element("MediaWorkflow", |body| {
            body.text("Name", &request.definition.name);
            body.optional("State", request.active.map(state_word));
            request.definition.topology.write(body);
            write_all(body, &request.definition.other);
        });
    })
}

/// Reads the body that makes or changes a workflow.
pub fn decode_workflow_request(body: &[u8]) -> Result<WorkflowRequest, WireError> {
    let root = decode_tree("Request", body)?;
    let missing = |what: &str| WireError::Content(format!("{what}: is missing"));
    let workflow = root
        .find("MediaWorkflow")
        .ok_or_else(|| missing("MediaWorkflow"))?;
    if workflow.find("Topology").is_none() {
        return Err(missing("MediaWorkflow.Topology"));
    }
    let active = match workflow.text_of("State") {
        "" => None,
        "Active" => Some(true),
        "Paused" => Some(false),
        _ => {
            let problem = "MediaWorkflow.State: is neither `Active` nor `Paused`";
            return Err(WireError::Content(problem.to_owned()));
        }
    };
    Ok(WorkflowRequest {
        definition: Definition::of_element(workflow),
        active,
    })
}

/// Writes the answer about one workflow.
pub fn encode_workflow_answer(
    request_id: &str,
    workflow: &WorkflowDetail,
) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        body.element("MediaWorkflow", |body| workflow.write(body));
    })
}

/// Reads the answer to a call that makes or changes a workflow; `None` where it says nothing, as
/// that to a change of state may.
pub fn decode_workflow_answer(body: &[u8]) -> Result<Option<WorkflowDetail>, WireError> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let root = decode_tree("Response", body)?;
    let workflow = root.find("MediaWorkflow");
    let workflow = workflow.map(WorkflowDetail::of_element);
    Ok(workflow.filter(|workflow| !workflow.workflow_id.is_empty()))
}

/// Writes the answer to a call that removes a workflow.
pub fn encode_workflow_deleted(request_id: &str, id: &str) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        body.text("WorkflowId", id);
    })
}

/// One page of the answer about workflows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkflowsAnswer {
    /// The id of the call.
    pub request_id: Option<String>,
    /// How many workflows there are on all pages.
    pub total: u64,
    /// The number of this page, from 1.
    pub page_number: u64,
    /// How many workflows a page has at most.
    pub page_size: u64,
    /// The workflows of this page.
    pub workflows: Vec<WorkflowDetail>,
    /// Ids that were asked for and are unknown.
    pub unknown_ids: Vec<String>,
}

/// Writes one page of the answer about workflows.
pub fn encode_workflows_answer(answer: &WorkflowsAnswer) -> Result<String, WireError> {
    Document::write("Response", |body| {
        // One public SDK reads this list only if it stands first.
        for workflow in &answer.workflows {
            body.element("MediaWorkflowList", |item| workflow.write(item));
        }
        body.optional("RequestId", answer.request_id.as_deref());
        body.text("TotalCount", &answer.total.to_string());
        body.text("PageNumber", &answer.page_number.to_string());
        body.text("PageSize", &answer.page_size.to_string());
        for id in &answer.unknown_ids {
            body.text("NonExistIDs", id);
        }
    })
}

fn format_moment(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| UNSET.to_owned(), time::format)
}

/// Reads one page of the answer about workflows.
pub fn decode_workflows_answer(body: &[u8]) -> Result<WorkflowsAnswer, WireError> {
    let root = decode_tree("Response", body)?;
    let number = |name: &str| match root.text_of(name) {
        "" => Ok(0),
        text => text
            .parse()
            .map_err(|_| WireError::Content(format!("{name}: is not a number"))),
    };
    let named = |name: &'static str| {
        let elements = root.elements().iter();
        elements.filter(move |element| element.name == name)
    };
    let unknown = named("NonExistIDs").filter_map(Element::as_text);
    let workflows = named("MediaWorkflowList").map(WorkflowDetail::of_element);
    let request_id = root.find("RequestId").and_then(Element::as_text);
    Ok(WorkflowsAnswer {
        request_id: request_id.map(str::to_owned),
        total: number("TotalCount")?,
        page_number: number("PageNumber")?,
        page_size: number("PageSize")?,
        workflows: workflows.collect(),
        unknown_ids: unknown
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Definition, Topology, WorkflowDetail, WorkflowRequest, WorkflowsAnswer,
        decode_workflow_request, decode_workflows_answer, encode_workflow_request,
        encode_workflows_answer,
    };
    use crate::api::time;
    use crate::api::wire::{Content, Element};

    #[test]
    fn workflows_read_back() {
        let answer = WorkflowsAnswer {
            request_id: Some("r1".to_owned()),
            total: 12,
            page_number: 2,
            page_size: 10,
            workflows: vec![WorkflowDetail {
                workflow_id: "w1".to_owned(),
                definition: Definition {
                    name: "视频".to_owned(),
                    topology: Topology::of_steps(&["Start", "Command"]),
                    other: Vec::new(),
                },
                active: false,
                created: Some(time::parse("2022-08-09T14:54:17+08:00").unwrap()),
                updated: None,
                bucket: "b-1".to_owned(),
            }],
            unknown_ids: vec!["w8".to_owned(), "w9".to_owned()],
        };
        let body = encode_workflows_answer(&answer).unwrap();
        assert!(
            body.contains("<Dependencies><Command>End</Command><Start>Command</Start>"),
            "{body}"
        );
        assert_eq!(decode_workflows_answer(body.as_bytes()).unwrap(), answer);
    }

    #[test]
    fn what_is_not_known_is_kept_in_its_order() {
        let body = "<Request><MediaWorkflow><Name>a&amp;b</Name><New>1</New><Topology>\
            <Dependencies><Start>Snapshot_1581665960536,Transcode_2</Start></Dependencies><Nodes>\
            <Start><Type>Start</Type><Input><ObjectPrefix>in/</ObjectPrefix><Z/><A>&#x41;<![CDATA[<]]>\
            </A></Input></Start><Snapshot_1581665960536><Type>Snapshot</Type><Operation/>\
            </Snapshot_1581665960536></Nodes><Later/></Topology></MediaWorkflow></Request>";
        let request = decode_workflow_request(body.as_bytes()).unwrap();
        let topology = &request.definition.topology;
        assert_eq!(
            topology.dependencies["Start"],
            ["Snapshot_1581665960536", "Transcode_2"]
                .map(str::to_owned)
                .into()
        );
        assert_eq!(topology.nodes["Snapshot_1581665960536"].kind, "Snapshot");
        assert_eq!(request.definition.name, "a&b");
        assert_eq!(request.definition.other, [Element::text("New", "1")]);
        assert_eq!(topology.other, [Element::text("Later", "")]);
        let input = &topology.nodes["Start"].elements[0];
        let names = input.elements().iter().map(|element| element.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["ObjectPrefix", "Z", "A"]);
        let last = &input.elements()[2].content;
        assert_eq!(*last, Content::Text("A<".to_owned()));
        let again = encode_workflow_request(&request).unwrap();
        assert_eq!(decode_workflow_request(again.as_bytes()).unwrap(), request);
    }

    #[test]
    fn a_body_that_would_lose_something_is_refused() {
        for bad in [
            "<Request/>",
            "<Request><MediaWorkflow><Name>a</Name></MediaWorkflow></Request>",
            "<Request><MediaWorkflow><State>On</State><Topology/></MediaWorkflow></Request>",
            "<Request><MediaWorkflow><Topology a='1'/></MediaWorkflow></Request>",
            "<Request><MediaWorkflow><Topology>x<A/></Topology></MediaWorkflow></Request>",
            &format!(
                "<Request>{}{}</Request>",
                "<A>".repeat(40),
                "</A>".repeat(40)
            ),
        ] {
            assert!(decode_workflow_request(bad.as_bytes()).is_err(), "{bad}");
        }
        let mut definition = Definition::default();
        definition
            .topology
            .nodes
            .insert("1 a".to_owned(), super::Node::default());
        let request = WorkflowRequest {
            definition,
            active: None,
        };
        assert!(encode_workflow_request(&request).is_err());
    }
}
