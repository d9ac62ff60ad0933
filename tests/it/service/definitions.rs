//! Workflows that are made, changed, run and removed through the API.

use std::collections::BTreeMap;
use std::fs;

use reqwest::{Method, Response};
use stocktake::api::wire::{
    Element, ExecutionDetail, JobState, Topology, WorkflowDetail, WorkflowRequest,
    decode_execution_answer, decode_executions_answer, decode_workflow_answer,
    decode_workflow_request, decode_workflows_answer, find,
};
use stocktake::service::{Fault, FaultKind, NodeSettings, RunningService, ServiceSettings};
use stocktake::workflow::differences;

use super::world::{COPY, World, code, request, workflow};
use crate::support::text::assert_contains;

const WORKFLOWS: &str = "/workflow";

/// A body with an element that no page has, and nodes in an order that no sort gives.
fn body(state: &str, nodes: &str, links: &str) -> String {
    format!(
        "<Request><MediaWorkflow><Name>小图</Name>{state}<New>1</New><Topology><Dependencies>{links}\
         </Dependencies><Nodes>{nodes}</Nodes></Topology></MediaWorkflow></Request>"
    )
}

const START: &str =
    "<Start><Type>Start</Type><Input><ObjectPrefix>in/</ObjectPrefix></Input></Start>";

fn small(object: &str) -> String {
    format!(
        "<Small><Type>PicProcess</Type><Operation><TemplateId>t1</TemplateId><Output>\
         <Region>ap-beijing</Region><Bucket>media-1250000000</Bucket><Object>{object}</Object>\
         </Output></Operation></Small>"
    )
}

fn chain(object: &str) -> String {
    let count = "<Count><Type>SCF</Type><Operation><SCF><Region>r</Region><FunctionName>f\
                 </FunctionName></SCF></Operation></Count>";
    let links = "<Small>Count</Small><Start>Small</Start><Count>End</Count>";
    body("", &format!("{count}{START}{}", small(object)), links)
}

fn settings(world: &World) -> ServiceSettings {
    let mut settings = world.settings();
    let upper = "tr a-z A-Z < \"$1\" > \"$2\"";
    let upper = workflow(&["sh", "-c", upper, "sh", "{object}", "{output}"]);
    let count = workflow(&["wc", "-c", "{object}"]);
    settings.nodes = BTreeMap::from([
        ("PicProcess".to_owned(), NodeSettings::Command(upper)),
        ("SCF".to_owned(), NodeSettings::Command(count)),
        ("Transcode".to_owned(), NodeSettings::Copy),
    ]);
    settings
}

async fn send(
    world: &World,
    service: &RunningService,
    method: Method,
    path: &str,
    query: &[(&str, &str)],
    body: &str,
) -> Response {
    let request = world.request(service, method, path, query);
    request.body(body.to_owned()).send().await.unwrap()
}

async fn detail(answer: Response) -> WorkflowDetail {
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    decode_workflow_answer(&body).unwrap().unwrap()
}

async fn create(world: &World, service: &RunningService, body: &str) -> WorkflowDetail {
    detail(send(world, service, Method::POST, WORKFLOWS, &[], body).await).await
}

async fn list(world: &World, service: &RunningService, id: &str) -> Vec<WorkflowDetail> {
    let request = world.request(service, Method::GET, WORKFLOWS, &[("ids", id)]);
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    decode_workflows_answer(&answer).unwrap().workflows
}

/// The one run of a workflow, with its tasks.
async fn only_run(world: &World, service: &RunningService, id: &str) -> ExecutionDetail {
    let query = [("workflowId", id)];
    let runs = world.request(service, Method::GET, "/workflowexecution", &query);
    let runs = runs.send().await.unwrap().bytes().await.unwrap();
    let runs = decode_executions_answer(&runs).unwrap().executions;
    assert_eq!(runs.len(), 1);
    let path = format!("/workflowexecution/{}", runs[0].run_id);
    let run = world.request(service, Method::GET, &path, &[]);
    let run = run.send().await.unwrap().bytes().await.unwrap();
    decode_execution_answer(&run).unwrap().unwrap()
}

#[tokio::test]
async fn what_is_made_is_given_back_whole_and_outlives_the_service() {
    let world = World::new();
    let service = world.start().await;
    let made = create(&world, &service, &chain("small/${InputName}.jpg")).await;
    assert!(made.workflow_id.starts_with('w') && !made.active);
    assert_eq!(made.created, made.updated);
    assert_eq!(made.definition.other, [Element::text("New", "1")]);
    service.shutdown().await;
    let service = world.start().await;
    let listed = list(&world, &service, &made.workflow_id).await;
    assert_eq!(listed, std::slice::from_ref(&made));
    // What was sent, but for the queue that the service fills in.
    let sent = decode_workflow_request(chain("small/${InputName}.jpg").as_bytes()).unwrap();
    assert_eq!(differences(&made.definition, &sent.definition), []);
    let start = &made.definition.topology.nodes["Start"];
    let input = find(&start.elements, "Input").unwrap();
    assert!(input.find("QueueId").is_some());
    service.shutdown().await;
}

