//! What held in a review and has to go on holding.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;
use stocktake::api::signature::{KeyTime, SignedRequest, url_encode};
use stocktake::api::wire::JobState;
use stocktake::service::{Limits, RunningService};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::world::{CI_HOST, COPY, World};

const COS_HOST: &str = "media-1250000000.cos.ap-beijing.myqcloud.com";

/// All that comes until the connection ends.
async fn send_raw(service: &RunningService, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    // What is refused may end the connection before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn no_request_hides_behind_another() {
    let world = World::new();
    let mut settings = world.settings();
    settings.limits = Limits {
        head_time: Duration::from_secs(1),
        body_time: Duration::from_secs(1),
        ..Limits::default()
    };
    let service = world.start_with(settings).await;
    let extension = format!("4;{}\r\nabcd\r\n0\r\n\r\n", "x".repeat(1024 * 1024));
    let chunks = "4\r\nabcd\r\n0\r\n\r\n";
    for (fields, body) in [
        ("Content-Length: 4\r\nContent-Length: 5", "abcd"),
        ("Content-Length: 4, 4", "abcd"),
        ("Content-Length: +4", "abcd"),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked", chunks),
        ("Transfer-Encoding: xchunked", chunks),
        ("Transfer-Encoding: chunked, identity", chunks),
        ("Transfer-Encoding : chunked", chunks),
        ("Content-Length: 4\r\n folded", "abcd"),
        ("Content-Length: 4\rX: y", "abcd"),
        ("Content-Length: 4\nX: y", "abcd"),
        ("X: \0\r\nContent-Length: 4", "abcd"),
        (
            "Transfer-Encoding: chunked",
            "ffffffffffffffffff\r\nabcd\r\n0\r\n\r\n",
        ),
        ("Transfer-Encoding: chunked", &extension),
        ("Transfer-Encoding: chunked", chunks),
    ] {
        let head = format!("POST /inventorytriggerjob HTTP/1.1\r\nHost: {CI_HOST}\r\n{fields}");
        let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let answer = send_raw(&service, format!("{head}\r\n\r\n{body}{hidden}").as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or("400");
        assert!(status.starts_with('4'), "{fields:?}: {answer}");
        assert!(!answer.ends_with("ok\n"), "{fields:?}: {answer}");
    }
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {CI_HOST}\r\nX: {}\r\n\r\n",
        "x".repeat(1024 * 1024)
    );
    let answer = send_raw(&service, head.as_bytes()).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {CI_HOST}\r\n{}\r\n",
        "X: y\r\n".repeat(200)
    );
    let answer = send_raw(&service, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    // A connection goes on behind a body whose length is known.
    let post = format!("POST /x HTTP/1.1\r\nHost: {CI_HOST}\r\nContent-Length: 4\r\n\r\n\n\n\n\n");
    let two = format!("{post}GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(send_raw(&service, two.as_bytes()).await.ends_with("ok\n"));
    service.shutdown().await;
}

#[tokio::test]
async fn no_key_reaches_what_lies_outside_the_bucket() {
    let world = World::new();
    world.put("x", "2022-02-14T00:00:00Z");
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "canary").unwrap();
    let service = world.start().await;
    let call = async |method: &str, path: &str, encoded: &str| {
        let now = Timestamp::now().as_second();
        let period = KeyTime {
            start: now - 60,
            end: now + 60,
        };
        let signed = SignedRequest {
            method,
            path,
            parameters: &[],
            headers: &[("host", COS_HOST)],
        };
        let authorization = signed.authorization(&world.credentials, period);
        let head = format!(
            "{method} {encoded} HTTP/1.1\r\nHost: {COS_HOST}\r\nConnection: close\r\n\
             Authorization: {authorization}\r\nContent-Length: 4\r\n\r\nevil"
        );
        send_raw(&service, head.as_bytes()).await
    };
    let absolute = format!("/{}", secret.display());
    for path in [
        "/../secret",
        "/x/../../secret",
        "/./../secret",
        "/x/..",
        "/.",
        "/..",
        "//x",
        "/x//y",
        "/x\0",
        "/.upload-times",
        "/.stocktake-upload-x",
        &absolute,
    ] {
        let whole = format!("/{}", url_encode(&path[1..]));
        let dots = path.replace('.', "%2e").replace('\0', "%00");
        for encoded in [&whole, &dots] {
            let decoded = percent_decode_str(encoded).decode_utf8().unwrap();
            let got = call("GET", &decoded, encoded).await;
            assert!(got.starts_with("HTTP/1.1 4"), "GET {encoded}: {got}");
            assert!(!got.contains("canary"), "GET {encoded}: {got}");
            let put = call("PUT", &decoded, encoded).await;
            assert!(put.starts_with("HTTP/1.1 4"), "PUT {encoded}: {put}");
        }
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), "canary");
    let names = |folder| {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(world.folder.path().join("bucket")), ["x"]);
    assert_eq!(
        names(world.folder.path().to_owned()),
        ["bucket", "data", "secret"]
    );
    service.shutdown().await;
}

