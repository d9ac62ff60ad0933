//! The answers about workflows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::execution::{UNSET, decode_moment};
use super::xml::{self, Document, WireError};
use crate::api::time;

/// What the service says of one workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowDetail {
    /// Its id.
    pub workflow_id: String,
    /// Its name.
    pub name: String,
    /// Whether it is enabled: `Active`, else `Paused`.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// Its steps.
    pub topology: Option<Topology>,
    /// The bucket it works in.
    pub bucket: String,
}

/// The steps of a workflow, each under its name. The first one is called `Start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Topology {
    /// The steps that follow each step, with commas between them.
    pub dependencies: BTreeMap<String, String>,
    /// What the steps are.
    pub nodes: BTreeMap<String, Node>,
}

/// One step of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Node {
    /// What kind of step it is.
    pub r#type: String,
}

impl Topology {
    /// Steps that follow one another, each named after its kind.
    pub fn of_steps(kinds: &[&str]) -> Self {
        let pairs = kinds.iter().zip(kinds.iter().skip(1));
        let dependencies = pairs.map(|(step, next)| ((*step).to_owned(), (*next).to_owned()));
        let nodes = kinds.iter().map(|kind| {
            let r#type = (*kind).to_owned();
            (r#type.clone(), Node { r#type })
        });
        Self {
            dependencies: dependencies.collect(),
            nodes: nodes.collect(),
        }
    }
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
    /// Ids that were asked for and that nobody knows.
    pub unknown_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WorkflowsXml {
    request_id: Option<String>,
    total_count: u64,
    page_number: u64,
    page_size: u64,
    media_workflow_list: Vec<WorkflowXml>,
    #[serde(rename = "NonExistIDs")]
    non_exist_ids: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WorkflowXml {
    name: String,
    workflow_id: String,
    state: String,
    topology: Option<Topology>,
    create_time: String,
    update_time: String,
    bucket_id: String,
}

/// Writes one page of the answer about workflows.
pub fn encode_workflows_answer(answer: &WorkflowsAnswer) -> Result<String, WireError> {
    Document::write("Response", |body| {
        // One public SDK reads this list only if it stands first.
        for workflow in &answer.workflows {
            body.element("MediaWorkflowList", |item| write_workflow(item, workflow));
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

fn write_workflow(document: &mut Document, workflow: &WorkflowDetail) {
    document.text("Name", &workflow.name);
    document.text("WorkflowId", &workflow.workflow_id);
    document.text("State", if workflow.active { "Active" } else { "Paused" });
    if let Some(topology) = &workflow.topology {
        write_topology(document, topology);
    }
    document.text("CreateTime", &format_moment(workflow.created));
    document.text("UpdateTime", &format_moment(workflow.updated));
    document.text("BucketId", &workflow.bucket);
}

pub(super) fn write_topology(document: &mut Document, topology: &Topology) {
    document.element("Topology", |document| {
        document.element("Dependencies", |document| {
            for (step, next) in &topology.dependencies {
                document.text(step, next);
            }
        });
        document.element("Nodes", |document| {
            for (step, node) in &topology.nodes {
                document.element(step, |document| document.text("Type", &node.r#type));
            }
        });
    });
}

/// Reads one page of the answer about workflows.
pub fn decode_workflows_answer(body: &[u8]) -> Result<WorkflowsAnswer, WireError> {
    let body: WorkflowsXml = xml::decode("Response", body)?;
    let workflows = body.media_workflow_list.into_iter();
    let workflows = workflows.map(|workflow| WorkflowDetail {
        workflow_id: workflow.workflow_id,
        name: workflow.name,
        active: workflow.state == "Active",
        created: decode_moment(&workflow.create_time),
        updated: decode_moment(&workflow.update_time),
        topology: workflow.topology,
        bucket: workflow.bucket_id,
    });
    Ok(WorkflowsAnswer {
        request_id: body.request_id,
        total: body.total_count,
        page_number: body.page_number,
        page_size: body.page_size,
        workflows: workflows.collect(),
        unknown_ids: body.non_exist_ids,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Topology, WorkflowDetail, WorkflowsAnswer, decode_workflows_answer, encode_workflows_answer,
    };
    use crate::api::time;

    #[test]
    fn workflows_read_back() {
        let answer = WorkflowsAnswer {
            request_id: Some("r1".to_owned()),
            total: 12,
            page_number: 2,
            page_size: 10,
            workflows: vec![WorkflowDetail {
                workflow_id: "w1".to_owned(),
                name: "视频".to_owned(),
                active: false,
                created: Some(time::parse("2022-08-09T14:54:17+08:00").unwrap()),
                updated: None,
                topology: Some(Topology::of_steps(&["Start", "Command"])),
                bucket: "b-1".to_owned(),
            }],
            unknown_ids: vec!["w8".to_owned(), "w9".to_owned()],
        };
        let body = encode_workflows_answer(&answer).unwrap();
        assert!(
            body.contains("<Dependencies><Start>Command</Start></Dependencies>"),
            "{body}"
        );
        assert_eq!(decode_workflows_answer(body.as_bytes()).unwrap(), answer);
    }

    #[test]
    fn steps_of_any_name_are_understood() {
        let body = "<Response><MediaWorkflowList><WorkflowId>w1</WorkflowId><Topology><Dependencies>\
            <Start>Snapshot_1581665960536,Transcode_2</Start></Dependencies><Nodes><Start>\
            <Type>Start</Type><Input><ObjectPrefix>in/</ObjectPrefix></Input></Start>\
            <Snapshot_1581665960536><Type>Snapshot</Type><Operation/></Snapshot_1581665960536>\
            </Nodes></Topology></MediaWorkflowList></Response>";
        let answer = decode_workflows_answer(body.as_bytes()).unwrap();
        let topology = answer.workflows[0].topology.as_ref().unwrap();
        assert_eq!(
            topology.dependencies["Start"],
            "Snapshot_1581665960536,Transcode_2"
        );
        assert_eq!(topology.nodes["Snapshot_1581665960536"].r#type, "Snapshot");
    }
}
