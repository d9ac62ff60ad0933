//! The answers about the runs of workflows.

use jiff::Timestamp;
use serde::Deserialize;

use super::element::decode_tree;
use super::job::JobState;
use super::workflow::Topology;
use super::xml::{self, Document, WireError};
use crate::api::time;

/// What the service says of one run of a workflow over one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionDetail {
    /// Its id.
    pub run_id: String,
    /// The workflow's id.
    pub workflow_id: String,
    /// The workflow's name; lists do not have it.
    pub workflow_name: Option<String>,
    /// The object, as its URL or its key.
    pub object: String,
    /// How far it is.
    pub state: JobState,
    /// When it began.
    pub created: Option<Timestamp>,
    /// The steps of its workflow; lists do not have it.
    pub topology: Option<Topology>,
    /// What it did; lists do not have it.
    pub tasks: Vec<TaskDetail>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetail {
    /// What kind of step it is.
    pub kind: String,
    /// Which step of the workflow it is.
    pub name: String,
    /// The id of what it did.
    pub id: String,
    /// How far it is.
    pub state: JobState,
    /// When it began.
    pub created: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What went wrong, as a code.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// The keys of the objects that it wrote, where the service tells.
    pub outputs: Vec<String>,
}

/// One page of the answer about runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionsAnswer {
    /// The id of the call.
    pub request_id: Option<String>,
    /// The runs of this page.
    pub executions: Vec<ExecutionDetail>,
    /// What asks for the next page; absent on the last one.
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ExecutionsXml {
    request_id: Option<String>,
    workflow_execution_list: Vec<ExecutionXml>,
    workflow_execution: Option<ExecutionXml>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ExecutionXml {
    workflow_id: String,
    workflow_name: Option<String>,
    /// What newer pages call it.
    name: Option<String>,
    run_id: String,
    object: String,
    create_time: String,
    state: String,
    tasks: Vec<TaskXml>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TaskXml {
    r#type: String,
    create_time: String,
    end_time: String,
    state: String,
    job_id: String,
    name: String,
    code: String,
    message: String,
    result_info: ResultXml,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ResultXml {
    object_info: Vec<ObjectXml>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ObjectXml {
    object_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InstanceXml {
    instance_id: String,
}

/// Writes one page of the answer about runs.
pub fn encode_executions_answer(
    request_id: &str,
    executions: &[ExecutionDetail],
    next_token: Option<&str>,
) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        for execution in executions {
            body.element("WorkflowExecutionList", |item| {
                write_execution(item, execution);
            });
        }
        body.text("NextToken", next_token.unwrap_or_default());
    })
}

/// Reads one page of the answer about runs, which ends as the list of jobs does.
pub fn decode_executions_answer(body: &[u8]) -> Result<ExecutionsAnswer, WireError> {
    let body: ExecutionsXml = xml::decode("Response", body)?;
    let executions = body.workflow_execution_list.into_iter();
    let executions: Vec<_> = executions.map(decode_execution).collect();
    let next_token = body.next_token;
    Ok(ExecutionsAnswer {
        request_id: body.request_id,
        next_token: next_token.filter(|token| !token.trim().is_empty() && !executions.is_empty()),
        executions,
    })
}

/// Writes the answer about one run.
pub fn encode_execution_answer(
    request_id: &str,
    execution: &ExecutionDetail,
) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        body.element("WorkflowExecution", |item| write_execution(item, execution));
    })
}

/// Reads the answer about one run; absent when the service does not know it.
pub fn decode_execution_answer(body: &[u8]) -> Result<Option<ExecutionDetail>, WireError> {
    let tree = decode_tree("Response", body)?;
    let topology = tree.find("WorkflowExecution");
    let topology = topology.and_then(|execution| execution.find("Topology"));
    let body: ExecutionsXml = xml::decode("Response", body)?;
    Ok(body.workflow_execution.map(|execution| ExecutionDetail {
        topology: topology.map(Topology::of_element),
        ..decode_execution(execution)
    }))
}

/// Writes the answer to a call that runs a workflow over one object.
pub fn encode_instance_answer(request_id: &str, instance: &str) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        body.text("InstanceId", instance);
    })
}

/// Reads the answer to a call that runs a workflow over one object: the id of the run.
pub fn decode_instance_answer(body: &[u8]) -> Result<String, WireError> {
    let body: InstanceXml = xml::decode("Response", body)?;
    if body.instance_id.is_empty() {
        return Err(WireError::Content(
            "the answer has no InstanceId".to_owned(),
        ));
    }
    Ok(body.instance_id)
}

/// How answers say that a time is not set.
pub(super) const UNSET: &str = "-";

fn format_moment(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| UNSET.to_owned(), time::format_with_colon)
}

fn write_execution(document: &mut Document, execution: &ExecutionDetail) {
    document.text("WorkflowId", &execution.workflow_id);
    for name in ["WorkflowName", "Name"] {
        document.optional(name, execution.workflow_name.as_deref());
    }
    document.text("RunId", &execution.run_id);
    document.text("Object", &execution.object);
    document.text("CreateTime", &format_moment(execution.created));
    document.text("State", execution.state.as_str());
    if let Some(topology) = &execution.topology {
        topology.write(document);
    }
    for task in &execution.tasks {
        document.element("Tasks", |document| write_task(document, task));
    }
}

