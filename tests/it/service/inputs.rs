//! Jobs over the objects that a list names.

use std::fs;
use std::io::Write;

use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use serde_json::json;
use stocktake::api::wire::JobState;
use stocktake::service::RunningService;

use super::world::{COPY, World, code, request};

const SCHEMA: &str =
    "Appid, Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Writes an inventory of one data file with these bytes.
fn inventory(world: &World, schema: &str, data: &[u8]) {
    let folder = world.folder.path().join("bucket/inventory");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("part.csv.gz"), data).unwrap();
    let manifest = json!({
        "sourceAppid": "1250000000", "sourceBucket": "media",
        "fileFormat": "CSV", "fileSchema": schema,
        "files": [{
            "key": "inventory/part.csv.gz",
            "size": data.len().to_string(),
            "md5Checksum": HEXLOWER.encode(&Md5::digest(data)),
        }],
    });
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

async fn run(
    world: &World,
    service: &RunningService,
    input: &str,
) -> (JobState, String, Vec<String>) {
    let job = world.submit(service, input, COPY).await;
    service.idle().await;
    let (state, message) = world.describe(service, &job).await;
    (state, message, world.results(&job).into_keys().collect())
}

#[tokio::test]
async fn an_inventory_names_objects() {
    let world = World::new();
    for key in [
        "in/视频 1.mp4",
        "in/b",
        "in/old",
        "in/deleted",
        "in/older-version",
    ] {
        world.put(key, "2022-02-14T00:00:00Z");
    }
    let rows = "\"1250000000\",\"media\",\"in/%E8%A7%86%E9%A2%91%201.mp4\",\"\",\"true\",\"false\",\"1\",\"2022-02-14T00:00:00.000Z\"\n\
                1250000000,media,in/b,,true,false,1,\r\n\
                1250000000,media,in/,,true,false,0,2022-02-14T00:00:00.000Z\n\
                1250000000,media,in/b,,true,false,1,2022-02-14T00:00:00.999Z\n\
                1250000000,media,in/deleted,,true,true,1,2022-02-14T00:00:00.000Z\n\
                1250000000,media,in/older-version,,false,false,1,2022-02-14T00:00:00.000Z\n\
                1250000000,media,in/old,,true,false,1,2021-02-14T00:00:00.000Z";
    inventory(&world, SCHEMA, &gzip(rows));
    let service = world.start().await;
    let url = "https://media-1250000000.cos.ap-beijing.myqcloud.com/inventory/manifest.json";
    for manifest in ["inventory/manifest.json", url] {
        let interval = "<TimeInterval><Start>2022-02-14T00:00:00Z</Start>\
                        <End>2022-02-14T00:00:00Z</End></TimeInterval>";
        let input = format!("<Manifest>{manifest}</Manifest>");
        let answer = world
            .trigger(&service, request(&input, COPY, interval))
            .await;
        let (job, _) =
            stocktake::api::wire::decode_trigger_answer(&answer.bytes().await.unwrap()).unwrap();
        service.idle().await;
        let (state, message) = world.describe(&service, job.job_id.as_str()).await;
        assert_eq!((state, message.as_str()), (JobState::Success, ""));
        let results: Vec<_> = world.results(job.job_id.as_str()).into_keys().collect();
        assert_eq!(results, ["in/b", "in/视频 1.mp4"]);
    }
    service.shutdown().await;
}

