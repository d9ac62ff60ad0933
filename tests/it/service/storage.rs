//! Objects as high-level uploads of public SDKs write, copy and delete them.

use std::fs;

use crc64fast::Digest as Crc64;
use data_encoding::{BASE64, HEXLOWER};
use md5::{Digest, Md5};
use proptest::prelude::{Just, Strategy, prop};
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Method, Response};
use stocktake::service::RunningService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::routes::files;
use super::world::{BUCKET, COS_HOST, World, code, raw};
use crate::support::text::assert_contains;

const PART: usize = 1024 * 1024;

fn crc64(content: &[u8]) -> String {
    let mut digest = Crc64::new();
    digest.write(content);
    digest.sum64().to_string()
}

/// Sends a request to the bucket's COS host. A name in `query` may have a value after `=`.
async fn send(
    world: &World,
    service: &RunningService,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Response {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let request = world.request_to(COS_HOST, service, method, path, &pairs);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.body(body).send().await.unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    let value = answer.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

/// The text of the first element of that name.
fn element(body: &str, name: &str) -> String {
    let (_, rest) = body.split_once(&format!("<{name}>")).unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

async fn initiate(world: &World, service: &RunningService, key: &str) -> String {
    let kept = [("content-type", "text/x-parts"), ("x-cos-meta-a", "1")];
    let target = format!("/{key}?uploads");
    let answer = send(world, service, Method::POST, &target, &kept, "").await;
    assert_eq!(answer.status(), 200);
    let body = answer.text().await.unwrap();
    assert_eq!(
        (element(&body, "Bucket"), element(&body, "Key")),
        (BUCKET.to_owned(), key.to_owned())
    );
    element(&body, "UploadId")
}

/// Uploads a part and returns its entity tag.
async fn upload_part(
    world: &World,
    service: &RunningService,
    target: &str,
    content: &[u8],
) -> String {
    let answer = send(world, service, Method::PUT, target, &[], content.to_vec()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64(content));
    header(&answer, "etag")
}

fn complete(parts: &[(u32, &str)]) -> String {
    let parts = parts.iter().map(|(number, etag)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    });
    let parts: String = parts.collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[tokio::test]
async fn a_multipart_upload_survives_a_restart_and_appears_whole() {
    let world = World::new();
    let service = world.start().await;
    let id = initiate(&world, &service, "in/large").await;
    let target = |number: u32| format!("/in/large?partNumber={number}&uploadId={id}");
    let (one, two) = (vec![b'1'; PART], vec![b'2'; 10]);
    upload_part(&world, &service, &target(1), b"replaced").await;
    let first = upload_part(&world, &service, &target(1), &one).await;
    service.shutdown().await;
    let service = world.start().await;
    let second = upload_part(&world, &service, &target(2), &two).await;
    assert!(
        !world.folder.path().join("bucket/in").exists(),
        "not before it is complete"
    );

    let parts = format!("/in/large?uploadId={id}&max-parts=1");
    let listed = send(&world, &service, Method::GET, &parts, &[], "").await;
    let listed = listed.text().await.unwrap();
    assert_eq!(element(&listed, "Size"), PART.to_string());
    assert_eq!(element(&listed, "NextPartNumberMarker"), "1");
    let rest = format!("/in/large?uploadId={id}&part-number-marker=1");
    let rest = send(&world, &service, Method::GET, &rest, &[], "").await;
    let rest = rest.text().await.unwrap();
    assert_eq!(element(&rest, "ETag"), second);
    assert_eq!(element(&rest, "IsTruncated"), "false");
    let uploads = send(
        &world,
        &service,
        Method::GET,
        "/?uploads&prefix=in/",
        &[],
        "",
    )
    .await;
    assert_eq!(element(&uploads.text().await.unwrap(), "UploadId"), id);

    let target = format!("/in/large?uploadId={id}");
    let refused = [
        (
            complete(&[(2, &second), (1, &first)]),
            (400, "InvalidPartOrder"),
        ),
        (complete(&[(1, &second)]), (400, "InvalidPart")),
        (complete(&[]), (400, "MalformedXML")),
    ];
    for (body, (status, expected)) in refused {
        let answer = send(&world, &service, Method::POST, &target, &[], body).await;
        assert_eq!(code(answer).await, (status, expected.to_owned()));
    }
    let body = complete(&[(1, &first), (2, &second)]);
    let answer = send(&world, &service, Method::POST, &target, &[], body.clone()).await;
    assert_eq!(answer.status(), 200);
    let whole = [one, two].concat();
    assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64(&whole));
    let location = element(&answer.text().await.unwrap(), "Location");
    assert_eq!(location, format!("{COS_HOST}/in/large"));
    let stored = fs::read(world.folder.path().join("bucket/in/large")).unwrap();
    assert!(stored == whole, "{} bytes", stored.len());
    let head = send(&world, &service, Method::HEAD, "/in/large", &[], "").await;
    assert_eq!(header(&head, "content-type"), "text/x-parts");
    assert_eq!(header(&head, "x-cos-meta-a"), "1");
    let again = send(&world, &service, Method::POST, &target, &[], body).await;
    assert_eq!(code(again).await, (404, "NoSuchUpload".to_owned()));
    let left = fs::read_dir(world.data().join("uploads")).unwrap().count();
    assert_eq!(left, 0, "parts are removed");
    service.shutdown().await;
}

#[tokio::test]
async fn parts_of_an_aborted_or_unknown_upload_are_refused() {
    let world = World::new();
    let service = world.start().await;
    let id = initiate(&world, &service, "k").await;
    let part = format!("/k?partNumber=1&uploadId={id}");
    let small = upload_part(&world, &service, &part, b"small").await;
    let next = format!("/k?partNumber=2&uploadId={id}");
    let last = upload_part(&world, &service, &next, b"last").await;
    let target = format!("/k?uploadId={id}");
    let body = complete(&[(1, &small), (2, &last)]);
    let answer = send(&world, &service, Method::POST, &target, &[], body).await;
    assert_eq!(code(answer).await, (400, "EntityTooSmall".to_owned()));
    let aborted = send(&world, &service, Method::DELETE, &target, &[], "").await;
    assert_eq!(aborted.status(), 204);
    for target in [
        &*part,
        "/k?partNumber=1&uploadId=none",
        "/other?partNumber=1&uploadId=none",
    ] {
        let answer = send(&world, &service, Method::PUT, target, &[], "x").await;
        assert_eq!(
            code(answer).await,
            (404, "NoSuchUpload".to_owned()),
            "{target}"
        );
    }
    let zero = send(
        &world,
        &service,
        Method::PUT,
        "/k?partNumber=0&uploadId=x",
        &[],
        "x",
    )
    .await;
    assert_eq!(code(zero).await, (400, "InvalidArgument".to_owned()));
    assert_eq!(files(&world.folder.path().join("bucket")).len(), 0);
    service.shutdown().await;
}

#[tokio::test]
async fn copies_keep_content_and_metadata_or_replace_them() {
    let world = World::new();
    let service = world.start().await;
    let kept = [("content-type", "text/x"), ("x-cos-meta-a", "一")];
    let written = send(&world, &service, Method::PUT, "/a 1", &kept, "content").await;
    assert_eq!(written.status(), 200);
    let etag = header(&written, "etag");
    let source = format!("{COS_HOST}/a%201");
    let from = ("x-cos-copy-source", source.as_str());
    let copied = send(&world, &service, Method::PUT, "/b", &[from], "").await;
    assert_eq!(copied.status(), 200);
    let body = copied.text().await.unwrap();
    assert_eq!(element(&body, "CRC64"), crc64(b"content"));
    let read = send(&world, &service, Method::GET, "/b", &[], "").await;
    assert_eq!(header(&read, "etag"), element(&body, "ETag"));
    assert_eq!(read.headers()["x-cos-meta-a"].as_bytes(), "一".as_bytes());
    assert_eq!(header(&read, "content-type"), "text/x");
    assert_eq!(read.text().await.unwrap(), "content");

    let replaced = [
        from,
        ("x-cos-metadata-directive", "Replaced"),
        ("content-type", "text/y"),
    ];
    let answer = send(&world, &service, Method::PUT, "/a 1", &replaced, "").await;
    assert_eq!(answer.status(), 200);
    let read = send(&world, &service, Method::GET, "/a 1", &[], "").await;
    assert_eq!(header(&read, "content-type"), "text/y");
    assert!(!read.headers().contains_key("x-cos-meta-a"));
    let missing = format!("{COS_HOST}/none");
    let other = "other-1250000000.cos.ap-beijing.myqcloud.com/a";
    let version = format!("{source}?versionId=1");
    let cases = [
        (vec![from], (400, "InvalidRequest")),
        (vec![("x-cos-copy-source", &*missing)], (404, "NoSuchKey")),
        (vec![("x-cos-copy-source", other)], (404, "NoSuchBucket")),
        (vec![("x-cos-copy-source", "a")], (400, "InvalidArgument")),
        (
            vec![("x-cos-copy-source", &*version)],
            (501, "NotImplemented"),
        ),
        (
            vec![
                ("x-cos-copy-source", "x"),
                ("x-cos-copy-source-range", "bytes=0-1"),
            ],
            (501, "NotImplemented"),
        ),
        (
            vec![
                from,
                ("x-cos-metadata-directive", "Replaced"),
                ("x-cos-copy-source-if-match", &*etag),
            ],
            (412, "PreconditionFailed"),
        ),
    ];
    let before = files(&world.folder.path().join("bucket"));
    for (headers, (status, expected)) in cases {
        let answer = send(&world, &service, Method::PUT, "/a 1", &headers, "").await;
        assert_eq!(
            code(answer).await,
            (status, expected.to_owned()),
            "{headers:?}"
        );
    }
    assert_eq!(files(&world.folder.path().join("bucket")), before);
    service.shutdown().await;
}

#[tokio::test]
async fn objects_are_deleted_one_by_one_and_together() {
    let world = World::new();
    for key in ["a", "b", "d/c", "keep"] {
        world.put(key, "2022-02-14T00:00:00Z");
    }
    let service = world.start().await;
    for key in ["/a", "/none", "/.upload-times"] {
        let answer = send(&world, &service, Method::DELETE, key, &[], "").await;
        assert_eq!(answer.status(), 204, "{key}");
    }
    let folder = send(&world, &service, Method::DELETE, "/d/", &[], "").await;
    assert_eq!(folder.status(), 204, "no object has that key");
    let keys = ["b", "d/c", "none"].map(|key| format!("<Object><Key>{key}</Key></Object>"));
    let body = format!("<Delete><Quiet>false</Quiet>{}</Delete>", keys.concat());
    let md5 = BASE64.encode(&Md5::digest(&body));
    let unchecked = send(
        &world,
        &service,
        Method::POST,
        "/?delete",
        &[],
        body.clone(),
    )
    .await;
    assert_eq!(code(unchecked).await, (400, "InvalidRequest".to_owned()));
    let checked = [("content-md5", md5.as_str())];
    let answer = send(&world, &service, Method::POST, "/?delete", &checked, body).await;
    let answer = answer.text().await.unwrap();
    assert_eq!(answer.matches("<Deleted>").count(), 3, "{answer}");
    let left = files(&world.folder.path().join("bucket"));
    let names: Vec<_> = left.keys().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["d", "keep"]);
    service.shutdown().await;
}

#[tokio::test]
async fn forbidding_to_overwrite_lets_one_of_many_writers_win() {
    let world = World::new();
    let service = world.start().await;
    let forbid = [("x-cos-forbid-overwrite", "true")];
    let writers = (0..8).map(|number| {
        let content = number.to_string();
        send(&world, &service, Method::PUT, "/k", &forbid, content)
    });
    let answers = futures_util::future::join_all(writers).await;
    let mut won = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        if answer.status() == 200 {
            won.push(number.to_string());
        } else {
            assert_eq!(code(answer).await, (409, "FileAlreadyExists".to_owned()));
        }
    }
    let stored = fs::read_to_string(world.folder.path().join("bucket/k")).unwrap();
    assert_eq!(won, [stored]);
    service.shutdown().await;
}

