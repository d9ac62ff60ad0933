//! Our own client reads a bucket: its list, single objects, long ones through broken connections.

use std::fs;
use std::time::Duration;

use stocktake::api::client::{CallError, Client, ClientSettings, Endpoint, ObjectQuery};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, Region};
use stocktake::service::{Choice, Fault, FaultKind, Faults, RunningService};

use super::world::{BUCKET, World};

fn client(service: &RunningService, key: &str) -> Client {
    let endpoint = Endpoint {
        bucket: BucketName::new(BUCKET).unwrap(),
        region: Region::new("ap-beijing").unwrap(),
        base: Some(format!("http://{}", service.address()).parse().unwrap()),
    };
    let settings = ClientSettings {
        call_timeout: Duration::from_secs(5),
        ..ClientSettings::default()
    };
    let credentials = Credentials::permanent("stocktake-local", key);
    Client::new(endpoint, credentials, settings).unwrap()
}

async fn with_faults(world: &World, faults: Vec<Fault>) -> RunningService {
    let mut settings = world.settings();
    settings.faults = Faults { seed: 1, faults };
    world.start_with(settings).await
}

fn fault(method: &str, path: &str, nth: u64, kind: FaultKind) -> Fault {
    Fault {
        method: Some(method.to_owned()),
        path: Some(path.to_owned()),
        choice: Choice::Nth(vec![nth]),
        kind,
    }
}

fn refuse() -> FaultKind {
    FaultKind::Refuse {
        status: 503,
        code: "SlowDown".to_owned(),
        retry_after: None,
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page_whatever_the_keys() {
    let world = World::new();
    for number in 0..1_500 {
        world.put(&format!("in/{number:04}"), "2022-02-14T00:00:00Z");
    }
    for key in ["in/视频 & <b>", "in/a+b%20c", "other"] {
        world.put(key, "2022-02-14T00:00:00Z");
    }
    let service = with_faults(&world, vec![fault("GET", "/", 2, refuse())]).await;
    let client = client(&service, "stocktake-local");
    let mut query = ObjectQuery {
        prefix: "in/".to_owned(),
        ..ObjectQuery::default()
    };
    let mut keys = Vec::new();
    loop {
        let page = client.objects(&query).await.unwrap();
        keys.extend(page.objects.into_iter().map(|object| object.key));
        match page.next_marker {
            Some(next) => query.marker = next,
            None => break,
        }
    }
    assert_eq!(keys.len(), 1_502);
    assert!(keys.is_sorted());
    assert_eq!(keys[1_500..], ["in/a+b%20c", "in/视频 & <b>"]);
    for key in &keys[1_500..] {
        let head = client.object(key).await.unwrap().unwrap();
        assert_eq!(head.size, Some(key.len() as u64));
        assert_eq!(head.uploaded, Some("2022-02-14T00:00:00Z".parse().unwrap()));
    }
    assert_eq!(client.object("in/none").await.unwrap(), None);
    service.shutdown().await;
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let world = World::new();
    world.put("long", "2022-02-14T00:00:00Z");
    let content: Vec<u8> = (0..3_000_000_u32).map(|byte| (byte % 251) as u8).collect();
    fs::write(world.folder.path().join("bucket/long"), &content).unwrap();
    let broken = [1, 2, 4].map(|nth| fault("GET", "/long", nth, FaultKind::Half));
    let service = with_faults(&world, broken.to_vec()).await;
    let client = client(&service, "stocktake-local");
    let mut download = client.download("long");
    let mut read = Vec::new();
    while let Some(piece) = download.chunk().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read == content, "{} bytes", read.len());
    let missing = client.download("none").chunk().await.unwrap_err();
    assert_eq!(missing.status(), Some(404), "{missing}");
    service.shutdown().await;
}

#[tokio::test]
async fn what_may_not_be_read_is_said() {
    let world = World::new();
    let service = world.start().await;
    let client = client(&service, "wrong");
    let error = client.objects(&ObjectQuery::default()).await.unwrap_err();
    assert_eq!(error.status(), Some(403), "{error}");
    let error = client.object("a").await.unwrap_err();
    assert!(
        matches!(error, CallError::Status { status: 403, .. }),
        "{error}"
    );
    let error = client.object("a/../b").await.unwrap_err();
    assert!(error.to_string().contains("no address can name"), "{error}");
    service.shutdown().await;
}
