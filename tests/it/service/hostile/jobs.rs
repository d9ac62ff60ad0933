//! Jobs that would never end by themselves, or fill the memory.

use std::fs;
use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;
use stocktake::api::wire::JobState;
use stocktake::service::{Limits, ListLimits, RunningService};
use tokio::time::timeout;

use crate::service::world::{COPY, JOBS, World, code, request};
use crate::support::text::assert_contains;

const MANIFEST: &str = "<Manifest>manifest.json</Manifest>";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Writes an inventory whose manifest names these data files.
fn inventory(world: &World, files: &[&str]) {
    let files: Vec<_> = files.iter().map(|key| json!({ "key": key })).collect();
    let manifest = json!({
        "fileFormat": "CSV", "fileSchema": "Key, IsLatest", "files": files,
    });
    write(world, "manifest.json", manifest.to_string().as_bytes());
}

fn write(world: &World, key: &str, content: &[u8]) {
    fs::write(world.folder.path().join("bucket").join(key), content).unwrap();
}

/// Rows that are left out, as long as a minute of work: 8 MiB of them, again and again.
fn endless(world: &World) {
    let member = gzip(&"k,false\n".repeat(1024 * 1024));
    write(world, "data.csv.gz", &member.repeat(4096));
    inventory(world, &["data.csv.gz"]);
}

async fn cancel(world: &World, service: &RunningService, job: &str) {
    let path = format!("{JOBS}/{job}");
    let request = world.request(service, Method::PUT, &path, &[("cancel", "")]);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// The message of a job that must fail.
async fn failure(world: &World, service: &RunningService, input: &str) -> String {
    let job = world.submit(service, input, COPY).await;
    service.idle().await;
    let (state, message) = world.describe(service, &job).await;
    assert_eq!(state, JobState::Failed, "{message}");
    assert_eq!(world.results(&job).len(), 0, "{message}");
    message
}

#[tokio::test]
async fn cancelled_scans_end_and_let_others_begin() {
    let world = World::new();
    world.put("small", "2022-02-14T00:00:00Z");
    endless(&world);
    let mut settings = world.settings();
    settings.parallelism = 1;
    let service = world.start_with(settings).await;
    let mut jobs = Vec::new();
    // More than go at once.
    for _ in 0..5 {
        jobs.push(world.submit(&service, MANIFEST, COPY).await);
    }
    while world.describe(&service, &jobs[0]).await.0 == JobState::Submitted {
        tokio::task::yield_now().await;
    }
    for job in &jobs {
        cancel(&world, &service, job).await;
    }
    let small = world.submit(&service, "<Object>small</Object>", COPY).await;
    let idle = timeout(Duration::from_secs(5), service.idle()).await;
    assert!(idle.is_ok(), "a scan keeps the place of others");
    assert_eq!(world.describe(&service, &small).await.0, JobState::Success);
    let ended = timeout(Duration::from_secs(5), service.shutdown()).await;
    assert!(ended.is_ok(), "a cancelled scan goes on");
}

#[tokio::test]
async fn a_service_ends_while_a_scan_goes_on() {
    let world = World::new();
    endless(&world);
    let service = world.start().await;
    let job = world.submit(&service, MANIFEST, COPY).await;
    while world.describe(&service, &job).await.0 == JobState::Submitted {
        tokio::task::yield_now().await;
    }
    let ended = timeout(Duration::from_secs(5), service.shutdown()).await;
    assert!(ended.is_ok(), "the scan goes on");
}

#[tokio::test]
async fn a_data_file_that_is_named_again_is_a_mistake() {
    let world = World::new();
    write(&world, "data.csv.gz", &gzip("k,false\n"));
    inventory(&world, &vec!["data.csv.gz"; 2000]);
    let service = world.start().await;
    let message = failure(&world, &service, MANIFEST).await;
    assert_contains(&message, "data file 2 is named before");
    service.shutdown().await;
}

#[tokio::test]
async fn rows_and_unpacked_bytes_of_a_job_are_bounded() {
    let world = World::new();
    write(&world, "one.csv.gz", &gzip(&"k,false\n".repeat(60)));
    write(&world, "two.csv.gz", &gzip(&"k,false\n".repeat(60)));
    inventory(&world, &["one.csv.gz", "two.csv.gz"]);
    write(&world, "urls.txt", "\n".repeat(101).as_bytes());
    let service_with = async |rows, bytes| {
        let mut settings = world.settings();
        settings.limits = Limits {
            lists: ListLimits { rows, bytes },
            ..Limits::default()
        };
        world.start_with(settings).await
    };
    let service = service_with(100, 10_000).await;
    for list in [MANIFEST, "<UrlFile>urls.txt</UrlFile>"] {
        let message = failure(&world, &service, list).await;
        assert!(message.contains("more than 100 rows"), "{message}");
    }
    service.shutdown().await;
    let service = service_with(1000, 900).await;
    let message = failure(&world, &service, MANIFEST).await;
    assert_contains(&message, "unpacks to more than 900 bytes");
    service.shutdown().await;
}

#[tokio::test]
async fn keys_are_as_long_as_keys_may_be_wherever_they_come_from() {
    let world = World::new();
    let long = "k".repeat(1_000_000);
    write(&world, "data.csv.gz", &gzip(&format!("{long},true\n")));
    inventory(&world, &["data.csv.gz"]);
    let service = world.start().await;
    let message = failure(&world, &service, MANIFEST).await;
    assert_contains(&message, "line 1: the key has 1000000 bytes");
    inventory(&world, &[&long]);
    let message = failure(&world, &service, MANIFEST).await;
    assert_contains(&message, "data file 1: its key has 1000000 bytes");
    let url = format!(
        "https://media-1250000000.cos.ap-beijing.myqcloud.com/{}",
        "k".repeat(851)
    );
    write(&world, "urls.txt", url.as_bytes());
    let message = failure(&world, &service, "<UrlFile>urls.txt</UrlFile>").await;
    assert_contains(&message, "line 1: this key has 851 bytes");
    for element in ["Object", "Manifest", "UrlFile", "Prefix"] {
        let input = format!("<{element}>{}</{element}>", "k".repeat(851));
        let answer = world.trigger(&service, request(&input, COPY, "")).await;
        assert_eq!(code(answer).await.0, 400, "{element}");
    }
    service.shutdown().await;
}

#[tokio::test]
async fn what_a_job_says_is_short_however_long_what_it_quotes_is() {
    let world = World::new();
    inventory(&world, &[]);
    let schema = "x".repeat(1_000_000);
    let manifest = json!({ "fileFormat": schema, "fileSchema": "Key", "files": [] });
    write(&world, "manifest.json", manifest.to_string().as_bytes());
    let service = world.start().await;
    let message = failure(&world, &service, MANIFEST).await;
    assert!(
        message.len() <= 2048 && !message.contains("xx"),
        "{message}"
    );
    service.shutdown().await;
}
