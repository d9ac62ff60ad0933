//! Workflows, and their runs over single objects.

use jiff::Timestamp;
use reqwest::Method;
use stocktake::api::name::WorkflowId;
use stocktake::api::wire::{
    ExecutionsAnswer, JobState, decode_execution_answer, decode_executions_answer,
    decode_instance_answer, decode_workflows_answer,
};
use stocktake::service::RunningService;

use super::world::{COPY, FAIL, JOBS, PAUSED, World, code, workflow};
use crate::support::wait::eventually_async;

const RUNS: &str = "/workflowexecution";

async fn runs(world: &World, service: &RunningService, query: &[(&str, &str)]) -> ExecutionsAnswer {
    let request = world.request(service, Method::GET, RUNS, query);
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    decode_executions_answer(&answer).unwrap()
}

#[tokio::test]
async fn workflows_are_listed_with_their_state() {
    let world = World::new();
    let service = world.start().await;
    let list = async |query: &[(&str, &str)]| {
        let request = world.request(&service, Method::GET, "/workflow", query);
        let answer = request.send().await.unwrap().bytes().await.unwrap();
        decode_workflows_answer(&answer).unwrap()
    };
    let all = list(&[("ids", ""), ("pageNumber", ""), ("pageSize", "")]).await;
    let states = all
        .workflows
        .iter()
        .map(|workflow| (workflow.workflow_id.as_str(), workflow.active));
    let states: Vec<_> = states.collect();
    assert_eq!(states, [(COPY, true), (FAIL, true), (PAUSED, false)]);
    let second = list(&[("pageNumber", "2"), ("pageSize", "2")]).await;
    assert_eq!((second.total, second.workflows.len()), (3, 1));
    let some = list(&[("ids", "wpaused,wnone")]).await;
    assert_eq!(some.workflows[0].workflow_id, PAUSED);
    assert_eq!(some.unknown_ids, ["wnone"]);
    assert_eq!(list(&[("name", "other")]).await.total, 0);
    assert_eq!(list(&[("IDS", COPY), ("PageSize", "1")]).await.total, 1);
    let topology = &all.workflows[0].definition.topology;
    assert_eq!(
        topology.dependencies["Start"],
        ["Command".to_owned()].into()
    );
    assert_eq!(topology.nodes["Command"].kind, "Command");
    service.shutdown().await;
}

#[tokio::test]
async fn a_workflow_is_as_old_as_the_folder_knows_it() {
    let world = World::new();
    let times = async |settings| {
        let service = world.start_with(settings).await;
        let request = world.request(&service, Method::GET, "/workflow", &[("ids", COPY)]);
        let answer = request.send().await.unwrap().bytes().await.unwrap();
        service.shutdown().await;
        let workflow = decode_workflows_answer(&answer)
            .unwrap()
            .workflows
            .remove(0);
        (workflow.created.unwrap(), workflow.updated.unwrap())
    };
    let begun = Timestamp::now().as_second();
    let first = times(world.settings()).await;
    assert_eq!(first.0, first.1);
    assert!(first.0.as_second() >= begun);
    let next_second = async |moment: Timestamp| {
        let is_later = async || Timestamp::now().as_second() > moment.as_second();
        eventually_async(is_later).await;
    };
    next_second(first.0).await;
    assert_eq!(times(world.settings()).await, first, "nothing has changed");
    let mut changed = world.settings();
    let id = WorkflowId::new(COPY).unwrap();
    changed.workflows.insert(id, workflow(&["cat", "{key}"]));
    let second = times(changed.clone()).await;
    assert_eq!(second.0, first.0);
    assert!(second.1 > first.1, "{second:?}");
    next_second(second.1).await;
    assert_eq!(times(changed).await, second);
}

