//! Objects through a bucket's `cos` host.

use std::fs;

use data_encoding::BASE64;
use md5::{Digest, Md5};
use reqwest::{Method, Response};
use stocktake::api::wire::{ObjectsAnswer, decode_objects_answer};
use stocktake::service::RunningService;

use super::world::{COS_HOST, World, code};

async fn list(world: &World, service: &RunningService, query: &[(&str, &str)]) -> ObjectsAnswer {
    let request = world.request_to(COS_HOST, service, Method::GET, "/", query);
    let answer = request.send().await.unwrap();
    assert!(answer.headers().contains_key("x-cos-request-id"));
    decode_objects_answer(&answer.bytes().await.unwrap()).unwrap()
}

async fn put(
    world: &World,
    service: &RunningService,
    key: &str,
    body: &str,
    md5: &str,
) -> Response {
    let path = format!("/{key}");
    let request = world.request_to(COS_HOST, service, Method::PUT, &path, &[]);
    let request = request.header("content-md5", md5).body(body.to_owned());
    request.send().await.unwrap()
}

fn md5(text: &str) -> String {
    BASE64.encode(&Md5::digest(text))
}

#[tokio::test]
async fn objects_are_put_listed_and_read() {
    let world = World::new();
    let service = world.start().await;
    for key in ["in/视频 1.txt", "in/b&c", "top"] {
        let answer = put(&world, &service, key, key, &md5(key)).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("etag"));
    }
    let all = list(
        &world,
        &service,
        &[("encoding-type", "url"), ("max-keys", "2")],
    )
    .await;
    let keys: Vec<_> = all
        .objects
        .iter()
        .map(|object| object.key.as_str())
        .collect();
    assert_eq!(keys, ["in/b&c", "in/视频 1.txt"]);
    let marker = all.next_marker.unwrap();
    let rest = list(&world, &service, &[("marker", &marker)]).await;
    assert_eq!((rest.objects.len(), rest.next_marker), (1, None));
    let grouped = list(&world, &service, &[("delimiter", "/")]).await;
    assert_eq!(
        (grouped.objects.len(), grouped.common_prefixes),
        (1, vec!["in/".to_owned()])
    );

    let send = async |method: Method, range: Option<&str>| {
        let request = world.request_to(COS_HOST, &service, method, "/in/视频 1.txt", &[]);
        let request = range
            .into_iter()
            .fold(request, |request, range| request.header("range", range));
        request.send().await.unwrap()
    };
    let head = send(Method::HEAD, None).await;
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"15".parse().unwrap())
    );
    let whole = send(Method::GET, None).await;
    assert_eq!(whole.headers()["etag"], *all.objects[1].etag);
    assert_eq!(whole.text().await.unwrap(), "in/视频 1.txt");
    let part = send(Method::GET, Some("bytes=-5")).await;
    assert_eq!(
        (part.status().as_u16(), &part.headers()["content-range"]),
        (206, &"bytes 10-14/15".parse().unwrap())
    );
    assert_eq!(part.text().await.unwrap(), "1.txt");
    assert_eq!(
        code(send(Method::GET, Some("bytes=99-")).await).await,
        (416, "InvalidRange".to_owned())
    );
    let bucket = world.request_to(COS_HOST, &service, Method::HEAD, "/", &[]);
    assert_eq!(bucket.send().await.unwrap().status(), 200);
    let folder = world.request_to(COS_HOST, &service, Method::PUT, "/in/new/", &[]);
    let folder = folder.header("content-length", "0").send().await.unwrap();
    assert_eq!(folder.status(), 200);
    assert!(world.folder.path().join("bucket/in/new").is_dir());
    let placeholders = list(&world, &service, &[("PREFIX", "in/new/")]).await;
    assert_eq!(placeholders.objects, [], "a folder is no object");
    service.shutdown().await;
}

#[tokio::test]
async fn a_large_object_passes_in_both_directions() {
    let world = World::new();
    let service = world.start().await;
    let large = "0123456789abc".repeat(300_000);
    assert_eq!(
        put(&world, &service, "large", &large, &md5(&large))
            .await
            .status(),
        200
    );
    let request = world.request_to(COS_HOST, &service, Method::GET, "/large", &[]);
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), large);
    service.shutdown().await;
}

#[tokio::test]
async fn no_key_leads_out_of_the_bucket_and_no_half_object_is_kept() {
    let world = World::new();
    fs::write(world.folder.path().join("secret"), "s").unwrap();
    let outside = world.folder.path().join("bucket/link");
    std::os::unix::fs::symlink(world.folder.path(), outside).unwrap();
    let service = world.start().await;
    world.put("a/b", "2022-02-14T00:00:00Z");
    let cases = [
        ("a%2F..%2F..%2Fsecret", "InvalidObjectName"),
        (".upload-times", "InvalidObjectName"),
        (".stocktake-upload-x", "InvalidObjectName"),
        ("x//y", "InvalidObjectName"),
        ("link/secret2", "PathConflict"),
        ("/y", "InvalidObjectName"),
        ("y\u{1}", "InvalidObjectName"),
        ("a/b/c", "PathConflict"),
        ("a", "PathConflict"),
    ];
    for (key, expected) in cases {
        let key = key.replace("%2F", "/");
        let answer = put(&world, &service, &key, "x", &md5("x")).await;
        // The client resolves `..` itself, so that the signature covers another path.
        let expected = if key.contains("..") {
            "SignatureDoesNotMatch"
        } else {
            expected
        };
        assert_eq!(code(answer).await.1, expected, "{key}");
    }
    let long = put(&world, &service, &"k".repeat(851), "x", &md5("x")).await;
    assert_eq!(code(long).await, (400, "KeyTooLong".to_owned()));
    let wrong = put(&world, &service, "c", "x", &md5("y")).await;
    assert_eq!(code(wrong).await, (400, "BadDigest".to_owned()));
    let malformed = put(&world, &service, "c", "x", "abc").await;
    assert_eq!(code(malformed).await, (400, "InvalidDigest".to_owned()));
    for (name, value, expected) in [
        ("max-keys", "0", "InvalidArgument"),
        ("encoding-type", "hex", "InvalidArgument"),
        ("delimiter", "ab", "InvalidDelimiter"),
    ] {
        let list = world.request_to(COS_HOST, &service, Method::GET, "/", &[(name, value)]);
        let refused = code(list.send().await.unwrap()).await;
        assert_eq!(refused, (400, expected.to_owned()), "{name}");
    }
    for key in ["/link/secret", "/c", "/a"] {
        let request = world.request_to(COS_HOST, &service, Method::GET, key, &[]);
        let answer = request.send().await.unwrap();
        assert_eq!(code(answer).await, (404, "NoSuchKey".to_owned()), "{key}");
    }
    assert!(!world.folder.path().join("secret2").exists());
    let left = fs::read_dir(world.folder.path().join("bucket"))
        .unwrap()
        .count();
    assert_eq!(left, 2, "`a` and `link`, and nothing of what was refused");
    service.shutdown().await;
}