#[tokio::test]
async fn an_active_workflow_is_neither_changed_nor_removed() {
    let world = World::new();
    let service = world.start().await;
    let made = create(&world, &service, &chain("a/${InputName}")).await;
    let path = format!("{WORKFLOWS}/{}", made.workflow_id);
    let put = async |query: &[(&str, &str)], body: &str| {
        send(&world, &service, Method::PUT, &path, query, body).await
    };
    let active = detail(put(&[("active", "")], "").await).await;
    assert!(active.active);
    let refused = (403, "ActiveWorkflowForbiddenUpdate".to_owned());
    assert_eq!(
        code(put(&[], &chain("b/${InputName}")).await).await,
        refused
    );
    let delete = send(&world, &service, Method::DELETE, &path, &[], "").await;
    assert_eq!(code(delete).await, refused);
    assert!(!detail(put(&[("paused", "")], "").await).await.active);
    let changed = detail(put(&[], &chain("b/${InputName}")).await).await;
    let paths = differences(&made.definition, &changed.definition);
    let paths: Vec<&str> = paths.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["nodes.Small.operation.output.object"]);
    assert_eq!((changed.active, changed.created), (false, made.created));
    let delete = send(&world, &service, Method::DELETE, &path, &[], "").await;
    let body = delete.text().await.unwrap();
    assert_contains(&body, format!("<WorkflowId>{}<", made.workflow_id));
    assert_eq!(list(&world, &service, &made.workflow_id).await, []);
    let gone = (400, "ResourceNotFound".to_owned());
    assert_eq!(code(put(&[], &chain("b")).await).await, gone);
    assert_eq!(code(put(&[("active", "")], "").await).await, gone);
    let settings = format!("{WORKFLOWS}/{COPY}");
    let delete = send(&world, &service, Method::DELETE, &settings, &[], "").await;
    assert_eq!(code(delete).await, (403, "AccessDenied".to_owned()));
    service.shutdown().await;
}

#[tokio::test]
async fn a_broken_topology_is_refused() {
    let world = World::new();
    let service = world.start().await;
    let small = small("a");
    let nodes = format!("{START}{small}");
    for (bad, refused) in [
        (String::new(), "MissingContent"),
        ("<Request>".to_owned(), "InvalidContent"),
        ("<Request/>".to_owned(), "InvalidArgument"),
        (body("", START, "<Start>End</Start>"), "InvalidArgument"),
        (body("", &small, "<Small>End</Small>"), "InvalidArgument"),
        (body("", &nodes, "<Start>Small</Start>"), "InvalidArgument"),
        (
            body("", &nodes, "<Start>Other</Start><Small>End</Small>"),
            "InvalidArgument",
        ),
        (
            body("", &nodes, "<Start>Small</Start><Small>Small</Small>"),
            "InvalidArgument",
        ),
        (
            body(
                "<State>Off</State>",
                &nodes,
                "<Start>Small</Start><Small>End</Small>",
            ),
            "InvalidArgument",
        ),
    ] {
        let answer = send(&world, &service, Method::POST, WORKFLOWS, &[], &bad).await;
        assert_eq!(code(answer).await, (400, refused.to_owned()), "{bad}");
    }
    let request = world.request(&service, Method::PUT, WORKFLOWS, &[]);
    assert_eq!(code(request.send().await.unwrap()).await.0, 405);
    service.shutdown().await;
}

