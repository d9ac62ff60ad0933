//! Jobs from the trigger to their end.

use std::fs;
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use stocktake::api::name::WorkflowId;
use stocktake::api::wire::{JobState, decode_trigger_answer};
use stocktake::service::RunningService;

use super::world::{COPY, FAIL, JOBS, PAUSED, World, code, request, workflow};
use crate::support::text::assert_contains;
use crate::support::wait::eventually_async;

#[tokio::test]
async fn a_prefix_job_runs_over_the_objects_of_its_interval() {
    let world = World::new();
    world.put("input/猫.txt", "2022-02-14T00:00:00Z");
    world.put("input/sub/b.txt", "2022-02-14T00:00:00.7Z");
    world.put("input/old.txt", "2022-01-31T23:59:59Z");
    world.put("other/c.txt", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let interval = "<TimeInterval><Start>2022-02-01T08:00:00+0800</Start>\
                    <End>2022-02-14T08:00:00+0800</End></TimeInterval>";
    let body = request("<Prefix>input</Prefix>", COPY, interval);
    let answer = world.trigger(&service, body).await;
    assert!(answer.headers().contains_key("x-ci-request-id"));
    let (job, _) = decode_trigger_answer(&answer.bytes().await.unwrap()).unwrap();
    service.idle().await;
    let (state, message) = world.describe(&service, job.job_id.as_str()).await;
    assert_eq!((state, message.as_str()), (JobState::Success, ""));
    let results = world.results(job.job_id.as_str());
    let expected = ["input/sub/b.txt", "input/猫.txt"];
    assert_eq!(results.keys().collect::<Vec<_>>(), expected);
    assert!(results.iter().all(|(key, content)| key == content));
    service.shutdown().await;
}

#[tokio::test]
async fn an_object_job_runs_over_one_object_and_shows_its_failure() {
    let world = World::new();
    world.put("a&b.txt", "2022-02-14T00:00:00Z");
    world.put("a&b.txt2", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let object = "<Object>a&amp;b.txt</Object>";
    let good = world.submit(&service, object, COPY).await;
    let bad = world.submit(&service, object, FAIL).await;
    let both = world
        .submit(&service, object, &format!("{COPY},{FAIL}"))
        .await;
    let paused = world.submit(&service, object, PAUSED).await;
    service.idle().await;
    let (state, _) = world.describe(&service, &paused).await;
    assert_eq!(
        state,
        JobState::Success,
        "a paused workflow is triggered as well"
    );
    assert_eq!(world.describe(&service, &good).await.0, JobState::Success);
    assert_eq!(world.results(&good).len(), 1);
    assert!(
        raw_job(&world, &service, &bad)
            .await
            .contains("<Code>ExecutionFailed</Code>"),
        "a documented-style code comes with the message"
    );
    let (state, message) = world.describe(&service, &bad).await;
    assert_eq!(state, JobState::Failed);
    assert_eq!(
        message,
        "1 of 1 runs failed; the first: a&b.txt: exit status: 3: no a&b.txt"
    );
    let (state, message) = world.describe(&service, &both).await;
    assert_eq!(state, JobState::Failed);
    assert!(message.starts_with("1 of 2 runs failed"), "{message}");
    assert_eq!(world.results(&both)[&format!("{COPY}/a&b.txt")], "a&b.txt");
    service.shutdown().await;
}

/// The answer about a job as it is sent.
async fn raw_job(world: &World, service: &RunningService, id: &str) -> String {
    let path = format!("{JOBS}/{id}");
    let request = world.request(service, Method::GET, &path, &[]);
    request.send().await.unwrap().text().await.unwrap()
}

/// What a job needs may go away between the trigger and its turn.
#[tokio::test]
async fn a_job_names_the_input_that_was_removed() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    world.put("list.txt", "2022-02-14T00:00:00Z");
    let mut settings = world.settings();
    settings.parallelism = 1;
    let gate = world.folder.path().join("gate");
    let script = format!("until [ -e {} ]; do sleep 0.01; done", gate.display());
    let wait = WorkflowId::new("wwait").unwrap();
    settings
        .workflows
        .insert(wait, workflow(&["sh", "-c", &script]));
    let service = world.start_with(settings).await;
    // As many as go at once, so that the next one waits.
    for _ in 0..4 {
        world.submit(&service, "<Object>a</Object>", "wwait").await;
    }
    let list = world
        .submit(&service, "<UrlFile>list.txt</UrlFile>", COPY)
        .await;
    fs::remove_file(world.folder.path().join("bucket/list.txt")).unwrap();
    fs::write(&gate, "").unwrap();
    service.idle().await;
    let (state, message) = world.describe(&service, &list).await;
    assert_eq!(state, JobState::Failed);
    assert!(message.contains("no object `list.txt`"), "{message}");
    let shown = raw_job(&world, &service, &list).await;
    assert!(shown.contains("<Code>ResourceNotFound</Code>"), "{shown}");
    service.shutdown().await;
}

#[tokio::test]
async fn requests_that_cannot_run_are_refused() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let cases = [
        (String::new(), (411, "MissingContentLength")),
        (
            request("<Prefix>a</Prefix>", COPY, "").replace("</Type>", "</Name>"),
            (400, "InvalidContent"),
        ),
        (request("", COPY, ""), (400, "InvalidArgument")),
        (
            request("<Prefix>a</Prefix>", "wunknown", ""),
            (400, "InvalidArgument"),
        ),
        (
            request("<Object>../data/service.db</Object>", COPY, ""),
            (400, "ResourceNotFound"),
        ),
        (" ".repeat(1024 * 1024 + 1), (413, "InvalidContent")),
    ];
    for (body, expected) in cases {
        let shown = body.chars().take(200).collect::<String>();
        let (status, code) = code(world.trigger(&service, body).await).await;
        assert_eq!((status, code.as_str()), expected, "{shown}");
    }
    let job = request("<Prefix>a</Prefix>", COPY, "").replace(">Workflow<", ">Job<");
    let answer = world.trigger(&service, job).await;
    assert_eq!(answer.status(), 400);
    let answer = answer.text().await.unwrap();
    assert!(answer.contains("<Code>InvalidArgument</Code>"), "{answer}");
    assert!(answer.contains("not supported here"), "{answer}");
    let path = format!("{JOBS}/bnone");
    let unknown = world.request(&service, Method::GET, &path, &[]);
    let unknown = unknown.send().await.unwrap().text().await.unwrap();
    assert_contains(&unknown, "<NonExistJobIds>bnone</NonExistJobIds>");
    service.shutdown().await;
}