#[tokio::test]
async fn lists_that_name_what_lies_outside_run_nothing() {
    let world = World::new();
    world.put("x", "2022-02-14T00:00:00Z");
    fs::write(world.folder.path().join("secret"), "canary").unwrap();
    let service = world.start().await;
    let bucket = world.folder.path().join("bucket");
    let cos = "https://media-1250000000.cos.ap-beijing.myqcloud.com";
    for line in [
        "file:///etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
        format!("{cos}/../secret"),
        format!("{cos}/%2e%2e/secret"),
        cos.replace("media", "other") + "/x",
    ] {
        fs::write(bucket.join("list"), &line).unwrap();
        let job = world
            .submit(&service, "<UrlFile>list</UrlFile>", COPY)
            .await;
        service.idle().await;
        assert_eq!(
            world.describe(&service, &job).await.0,
            JobState::Failed,
            "{line}"
        );
        let results = world.results(&job);
        assert!(
            results.values().all(|result| !result.contains("canary")),
            "{line}"
        );
    }
    for key in ["../secret", "/etc/passwd", "file:///etc/passwd"] {
        let manifest = json!({
            "fileFormat": "CSV", "fileSchema": "Key", "files": [{ "key": key }],
        });
        fs::write(bucket.join("manifest.json"), manifest.to_string()).unwrap();
        let job = world
            .submit(&service, "<Manifest>manifest.json</Manifest>", COPY)
            .await;
        service.idle().await;
        assert_eq!(
            world.describe(&service, &job).await.0,
            JobState::Failed,
            "{key}"
        );
        assert_eq!(world.results(&job).len(), 0, "{key}");
    }
    service.shutdown().await;
}

#[tokio::test]
async fn rows_that_unpack_to_very_much_end_soon() {
    let world = World::new();
    let service = world.start().await;
    let bucket = world.folder.path().join("bucket");
    let manifest = json!({
        "fileFormat": "CSV", "fileSchema": "Key", "files": [{ "key": "data.csv.gz" }],
    });
    fs::write(bucket.join("manifest.json"), manifest.to_string()).unwrap();
    for byte in [0, b','] {
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(&vec![byte; 4 * 1024 * 1024]).unwrap();
        fs::write(
            bucket.join("data.csv.gz"),
            member.finish().unwrap().repeat(256),
        )
        .unwrap();
        let begun = Instant::now();
        let job = world
            .submit(&service, "<Manifest>manifest.json</Manifest>", COPY)
            .await;
        service.idle().await;
        let (state, message) = world.describe(&service, &job).await;
        assert_eq!(state, JobState::Failed);
        assert!(message.contains("a row is longer than"), "{message}");
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
    }
    service.shutdown().await;
}