#[tokio::test]
async fn appends_go_to_the_end_of_an_object_alone() {
    let world = World::new();
    let service = world.start().await;
    let append = async |position: usize, content: &'static str| {
        let target = format!("/log?append&position={position}");
        send(&world, &service, Method::POST, &target, &[], content).await
    };
    let first = append(0, "one,").await;
    assert_eq!(header(&first, "x-cos-next-append-position"), "4");
    let second = append(4, "two").await;
    assert_eq!(header(&second, "x-cos-hash-crc64ecma"), crc64(b"one,two"));
    // The Go SDK compares it with the MD5 of what it appended.
    let digest = HEXLOWER.encode(&Md5::digest("two"));
    assert_eq!(header(&second, "x-cos-content-sha1"), digest);
    let wrong = append(4, "three").await;
    assert_eq!(header(&wrong, "x-cos-next-append-position"), "7");
    assert_eq!(
        code(wrong).await,
        (409, "PositionNotEqualToLength".to_owned())
    );
    let head = send(&world, &service, Method::HEAD, "/log", &[], "").await;
    assert_eq!(header(&head, "x-cos-object-type"), "appendable");
    send(&world, &service, Method::PUT, "/log", &[], "normal").await;
    assert_eq!(
        code(append(6, "x").await).await,
        (409, "ObjectNotAppendable".to_owned())
    );
    let stored = fs::read_to_string(world.folder.path().join("bucket/log")).unwrap();
    assert_eq!(stored, "normal");
    service.shutdown().await;
}