fn write_task(document: &mut Document, task: &TaskDetail) {
    document.text("Type", &task.kind);
    document.text("CreateTime", &format_moment(task.created));
    document.text("StartTime", &format_moment(task.created));
    document.text("EndTime", &format_moment(task.ended));
    document.text("State", task.state.as_str());
    document.text("JobId", &task.id);
    document.text("Name", &task.name);
    document.text("Code", &task.code);
    document.text("Message", &task.message);
}

/// Nothing is decided by these times, so an odd one is as good as none.
pub(super) fn decode_moment(text: &str) -> Option<Timestamp> {
    time::parse_optional(Some(text)).unwrap_or_default()
}

fn outputs(result: ResultXml) -> Vec<String> {
    let names = result
        .object_info
        .into_iter()
        .map(|object| object.object_name);
    names.filter(|name| !name.is_empty()).collect()
}

fn decode_execution(execution: ExecutionXml) -> ExecutionDetail {
    let tasks = execution.tasks.into_iter().map(|task| TaskDetail {
        kind: task.r#type,
        name: task.name,
        id: task.job_id,
        state: JobState::from(task.state),
        created: decode_moment(&task.create_time),
        ended: decode_moment(&task.end_time),
        code: task.code,
        message: task.message,
        outputs: outputs(task.result_info),
    });
    ExecutionDetail {
        run_id: execution.run_id,
        workflow_id: execution.workflow_id,
        workflow_name: execution.workflow_name.or(execution.name),
        object: execution.object,
        state: JobState::from(execution.state),
        created: decode_moment(&execution.create_time),
        topology: None,
        tasks: tasks.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ExecutionDetail, TaskDetail, decode_execution_answer, decode_executions_answer,
        decode_instance_answer, encode_execution_answer, encode_executions_answer,
        encode_instance_answer,
    };
    use crate::api::time;
    use crate::api::wire::{JobState, Topology};

    fn execution() -> ExecutionDetail {
        ExecutionDetail {
            run_id: "i1".to_owned(),
            workflow_id: "w1".to_owned(),
            workflow_name: None,
            object: "https://b-1.cos.ap-beijing.myqcloud.com/a%26b".to_owned(),
            state: JobState::Failed,
            created: Some(time::parse("2022-08-09T14:54:17+08:00").unwrap()),
            topology: None,
            tasks: Vec::new(),
        }
    }

    #[test]
    fn runs_read_back() {
        let mut one = execution();
        let page = encode_executions_answer("r1", std::slice::from_ref(&one), Some("115716"));
        let page = page.unwrap();
        assert!(
            page.contains("<CreateTime>2022-08-09T14:54:17+08:00</CreateTime>"),
            "{page}"
        );
        let page = decode_executions_answer(page.as_bytes()).unwrap();
        assert_eq!(page.executions, [one.clone()]);
        assert_eq!(page.next_token.as_deref(), Some("115716"));
        one.workflow_name = Some("视频".to_owned());
        one.topology = Some(Topology::of_steps(&["Start", "Command"]));
        one.tasks.push(TaskDetail {
            kind: "Command".to_owned(),
            name: "Command".to_owned(),
            id: "i1".to_owned(),
            state: JobState::Failed,
            created: one.created,
            ended: None,
            code: "ExecutionFailed".to_owned(),
            message: "exit status: 1".to_owned(),
            outputs: Vec::new(),
        });
        let body = encode_execution_answer("r1", &one).unwrap();
        assert_eq!(decode_execution_answer(body.as_bytes()).unwrap(), Some(one));
        let body = encode_instance_answer("r1", "i1").unwrap();
        assert_eq!(decode_instance_answer(body.as_bytes()).unwrap(), "i1");
    }

    #[test]
    fn outputs_are_read_and_a_result_without_one_is_none() {
        let body = "<Response><WorkflowExecution><RunId>i1</RunId><State>Success</State>\
            <Tasks><Type>Start</Type><ResultInfo/></Tasks>\
            <Tasks><Type>Snapshot</Type><ResultInfo><ObjectCount>2</ObjectCount>\
            <ObjectInfo><ObjectName>out/a 1.jpg</ObjectName><ObjectUrl>https://x/y</ObjectUrl></ObjectInfo>\
            <ObjectInfo><ObjectName>out/a 2.jpg</ObjectName></ObjectInfo><SpriteObjectInfo/>\
            </ResultInfo></Tasks></WorkflowExecution></Response>";
        let run = decode_execution_answer(body.as_bytes()).unwrap().unwrap();
        let outputs: Vec<_> = run
            .tasks
            .into_iter()
            .flat_map(|task| task.outputs)
            .collect();
        assert_eq!(outputs, ["out/a 1.jpg", "out/a 2.jpg"]);
    }

    #[test]
    fn an_old_list_of_runs_is_understood() {
        let body = "<Response><WorkflowExecutionList><RunId>i1</RunId><WorkflowId>w1</WorkflowId>\
            <Object>https://b-1.cos.ap-beijing.myqcloud.com/a%26b</Object><New/>\
            <CreateTime>2022-08-09T14:54:17+0800</CreateTime><State>Failed</State>\
            </WorkflowExecutionList><NextToken></NextToken></Response>";
        let page = decode_executions_answer(body.as_bytes()).unwrap();
        assert_eq!(
            (page.executions, page.next_token),
            (vec![execution()], None)
        );
    }
}
