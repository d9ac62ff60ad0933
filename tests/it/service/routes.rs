//! Requests that the service does not understand are refused and change nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;

use super::world::{CI_HOST, COS_HOST, JOBS, World, code};

/// Sub-resources of objects and buckets that COS documents and this service does not have.
const SUB_RESOURCES: &[&str] = &[
    "accelerate",
    "acl",
    "asyncfetch",
    "callback",
    "ci-process",
    "ci-qrcode-detect",
    "continuation-token",
    "cors",
    "domain",
    "domaincertificate",
    "encryption",
    "id",
    "image_process",
    "imageMogr2/thumbnail/20x",
    "imageView2/1/w/20",
    "intelligenttiering",
    "inventory",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "nosuch",
    "notification",
    "object-lock",
    "origin",
    "policy",
    "referer",
    "rename",
    "replication",
    "restore",
    "retention",
    "select",
    "symlink",
    "tagging",
    "torrent",
    "trafficlimit",
    "versionId",
    "versions",
    "watermark",
    "website",
    "x-cos-process",
    "x-cos-traffic-limit",
];

/// Headers that change the meaning of a request in COS and that no request here may have.
const HEADERS: &[&str] = &[
    "content-range",
    "pic-operations",
    "x-amz-copy-source",
    "x-ci-process",
    "x-cos-acl",
    "x-cos-callback",
    "x-cos-grant-read",
    "x-cos-nosuch",
    "x-cos-object-lock-mode",
    "x-cos-replication-status",
    "x-cos-server-side-encryption",
    "x-cos-server-side-encryption-customer-algorithm",
    "x-cos-symlink-target",
    "x-cos-tagging",
    "x-cos-tagging-directive",
    "x-cos-traffic-limit",
    "x-cos-website-redirect-location",
    "x-http-method-override",
];

const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::PATCH,
];

/// Every file below a folder with its content; a folder has none.
pub(super) fn files(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
            files.insert(path, None);
        } else {
            let content = fs::read(&path).unwrap();
            files.insert(path, Some(content));
        }
    }
    files
}

/// Sends the request with a body and asserts that it is refused as unknown and that nothing changes.
async fn assert_refused(request: reqwest::RequestBuilder, world: &World, shown: &str) {
    let bucket = world.folder.path().join("bucket");
    let before = files(&bucket);
    let answer = request.body("<Body/>").send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    assert!(matches!(status, 405 | 501), "{shown}: {status} {body}");
    let expected = match status {
        501 => "<Code>NotImplemented</Code>",
        _ => "<Code>MethodNotAllowed</Code>",
    };
    assert!(
        body.is_empty() || body.contains(expected),
        "{shown}: {body}"
    );
    assert_eq!(files(&bucket), before, "{shown}");
}

#[tokio::test]
async fn sub_resources_that_are_not_offered_are_refused_and_change_nothing() {
    let world = World::new();
    world.put("k", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    for resource in SUB_RESOURCES {
        for method in METHODS {
            for path in ["/", "/k"] {
                let shown = format!("{method} {path}?{resource}");
                let query = [(*resource, "1")];
                let request = world.request_to(COS_HOST, &service, method.clone(), path, &query);
                assert_refused(request, &world, &shown).await;
            }
        }
    }
    service.shutdown().await;
}

#[tokio::test]
async fn headers_that_are_not_offered_are_refused_and_change_nothing() {
    let world = World::new();
    world.put("k", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    for header in HEADERS {
        for method in METHODS {
            let shown = format!("{method} with {header}");
            let request = world.request_to(COS_HOST, &service, method, "/k", &[]);
            assert_refused(request.header(*header, "x"), &world, &shown).await;
        }
    }
    service.shutdown().await;
}

/// What the SDKs for Java (5.6), Go (0.7.75) and PHP (2.6) send beside what the call is about.
#[tokio::test]
async fn what_sdks_add_to_every_call_changes_nothing() {
    let world = World::new();
    world.put("k", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    for header in ["x-cos-sdk-log-debug", "x-cos-sdk-retry"] {
        for (host, path) in [(COS_HOST, "/k"), (COS_HOST, "/"), (CI_HOST, JOBS)] {
            let request = world.request_to(host, &service, Method::GET, path, &[]);
            let answer = request.header(header, "true").send().await.unwrap();
            assert_eq!(answer.status(), 200, "{header} {host}{path}");
        }
    }
    for (method, expected) in [(Method::GET, 200), (Method::HEAD, 200), (Method::PUT, 501)] {
        let none = [("versionId", "")];
        let request = world.request_to(COS_HOST, &service, method.clone(), "/k", &none);
        let answer = request.body("").send().await.unwrap();
        assert_eq!(answer.status(), expected, "{method}");
    }
    service.shutdown().await;
}

#[tokio::test]
async fn unknown_parameters_of_calls_about_jobs_are_refused() {
    let world = World::new();
    let service = world.start().await;
    for (method, path) in [
        (Method::GET, JOBS),
        (Method::POST, JOBS),
        (Method::PUT, "/inventorytriggerjob/b1"),
        (Method::GET, "/workflow"),
        (Method::GET, "/workflowexecution"),
        (Method::POST, "/triggerworkflow"),
    ] {
        let query = [("nosuch", "1")];
        let request = world.request_to(CI_HOST, &service, method.clone(), path, &query);
        let refused = code(request.send().await.unwrap()).await;
        assert_eq!(
            refused,
            (501, "NotImplemented".to_owned()),
            "{method} {path}"
        );
    }
    service.shutdown().await;
}