#[tokio::test]
async fn runs_of_a_job_are_counted_by_state() {
    let world = World::new();
    for key in ["in/a&b", "in/b", "in/c"] {
        world.put(key, "2022-02-14T00:00:00Z");
    }
    let service = world.start().await;
    let both = format!("{COPY},{FAIL}");
    let job = world.submit(&service, "<Prefix>in/</Prefix>", &both).await;
    world.submit(&service, "<Object>in/b</Object>", COPY).await;
    service.idle().await;
    let count = async |query: &[(&str, &str)]| runs(&world, &service, query).await.executions.len();
    assert_eq!(count(&[("workflowId", COPY)]).await, 4);
    assert_eq!(count(&[("workflowId", COPY), ("jobId", &job)]).await, 3);
    assert_eq!(
        count(&[
            ("workflowId", FAIL),
            ("jobId", &job),
            ("states", "Success,Running")
        ])
        .await,
        0
    );
    assert_eq!(
        count(&[("workflowId", FAIL), ("states", "Failed")]).await,
        3
    );
    assert_eq!(count(&[("workflowId", COPY), ("name", "in/b")]).await, 2);
    assert_eq!(
        count(&[
            ("workflowId", COPY),
            ("endCreationTime", "2022-01-01T00:00:00Z")
        ])
        .await,
        0
    );

    let mut token = String::new();
    let mut objects = Vec::new();
    loop {
        let query = [
            ("workflowId", FAIL),
            ("size", "2"),
            ("nextToken", &token),
            ("orderByTime", "Asc"),
        ];
        let page = runs(&world, &service, &query).await;
        objects.extend(
            page.executions
                .into_iter()
                .map(|run| (run.run_id, run.object)),
        );
        match page.next_token {
            Some(next) => token = next,
            None => break,
        }
    }
    assert_eq!(objects.len(), 3);
    let url = "https://media-1250000000.cos.ap-beijing.myqcloud.com/in/a%26b";
    let (run, _) = objects.iter().find(|(_, object)| object == url).unwrap();
    let path = format!("{RUNS}/{run}");
    let answer = world
        .request(&service, Method::GET, &path, &[])
        .send()
        .await
        .unwrap();
    let one = decode_execution_answer(&answer.bytes().await.unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(
        (one.state, one.workflow_name.as_deref()),
        (JobState::Failed, Some("test"))
    );
    assert_eq!(one.tasks[0].message, "exit status: 3: no in/a&b");
    assert_eq!(
        (one.tasks[0].name.as_str(), &one.tasks[0].id),
        ("Command", run)
    );
    let topology = one.topology.unwrap();
    assert_eq!(
        topology.dependencies["Start"],
        ["Command".to_owned()].into()
    );

    let missing = world
        .request(&service, Method::GET, RUNS, &[])
        .send()
        .await
        .unwrap();
    assert_eq!(code(missing).await, (400, "InvalidArgument".to_owned()));
    let unknown = world.request(&service, Method::GET, "/workflowexecution/inone", &[]);
    let unknown = unknown.send().await.unwrap();
    assert_eq!(code(unknown).await, (400, "ResourceNotFound".to_owned()));
    service.shutdown().await;
}

#[tokio::test]
async fn one_object_runs_without_a_job() {
    let world = World::new();
    world.put("in/a", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let trigger = async |workflow: &str, object: &str| {
        let query = [("workflowId", workflow), ("object", object), ("name", "")];
        let request = world.request(&service, Method::POST, "/triggerworkflow", &query);
        request.send().await.unwrap()
    };
    let answer = trigger(COPY, "in/a").await.bytes().await.unwrap();
    let run = decode_instance_answer(&answer).unwrap();
    let path = format!("{RUNS}/{run}");
    let known = world
        .request(&service, Method::GET, &path, &[])
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), 200, "from the moment its id is given out");
    service.idle().await;
    let done = runs(
        &world,
        &service,
        &[("workflowId", COPY), ("states", "Success")],
    )
    .await;
    assert_eq!(done.executions[0].run_id, run);
    let jobs = world
        .request(&service, Method::GET, JOBS, &[])
        .send()
        .await
        .unwrap();
    assert!(
        !jobs.text().await.unwrap().contains("JobsDetail"),
        "it is no batch job"
    );
    for (workflow, object, expected) in [
        ("wnone", "in/a", "InvalidArgument"),
        (COPY, "", "InvalidArgument"),
        (COPY, "in/none", "ResourceNotFound"),
    ] {
        let answer = code(trigger(workflow, object).await).await;
        assert_eq!(answer, (400, expected.to_owned()), "{workflow} {object}");
    }
    service.shutdown().await;
}
