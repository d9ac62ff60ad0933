//! Start, stop, and start again.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use jiff::Timestamp;
use stocktake::api::name::WorkflowId;
use stocktake::api::wire::JobState;
use stocktake::service::{StartError, running_at, start};

use super::world::{COPY, World, workflow};
use crate::support::wait::eventually_async;

#[tokio::test]
async fn a_stopped_service_goes_on_where_it_was() {
    let world = World::new();
    for index in 0..20 {
        world.put(&format!("in/{index:02}"), "2022-02-14T00:00:00Z");
    }
    let log = world.folder.path().join("log");
    let gate = world.folder.path().join("gate");
    let script = format!(
        "echo {{key}} >> {log}; n=$(wc -l < {log}); if [ $n -ge 8 ]; then while [ ! -e {gate} ]; do sleep 0.01; done; fi; echo {{key}} >> {log}.done",
        log = log.display(),
        gate = gate.display(),
    );
    let mut settings = world.settings();
    settings.parallelism = 1;
    settings.workflows = BTreeMap::from([(
        WorkflowId::new(COPY).unwrap(),
        workflow(&["sh", "-c", &script]),
    )]);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let service = start(settings.clone(), listen).await.unwrap();
    let job = world.submit(&service, "<Prefix>in/</Prefix>", COPY).await;
    let lines = || fs::read_to_string(&log).unwrap_or_default().lines().count();
    eventually_async(async || lines() >= 8).await;
    service.shutdown().await;
    let done = |log: &Path| {
        let text = fs::read_to_string(log.with_extension("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(done(&log).len(), 7, "the eighth was ended with the service");
    fs::write(&gate, "").unwrap();
    let service = start(settings, listen).await.unwrap();
    service.idle().await;
    assert_eq!(world.describe(&service, &job).await.0, JobState::Success);
    let mut done = done(&log);
    done.sort();
    let expected: Vec<String> = (0..20).map(|index| format!("in/{index:02}")).collect();
    assert_eq!(done, expected, "each ran to its end once");
    service.shutdown().await;
}

#[tokio::test]
async fn one_process_owns_a_data_folder() {
    let world = World::new();
    assert_eq!(running_at(&world.data()), None);
    let service = world.start().await;
    let owner = running_at(&world.data()).unwrap();
    assert_eq!(owner.address, service.address());
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let error = start(world.settings(), listen).await.unwrap_err();
    let StartError::Owned { owner, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(owner.as_ref().unwrap().address, service.address());
    let text = error.to_string();
    assert!(text.contains(&service.address().to_string()), "{text}");
    service.shutdown().await;
    assert_eq!(running_at(&world.data()), None);
}

#[tokio::test]
async fn upload_times_come_from_the_list_beside_the_objects() {
    let world = World::new();
    world.put("input/a.txt", "2024-01-01T00:00:00Z");
    let list = world.folder.path().join("bucket/.upload-times");
    fs::write(&list, "# when\n\n2022-02-14T09:30:00+0800 input/a.txt\n").unwrap();
    let service = world.start().await;
    let modified = fs::metadata(world.folder.path().join("bucket/input/a.txt")).unwrap();
    let modified = Timestamp::try_from(modified.modified().unwrap()).unwrap();
    assert_eq!(modified, "2022-02-14T01:30:00Z".parse().unwrap());
    service.shutdown().await;
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    for (line, problem) in [
        ("2022-02-14T09:30:00+0800", "a time and a key"),
        ("yesterday input/a.txt", "`yesterday` is not a date"),
        ("2022-02-14T09:30:00+0800 input/b.txt", "`input/b.txt`"),
        ("2022-02-14T09:30:00+0800 ../data/x", "cannot be an object"),
    ] {
        fs::write(&list, format!("\n{line}\n")).unwrap();
        let error = start(world.settings(), listen)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(".upload-times:2: "), "{error}");
        assert!(error.contains(problem), "{error}");
    }
}
