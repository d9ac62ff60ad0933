//! Links and other things in a bucket's folder that are no files: nothing outside is read or written.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use stocktake::api::wire::JobState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::service::world::{COPY, World, code, request};
use crate::support::text::assert_contains;

const COS_HOST: &str = "media-1250000000.cos.ap-beijing.myqcloud.com";

fn bucket(world: &World) -> PathBuf {
    world.folder.path().join("bucket")
}

/// A folder outside the bucket.
fn outside(world: &World) -> PathBuf {
    let folder = world.folder.path().join("outside");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn an_upload_stays_in_the_bucket_when_a_link_appears_meanwhile() {
    let world = World::new();
    let service = world.start().await;
    let outside = outside(&world);
    let path = "/new/evil.txt";
    let signed = world.request_to(COS_HOST, &service, Method::PUT, path, &[]);
    let mut head = format!("PUT {path} HTTP/1.1\r\nContent-Length: 10\r\nConnection: close\r\n");
    for (name, value) in signed.build().unwrap().headers() {
        head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream
        .write_all(format!("{head}\r\nhalf ").as_bytes())
        .await
        .unwrap();
    // The first half is there once the file that takes it is.
    let is_writing = || {
        let entries = fs::read_dir(bucket(&world)).unwrap();
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum::<u64>()
            == 5
    };
    while !is_writing() {
        tokio::task::yield_now().await;
    }
    symlink(&outside, bucket(&world).join("new")).unwrap();
    stream.write_all(b"other").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("<Code>PathConflict</Code>"), "{answer}");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(bucket(&world)).unwrap().count(), 1, "the link");
    service.shutdown().await;
}

#[tokio::test]
async fn data_files_manifests_lists_and_objects_that_are_links_are_not_there() {
    let world = World::new();
    let outside = outside(&world);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"secret\n").unwrap();
    fs::write(outside.join("data.csv.gz"), encoder.finish().unwrap()).unwrap();
    let manifest = json!({
        "fileFormat": "CSV", "fileSchema": "Key", "files": [{ "key": "data.csv.gz" }],
    });
    fs::write(outside.join("manifest.json"), manifest.to_string()).unwrap();
    fs::copy(
        outside.join("manifest.json"),
        bucket(&world).join("real.json"),
    )
    .unwrap();
    for name in ["data.csv.gz", "manifest.json"] {
        symlink(outside.join(name), bucket(&world).join(name)).unwrap();
    }
    symlink(&outside, bucket(&world).join("folder")).unwrap();
    let service = world.start().await;
    let job = world
        .submit(&service, "<Manifest>real.json</Manifest>", COPY)
        .await;
    service.idle().await;
    let (state, message) = world.describe(&service, &job).await;
    assert_eq!(state, JobState::Failed);
    assert!(message.contains("no object `data.csv.gz`"), "{message}");
    for key in ["manifest.json", "folder/manifest.json"] {
        for element in ["Manifest", "UrlFile", "Object"] {
            let input = format!("<{element}>{key}</{element}>");
            let answer = world.trigger(&service, request(&input, COPY, "")).await;
            assert_eq!(code(answer).await.1, "ResourceNotFound", "{input}");
        }
        let get = world.request_to(COS_HOST, &service, Method::GET, &format!("/{key}"), &[]);
        assert_eq!(code(get.send().await.unwrap()).await.0, 404, "{key}");
    }
    let job = world
        .submit(&service, "<Prefix>folder/</Prefix>", COPY)
        .await;
    service.idle().await;
    assert_eq!(world.results(&job).len(), 0);
    service.shutdown().await;
}

#[tokio::test]
async fn upload_times_follow_no_links() {
    let world = World::new();
    let outside = outside(&world).join("file");
    fs::write(&outside, "").unwrap();
    let before = fs::metadata(&outside).unwrap().modified().unwrap();
    symlink(&outside, bucket(&world).join("link")).unwrap();
    let times = bucket(&world).join(".upload-times");
    fs::write(&times, "2022-02-14T09:30:00+0800  link\n").unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let refused = stocktake::service::start(world.settings(), listen).await;
    let refused = refused.unwrap_err().to_string();
    assert_contains(&refused, "the time of `link` cannot be set");
    assert_eq!(fs::metadata(&outside).unwrap().modified().unwrap(), before);
    fs::remove_file(&times).unwrap();
    symlink(&outside, &times).unwrap();
    let refused = stocktake::service::start(world.settings(), listen).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains(".upload-times"), "{refused}");
}

#[tokio::test]
async fn pipes_are_no_objects_and_hold_nothing_up() {
    let world = World::new();
    let pipe = bucket(&world).join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let service = world.start().await;
    let get = world.request_to(COS_HOST, &service, Method::GET, "/pipe", &[]);
    let answer = timeout(Duration::from_secs(5), get.send()).await;
    assert_eq!(answer.unwrap().unwrap().status(), 404);
    service.shutdown().await;
}

#[tokio::test]
async fn long_names_and_keys_that_begin_with_a_slash_are_refused_as_such() {
    let world = World::new();
    let service = world.start().await;
    let put = async |path: &str| {
        let request = world.request_to(COS_HOST, &service, Method::PUT, path, &[]);
        request.body("x").send().await.unwrap().status().as_u16()
    };
    assert_eq!(put(&format!("/{}", "n".repeat(255))).await, 200);
    assert_eq!(put(&format!("/{}", "n".repeat(256))).await, 400);
    assert_eq!(put(&format!("/{}/x", "n".repeat(256))).await, 400);
    assert_eq!(put("//x").await, 400);
    assert!(!bucket(&world).join("x").exists());
    service.shutdown().await;
}

#[tokio::test]
async fn uploads_that_a_kill_left_are_removed_and_those_of_others_are_not() {
    let world = World::new();
    let live = bucket(&world).join(".stocktake-upload-live");
    let left = bucket(&world).join(".stocktake-upload-left");
    fs::write(&left, "half").unwrap();
    let writer = fs::File::create(&live).unwrap();
    writer.lock().unwrap();
    // As old as they may be: what tells them apart is the writer's lock.
    writer.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let service = world.start().await;
    assert_eq!((left.exists(), live.exists()), (false, true));
    service.shutdown().await;
}