#[tokio::test]
async fn a_damaged_inventory_runs_nothing() {
    let world = World::new();
    world.put("in/b", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let good = gzip("1250000000,media,in/b\n1250000000,media,in/b\n");
    let path = world.folder.path().join("bucket/inventory");
    let input = "<Manifest>inventory/manifest.json</Manifest>";
    let fails = async |expected: &str| {
        let (state, message, results) = run(&world, &service, input).await;
        assert_eq!(state, JobState::Failed);
        assert!(message.contains(expected), "{message}");
        assert_eq!(results, [""; 0], "{message}");
    };
    inventory(&world, "Appid, Bucket", &good);
    fails("no column Key").await;
    inventory(&world, "Appid, Bucket, Key", &good);
    fs::write(path.join("part.csv.gz"), &good[1..]).unwrap();
    fails("not what the manifest says").await;
    let mut flipped = good.clone();
    flipped[12] ^= 1;
    fs::write(path.join("part.csv.gz"), &flipped).unwrap();
    fails("its MD5 is not").await;
    inventory(&world, "Appid, Bucket, Key", &good[..6]);
    fails("`inventory/part.csv.gz`, line 1").await;
    inventory(&world, "Appid, Bucket, Key", &gzip("1,2,%FF\n"));
    fails("line 1: the key is not UTF-8").await;
    inventory(
        &world,
        "Appid, Bucket, Key",
        &gzip(&format!("\"{}", "\n".repeat(3_000_000))),
    );
    fails("a row is longer than").await;
    fs::remove_file(path.join("part.csv.gz")).unwrap();
    fails("no object `inventory/part.csv.gz`").await;
    fs::write(path.join("manifest.json"), "{\"files\":[]}").unwrap();
    fails("no inventory's manifest: a field is missing").await;
    let orc = json!({"fileFormat": "ORC", "fileSchema": "Key", "files": []}).to_string();
    fs::write(path.join("manifest.json"), orc).unwrap();
    fails("is not CSV, the only one").await;
    let other = json!({"sourceBucket": "other", "sourceAppid": "125", "fileFormat": "CSV",
                       "fileSchema": "Key", "files": []});
    fs::write(path.join("manifest.json"), other.to_string()).unwrap();
    fails("the inventory of another bucket").await;
    service.shutdown().await;
}

#[tokio::test]
async fn a_list_of_urls_names_objects() {
    let world = World::new();
    for key in ["in/视频 1.mp4", "in/b", "in/new"] {
        world.put(key, "2022-02-14T00:00:00Z");
    }
    let host = "media-1250000000.cos.ap-beijing.myqcloud.com";
    world.put("in/future", "2099-02-14T00:00:00Z");
    let list = world.folder.path().join("bucket/list.txt");
    let lines = format!(
        "\u{feff}https://{host}/in/%E8%A7%86%E9%A2%91%201.mp4\r\n\r\nhttp://{host}/in/b?sign=1\n\
         https://{host}/in/\nhttps://{host}/in/b\nhttps://{host}/in/future\n  https://{host}/in/new"
    );
    fs::write(&list, &lines).unwrap();
    let service = world.start().await;
    let input = "<UrlFile>list.txt</UrlFile>";
    let (state, message, results) = run(&world, &service, input).await;
    assert_eq!((state, message.as_str()), (JobState::Success, ""));
    assert_eq!(results, ["in/b", "in/new", "in/视频 1.mp4"]);

    for (line, problem) in [
        (
            "https://other-125.cos.ap-beijing.myqcloud.com/x",
            "`list.txt`, line 8: this is an object of another bucket",
        ),
        ("in/b", "line 8: this is no URL"),
        (&"x".repeat(10_000), "line 8: longer than 8192 bytes"),
    ] {
        fs::write(&list, format!("{lines}\n{line}\n")).unwrap();
        let (state, message, results) = run(&world, &service, input).await;
        assert_eq!(
            (state, results),
            (JobState::Failed, Vec::new()),
            "{message}"
        );
        assert!(message.contains(problem), "{message}");
    }
    fs::write(
        &list,
        format!("https://{host}/in/gone\nhttps://{host}/../secret\nhttps://{host}/in/b"),
    )
    .unwrap();
    let (state, message, results) = run(&world, &service, input).await;
    assert_eq!(
        (state, results),
        (JobState::Failed, vec!["in/b".to_owned()])
    );
    assert!(
        message.starts_with("2 of 3 runs failed; the first: "),
        "{message}"
    );
    service.shutdown().await;
}

#[tokio::test]
async fn a_list_that_is_not_there_is_refused_at_once() {
    let world = World::new();
    let service = world.start().await;
    for (input, expected) in [
        ("<Manifest>none.json</Manifest>", "ResourceNotFound"),
        ("<UrlFile>none.txt</UrlFile>", "ResourceNotFound"),
        (
            "<UrlFile>https://example.com/none.txt</UrlFile>",
            "InvalidArgument",
        ),
    ] {
        let answer = world.trigger(&service, request(input, COPY, "")).await;
        assert_eq!(code(answer).await, (400, expected.to_owned()), "{input}");
    }
    service.shutdown().await;
}
