//! Jobs from the trigger to their end.

use reqwest::Method;
use stocktake::api::wire::{JobState, decode_trigger_answer};

use super::world::{COPY, FAIL, JOBS, PAUSED, World, code, request};

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
    service.idle().await;
    assert_eq!(world.describe(&service, &good).await.0, JobState::Success);
    assert_eq!(world.results(&good).len(), 1);
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

#[tokio::test]
async fn what_cannot_run_is_refused() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let cases = [
        (String::new(), (400, "MissingContent")),
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
            request("<Prefix>a</Prefix>", PAUSED, ""),
            (400, "InvalidArgument"),
        ),
        (
            request("<Object>../data/service.db</Object>", COPY, ""),
            (400, "ResourceNotFound"),
        ),
        (" ".repeat(1024 * 1024 + 1), (400, "EntityTooLarge")),
    ];
    for (body, expected) in cases {
        let shown = body.chars().take(200).collect::<String>();
        let (status, code) = code(world.trigger(&service, body).await).await;
        assert_eq!((status, code.as_str()), expected, "{shown}");
    }
    let path = format!("{JOBS}/bnone");
    let unknown = world.request(&service, Method::GET, &path, &[]);
    let unknown = unknown.send().await.unwrap().text().await.unwrap();
    assert!(
        unknown.contains("<NonExistJobIds>bnone</NonExistJobIds>"),
        "{unknown}"
    );
    service.shutdown().await;
}