#[tokio::test]
async fn conditions_answer_304_and_412() {
    let world = World::new();
    world.put("k", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let head = send(&world, &service, Method::HEAD, "/k", &[], "").await;
    let etag = header(&head, "etag");
    let (at, before) = (
        "Mon, 14 Feb 2022 00:00:00 GMT",
        "Sun, 13 Feb 2022 00:00:00 GMT",
    );
    let cases = [
        (("if-none-match", &*etag), 304),
        (("if-none-match", "\"other\""), 200),
        (("if-modified-since", at), 304),
        (("if-modified-since", before), 200),
        (("if-match", &*etag), 200),
        (("if-match", "\"other\""), 412),
        (("if-unmodified-since", before), 412),
        (("if-unmodified-since", at), 200),
    ];
    for (condition, expected) in cases {
        for method in [Method::GET, Method::HEAD] {
            let answer = send(&world, &service, method, "/k", &[condition], "").await;
            assert_eq!(answer.status(), expected, "{condition:?}");
            if expected == 304 {
                assert_eq!(header(&answer, "etag"), etag);
            }
        }
    }
    for (validator, expected) in [(&*etag, 206), ("\"other\"", 200), (at, 206)] {
        let range = [("range", "bytes=0-0"), ("if-range", validator)];
        let answer = send(&world, &service, Method::GET, "/k", &range, "").await;
        assert_eq!(answer.status(), expected, "{validator}");
    }
    let outside = send(
        &world,
        &service,
        Method::GET,
        "/k",
        &[("range", "bytes=9-")],
        "",
    )
    .await;
    assert_eq!(header(&outside, "content-range"), "bytes */1");
    let renamed = "/k?response-content-type=text/z&response-content-disposition=inline";
    let renamed = send(&world, &service, Method::GET, renamed, &[], "").await;
    assert_eq!(header(&renamed, "content-type"), "text/z");
    assert_eq!(header(&renamed, "content-disposition"), "inline");
    service.shutdown().await;
}

#[tokio::test]
async fn metadata_is_void_when_the_file_changes() {
    let world = World::new();
    let service = world.start().await;
    let kept = [("content-type", "text/x"), ("cache-control", "no-cache")];
    send(&world, &service, Method::PUT, "/k", &kept, "content").await;
    let head = send(&world, &service, Method::HEAD, "/k", &[], "").await;
    assert_eq!(header(&head, "cache-control"), "no-cache");
    world.put("k", "2022-02-14T00:00:00Z");
    let head = send(&world, &service, Method::HEAD, "/k", &[], "").await;
    assert_eq!(header(&head, "content-type"), "application/octet-stream");
    assert_eq!(header(&head, "cache-control"), "");
    assert_eq!(header(&head, "x-cos-hash-crc64ecma"), crc64(b"k"));
    service.shutdown().await;
}

/// Names of headers as the documentation of each call spells them (COS API documents: common response
/// headers, GET Object, List Objects).
#[tokio::test]
async fn headers_are_spelled_as_documented() {
    let world = World::new();
    world.put("k", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    for (path, expected) in [
        (
            "/k",
            &[
                "Content-Type: application/octet-stream",
                "Content-Length: 1",
                "Accept-Ranges: bytes",
                "Last-Modified: Mon, 14 Feb 2022 00:00:00 GMT",
                "ETag: \"",
                "Server: tencent-cos",
                "x-cos-hash-crc64ecma: ",
                "x-cos-object-type: normal",
                "x-cos-request-id: ",
                "Date: ",
            ] as &[&str],
        ),
        (
            "/",
            &[
                "x-cos-bucket-region: ap-beijing",
                "Content-Type: application/xml",
            ],
        ),
        ("/none", &["x-cos-trace-id: ", "x-cos-request-id: "]),
    ] {
        for half_close in [false, true] {
            let request = world.request_to(COS_HOST, &service, Method::GET, path, &[]);
            let answer = raw(&service, request.build().unwrap(), half_close).await;
            for header in expected {
                let line = format!("\r\n{header}");
                assert!(answer.contains(&line), "{path}: no {header} in {answer}");
            }
        }
    }
    service.shutdown().await;
}

#[tokio::test]
async fn a_refused_body_is_read_on_and_the_answer_arrives() {
    let world = World::new();
    let service = world.start().await;
    let url = format!("http://{}/k", service.address());
    let body = vec![0_u8; 32 * PART];
    let request = world.client.put(url).header("host", COS_HOST).body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(code(answer).await, (403, "AccessDenied".to_owned()));
    service.shutdown().await;
}

#[tokio::test]
async fn hosts_lengths_and_methods_are_answered_as_documented() {
    let world = World::new();
    world.put("k", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let request = world.request_to(COS_HOST, &service, Method::GET, "/k", &[]);
    let mut request = request.build().unwrap();
    let (name, value) = ("access-control-request-method", "PUT".parse().unwrap());
    request.headers_mut().insert(name, value);
    *request.method_mut() = Method::OPTIONS;
    request.headers_mut().remove("authorization");
    let answer = raw(&service, request, false).await;
    assert!(answer.contains("<Code>AccessForbidden</Code>"), "{answer}");

    let request = world.request_to(COS_HOST, &service, Method::PUT, "/new", &[]);
    let answer = raw(&service, request.build().unwrap(), false).await;
    assert_contains(&answer, "<Code>MissingContentLength</Code>");
    let request = world.request_to(COS_HOST, &service, Method::PATCH, "/k", &[]);
    let answer = raw(&service, request.build().unwrap(), false).await;
    assert_contains(&answer, "\r\nAllow: DELETE, GET, HEAD, POST, PUT\r\n");

    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let connect = format!("CONNECT {COS_HOST}:443 HTTP/1.1\r\nHost: {COS_HOST}\r\n\r\n");
    stream.write_all(connect.as_bytes()).await.unwrap();
    let mut answer = [0; 2048];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.contains("--tls-self-signed"), "{answer}");
    let long = format!("/{}", "x".repeat(300));
    let refused = send(&world, &service, Method::PUT, &long, &[], "x").await;
    assert_eq!(code(refused).await, (400, "KeyTooLong".to_owned()));
    service.shutdown().await;
}

/// A request out of pieces that are known, and pieces that are not.
fn requests() -> impl Strategy<Value = (Method, String, Vec<(&'static str, String)>)> {
    let method = prop::sample::select(vec![
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::POST,
        Method::DELETE,
    ]);
    let path = prop::sample::select(vec!["/", "/k", "/d/x", "/new", "/d/", "//x", "/d"]);
    let query = prop::sample::subsequence(
        vec![
            "acl",
            "append",
            "position=0",
            "uploads",
            "uploadId=x",
            "partNumber=1",
            "delete",
            "versionId=1",
            "tagging",
            "prefix=d",
            "nosuch",
        ],
        0..3,
    );
    let source = format!("{COS_HOST}/k");
    let headers = prop::sample::subsequence(
        vec![
            ("x-cos-copy-source", source),
            ("x-cos-forbid-overwrite", "true".to_owned()),
            ("x-cos-metadata-directive", "Replaced".to_owned()),
            ("if-none-match", "*".to_owned()),
            ("x-cos-acl", "private".to_owned()),
            ("range", "bytes=0-0".to_owned()),
            ("x-cos-meta-a", "1".to_owned()),
        ],
        0..3,
    );
    (method, path, query, headers, Just(())).prop_map(|(method, path, query, headers, ())| {
        (method, format!("{path}?{}", query.join("&")), headers)
    })
}

/// No request that is answered below 300 changes another object than the one that it names, and no other
/// request changes anything.
#[test]
fn requests_change_only_what_they_name() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::new();
    let service = runtime.block_on(world.start());
    let bucket = world.folder.path().join("bucket");
    let mut runner = TestRunner::new(Config::with_cases(400));
    let property = |(method, target, headers): (Method, String, Vec<(&'static str, String)>)| {
        fs::remove_dir_all(&bucket).unwrap();
        for key in ["k", "d/x", "d/y", "e"] {
            world.put(key, "2022-02-14T00:00:00Z");
        }
        let before = files(&bucket);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = send(&world, &service, method.clone(), &target, &headers, "body");
        let status = runtime.block_on(answer).status().as_u16();
        let mut after = files(&bucket);
        let mut before = before;
        if status < 300 && matches!(method, Method::PUT | Method::POST | Method::DELETE) {
            let key = target.split('?').next().unwrap().trim_start_matches('/');
            let named = bucket.join(key);
            before.remove(&named);
            after.remove(&named);
        }
        assert_eq!(before, after, "{method} {target} {headers:?}: {status}");
        Ok(())
    };
    runner.run(&requests(), property).unwrap();
    runtime.block_on(service.shutdown());
}