#[tokio::test]
async fn a_paused_workflow_runs_node_by_node_and_writes_objects() {
    let world = World::new();
    world.put("in/a.txt", "2022-02-14T00:00:00Z");
    let service = world.start_with(settings(&world)).await;
    let made = create(
        &world,
        &service,
        &chain("small/${InputPath}/${InputName}.jpg"),
    )
    .await;
    let id = &made.workflow_id;
    let job = world.submit(&service, "<Prefix>in/</Prefix>", id).await;
    service.idle().await;
    assert_eq!(world.describe(&service, &job).await.0, JobState::Success);
    let object = world.folder.path().join("bucket/small/in/a.jpg");
    assert_eq!(fs::read_to_string(object).unwrap(), "IN/A.TXT");
    // The second node read what the first one wrote.
    let results = world.results(&job);
    let counted = &results["Count/in/a.txt"];
    assert!(
        counted.starts_with("8 ") && counted.ends_with("small/in/a.jpg\n"),
        "{counted}"
    );
    let run = only_run(&world, &service, id).await;
    let tasks = run.tasks.iter();
    let tasks = tasks.map(|task| (task.name.as_str(), task.kind.as_str(), &task.state));
    let tasks: Vec<_> = tasks.collect();
    let success = &JobState::Success;
    assert_eq!(
        tasks,
        [("Small", "PicProcess", success), ("Count", "SCF", success)]
    );
    assert!(
        run.tasks
            .iter()
            .all(|task| task.ended.is_some() && task.id.starts_with('j'))
    );
    assert_eq!(
        run.topology,
        Some(decoded(&chain("")).definition.topology).map(|mut expected: Topology| {
            let written = made.definition.topology.nodes["Small"].clone();
            expected.nodes.insert("Small".to_owned(), written);
            expected
        })
    );
    service.shutdown().await;
}

fn decoded(body: &str) -> WorkflowRequest {
    decode_workflow_request(body.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_node_without_a_command_fails_its_run_with_the_line_to_add() {
    let world = World::new();
    world.put("in/a.txt", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let made = create(&world, &service, &chain("small/${InputName}.jpg")).await;
    let id = &made.workflow_id;
    let job = world
        .submit(&service, "<Object>in/a.txt</Object>", id)
        .await;
    service.idle().await;
    let (state, message) = world.describe(&service, &job).await;
    assert_eq!(state, JobState::Failed);
    assert!(
        message.contains("Small: no command for PicProcess nodes")
            && message.contains("[targets.local.nodes.PicProcess]"),
        "{message}"
    );
    let run = only_run(&world, &service, id).await;
    assert_eq!(run.tasks.len(), 1);
    assert_eq!(
        (&run.state, &run.tasks[0].state),
        (&JobState::Failed, &JobState::Failed)
    );
    service.shutdown().await;
}

#[tokio::test]
async fn copies_are_made_where_the_settings_ask_for_them() {
    let world = World::new();
    world.put("in/a.mp4", "2022-02-14T00:00:00Z");
    let service = world.start_with(settings(&world)).await;
    let node = |object: &str, bucket: &str| {
        format!(
            "{START}<Video><Type>Transcode</Type><Operation><Output><Bucket>{bucket}</Bucket>\
             <Object>{object}</Object></Output></Operation></Video>"
        )
    };
    let run = async |object: &str, bucket: &str| {
        let links = "<Start>Video</Start><Video>End</Video>";
        let made = create(&world, &service, &body("", &node(object, bucket), links)).await;
        let answer = world.trigger(
            &service,
            request("<Object>in/a.mp4</Object>", &made.workflow_id, ""),
        );
        assert_eq!(answer.await.status(), 200);
        service.idle().await;
        only_run(&world, &service, &made.workflow_id).await
    };
    let copied = run("out/${InputNameAndExt}", "media-1250000000").await;
    assert_eq!(copied.state, JobState::Success);
    let object = world.folder.path().join("bucket/out/a.mp4");
    assert_eq!(fs::read_to_string(object).unwrap(), "in/a.mp4");
    for (object, bucket, problem) in [
        (
            "out/${Nothing}",
            "media-1250000000",
            "`${Nothing}` is not a placeholder",
        ),
        (
            "../out",
            "media-1250000000",
            "cannot be the key of an object",
        ),
        ("out/a", "other-1250000000", "no bucket `other-1250000000`"),
    ] {
        let failed = run(object, bucket).await;
        assert_eq!(failed.state, JobState::Failed);
        assert!(
            failed.tasks[0].message.contains(problem),
            "{:?}",
            failed.tasks
        );
    }
    service.shutdown().await;
}

#[tokio::test]
async fn a_lost_answer_leaves_a_workflow_that_a_list_shows() {
    let world = World::new();
    let mut settings = world.settings();
    let lost = FaultKind::Drop { acts: true };
    settings.faults.faults = vec![Fault::new("POST", WORKFLOWS, lost).nth([1])];
    let service = world.start_with(settings).await;
    let sent = world.request(&service, Method::POST, WORKFLOWS, &[]);
    assert!(sent.body(chain("a")).send().await.is_err());
    let request = world.request(&service, Method::GET, WORKFLOWS, &[("name", "小图")]);
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    let answer = decode_workflows_answer(&answer).unwrap();
    assert_eq!(answer.workflows.len(), 1);
    let sent = decoded(&chain("a"));
    assert_eq!(
        differences(&answer.workflows[0].definition, &sent.definition),
        []
    );
    service.shutdown().await;
}
