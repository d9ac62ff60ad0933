//! Lists of jobs, and cancelling them.

use std::fs;

use reqwest::Method;
use stocktake::api::wire::{JobState, ListAnswer, decode_list_answer};
use stocktake::service::RunningService;

use super::world::{COPY, FAIL, JOBS, World, code, workflow};
use crate::support::wait::eventually_async;
use stocktake::api::name::WorkflowId;

type Query<'a> = &'a [(&'a str, &'a str)];

async fn list(world: &World, service: &RunningService, query: Query<'_>) -> ListAnswer {
    let request = world.request(service, Method::GET, JOBS, query);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    decode_list_answer(&body).unwrap()
}

fn ids(page: &ListAnswer) -> Vec<&str> {
    page.jobs.iter().map(|job| job.job_id.as_str()).collect()
}

#[tokio::test]
async fn pages_stay_where_they_are_while_jobs_are_added() {
    let world = World::new();
    let service = world.start().await;
    let mut expected = Vec::new();
    for _ in 0..25 {
        expected.push(world.submit(&service, "<Prefix>none</Prefix>", COPY).await);
    }
    for order in ["Desc", "Asc"] {
        let mut seen = Vec::new();
        let mut token = String::new();
        let count = expected.len();
        loop {
            let query = [("orderByTime", order), ("NEXTTOKEN", &token), ("size", "7")];
            let page = list(&world, &service, &query).await;
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            if let Some(next) = page.next_token {
                assert_eq!(page.jobs.len(), 7);
                token = next;
            } else {
                break;
            }
            expected.push(world.submit(&service, "<Prefix>none</Prefix>", COPY).await);
        }
        if order == "Desc" {
            seen.reverse();
            assert_eq!(seen, expected[..count], "those that were there, each once");
        } else {
            assert_eq!(seen, expected, "all, each once");
        }
    }
    assert_eq!(
        list(&world, &service, &[]).await.jobs.len(),
        10,
        "the default"
    );
    service.shutdown().await;
}

#[tokio::test]
async fn filters_select() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let good = world.submit(&service, "<Object>a</Object>", COPY).await;
    let bad = world.submit(&service, "<Object>a</Object>", FAIL).await;
    let both = world
        .submit(&service, "<Object>a</Object>", &format!("{FAIL},{COPY}"))
        .await;
    service.idle().await;
    let all = [both.as_str(), bad.as_str(), good.as_str()];
    let cases: [(Query<'_>, &[&str]); 12] = [
        (&[], &all),
        (
            &[
                ("type", ""),
                ("states", ""),
                ("jobId", ""),
                ("nextToken", ""),
            ],
            &all,
        ),
        (&[("type", "Workflow"), ("states", "All")], &all),
        (&[("type", "Job")], &[]),
        (&[("states", "Success,Pause")], &all[2..]),
        (&[("States", "Failed")], &all[..2]),
        (&[("workflowId", COPY)], &[&both, &good]),
        (&[("workflowId", "w0f1e2d3c4b5a4")], &[]),
        (&[("jobId", &bad)], &[&bad]),
        (
            &[
                ("name", "demo"),
                ("startCreationTime", "2022-01-01T00:00:00+0800"),
            ],
            &all,
        ),
        (&[("name", "dem")], &[]),
        (&[("endCreationTime", "2022-01-01T00:00:00+0800")], &[]),
    ];
    for (query, expected) in cases {
        let page = list(&world, &service, query).await;
        assert_eq!(ids(&page), expected, "{query:?}");
        assert_eq!(page.next_token, None);
    }
    for query in [
        ("size", "0"),
        ("size", "101"),
        ("size", "ten"),
        ("nextToken", "b1"),
        ("orderByTime", "Up"),
        ("states", "Done"),
        ("type", "Image"),
        ("startCreationTime", "yesterday"),
    ] {
        let request = world.request(&service, Method::GET, JOBS, &[query]);
        let answer = code(request.send().await.unwrap()).await;
        assert_eq!(answer, (400, "InvalidArgument".to_owned()), "{query:?}");
    }
    service.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_job_ends_what_runs_and_starts_nothing_more() {
    let world = World::new();
    for index in 0..10 {
        world.put(&format!("in/{index}"), "2022-02-14T00:00:00Z");
    }
    let log = world.folder.path().join("log");
    let script = format!(
        "echo $1 >> {log}; [ $(wc -l < {log}) -lt 3 ] || {{ sleep 600; echo late >> {log}; }}",
        log = log.display()
    );
    let mut settings = world.settings();
    settings.parallelism = 1;
    let command = workflow(&["sh", "-c", &script, "sh", "{key}"]);
    settings
        .workflows
        .insert(WorkflowId::new(COPY).unwrap(), command);
    let service = world.start_with(settings).await;
    let running = world.submit(&service, "<Prefix>in/</Prefix>", COPY).await;
    let lines = || fs::read_to_string(&log).unwrap_or_default().lines().count();
    eventually_async(async || lines() >= 3).await;
    let put = |id: &str, query: &'static [(&str, &str)]| {
        let path = format!("{JOBS}/{id}");
        world.request(&service, Method::PUT, &path, query).send()
    };
    let answer = put(&running, &[("cancel", "")]).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.content_length()),
        (200, Some(0))
    );
    service.idle().await;
    let (state, _) = world.describe(&service, &running).await;
    assert_eq!(state, JobState::Cancel);
    let again = put(&running, &[]).await.unwrap();
    assert_eq!(again.status(), 200, "an answer may have been lost");
    // The next job gets the only slot, so the cancelled one has let go of it.
    let next = world.submit(&service, "<Prefix>none</Prefix>", COPY).await;
    service.idle().await;
    assert_eq!(lines(), 3);
    assert_eq!(world.results(&running).len(), 2, "what was done is kept");
    let ended = code(put(&next, &[("cancel", "")]).await.unwrap()).await;
    assert_eq!(ended, (400, "InvalidArgument".to_owned()));
    let unknown = code(put("bnone", &[("cancel", "")]).await.unwrap()).await;
    assert_eq!(unknown, (404, "NoSuchJob".to_owned()));
    service.shutdown().await;
}