#[tokio::test]
async fn a_time_limit_ends_the_whole_process_group() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    let pid_file = world.folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
    let mut settings = world.settings();
    let mut slow = workflow(&["sh", "-c", &script]);
    slow.time_limit = Some(Duration::from_millis(300));
    settings
        .workflows
        .insert(WorkflowId::new(COPY).unwrap(), slow);
    let service = world.start_with(settings).await;
    let job = world.submit(&service, "<Object>a</Object>", COPY).await;
    service.idle().await;
    let (state, message) = world.describe(&service, &job).await;
    assert_eq!(state, JobState::Failed);
    assert_contains(&message, "longer than its time limit of 0.3 s");
    let pid = fs::read_to_string(pid_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // Its parent, the shell, was killed: it may remain as a zombie.
    eventually_async(async || matches!(process_state(pid), None | Some('Z'))).await;
    service.shutdown().await;
}

/// The state that the system shows for a process, if there is one of that id.
fn process_state(pid: i32) -> Option<char> {
    let status = Command::new("ps")
        .args(["-o", "state=", "-p", &pid.to_string()])
        .output();
    String::from_utf8(status.unwrap().stdout)
        .unwrap()
        .chars()
        .next()
}

#[tokio::test]
async fn a_missing_command_fails_its_run() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    let mut settings = world.settings();
    let missing = workflow(&["./no-such-program", "{object}"]);
    settings
        .workflows
        .insert(WorkflowId::new(COPY).unwrap(), missing);
    let service = world.start_with(settings).await;
    let job = world.submit(&service, "<Object>a</Object>", COPY).await;
    service.idle().await;
    let (state, message) = world.describe(&service, &job).await;
    assert_eq!(state, JobState::Failed);
    assert_contains(&message, "`./no-such-program` does not start");
    service.shutdown().await;
}

#[tokio::test]
async fn a_time_interval_is_given_back_as_it_was_sent() {
    let world = World::new();
    let service = world.start().await;
    let sent = "<TimeInterval><Start>2022-02-01T12:00:00z</Start><End>2022-05-01T12:00:00+08:00</End>\
                </TimeInterval>";
    let body = request("<Prefix>in/</Prefix>", COPY, sent);
    let accepted = world.trigger(&service, body).await.text().await.unwrap();
    assert!(accepted.contains(sent), "{accepted}");
    service.shutdown().await;
    let service = world.start().await;
    let list = world.request(&service, Method::GET, JOBS, &[]);
    let listed = list.send().await.unwrap().text().await.unwrap();
    assert!(listed.contains(sent), "{listed}");
    service.shutdown().await;
}
