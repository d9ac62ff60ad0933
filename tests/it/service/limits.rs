//! What clients that are slow, broken or hostile meet.

use std::time::Duration;

use reqwest::Method;
use stocktake::service::{Limits, RunningService};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::wait::eventually_async;

use super::world::{CI_HOST, COPY, JOBS, World, code, request};

const COS_HOST: &str = "media-1250000000.cos.ap-beijing.myqcloud.com";

/// Sends these bytes, sends nothing more, and gives back all that comes until the connection ends.
async fn send_raw(service: &RunningService, bytes: &str) -> String {
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // An end by reset is an end as well.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn stalled_requests_are_cut_off() {
    let world = World::new();
    let mut settings = world.settings();
    settings.limits = Limits {
        head_time: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let service = world.start_with(settings).await;
    // Each of these ends by itself, or the test would not.
    assert_eq!(send_raw(&service, "").await, "");
    send_raw(&service, "POST /inventorytriggerjob HTTP/1.1\r\nHost: ").await;
    let body = request("<Prefix>none</Prefix>", COPY, "");
    let signed = world
        .request(&service, Method::POST, JOBS, &[])
        .body(body)
        .build()
        .unwrap();
    let mut head = "POST /inventorytriggerjob HTTP/1.1\r\nContent-Length: 100\r\n".to_owned();
    for (name, value) in signed.headers() {
        let value = value.to_str().unwrap();
        head.extend([name.as_str(), ": ", value, "\r\n"]);
    }
    let answer = send_raw(&service, &format!("{head}\r\n<Request>")).await;
    assert!(answer.contains("<Code>RequestTimeout</Code>"), "{answer}");
    service.shutdown().await;
}

#[tokio::test]
async fn what_is_not_http_ends_and_harms_nobody() {
    let world = World::new();
    let service = world.start().await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1_000_000));
    for bytes in [
        "\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        &long,
    ] {
        let answer = send_raw(&service, bytes).await;
        let status = answer.split(' ').nth(1).unwrap_or("400");
        assert!(status.starts_with('4'), "{answer}");
    }
    world.submit(&service, "<Prefix>none</Prefix>", COPY).await;
    service.shutdown().await;
}

#[tokio::test]
async fn hosts_paths_methods_and_bodies_are_checked() {
    let world = World::new();
    let service = world.start().await;
    let other = "other-1250000000.ci.ap-beijing.myqcloud.com";
    let get = async |host: &str, method: Method, path: &str| {
        let request = world.request_to(host, &service, method, path, &[]);
        code(request.send().await.unwrap()).await
    };
    let ci = CI_HOST;
    let expect = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        get("example.com", Method::GET, JOBS).await,
        expect(400, "InvalidHost")
    );
    assert_eq!(
        get(other, Method::GET, JOBS).await,
        expect(404, "NoSuchBucket")
    );
    assert_eq!(
        get(ci, Method::GET, "/unknown").await,
        expect(404, "InvalidUrl")
    );
    assert_eq!(
        get(ci, Method::DELETE, JOBS).await,
        expect(405, "MethodNotAllowed")
    );
    assert_eq!(
        get(ci, Method::POST, "/inventorytriggerjob/b1").await,
        expect(405, "MethodNotAllowed")
    );
    assert_eq!(
        get(ci, Method::PUT, "/workflow").await,
        expect(405, "MethodNotAllowed")
    );

    let body = request("<Prefix>none</Prefix>", COPY, "");
    for md5 in ["abc", "qDkn22bWBcneJFgoVLZBtg=="] {
        let request = world.request(&service, Method::POST, JOBS, &[]);
        let request = request.header("content-md5", md5).body(body.clone());
        let answer = code(request.send().await.unwrap()).await;
        assert_eq!(answer, expect(400, "InvalidContent"), "{md5}");
    }
    let entity = format!(
        "<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{}",
        body.replace("demo", "&e;")
    );
    let deep = "<a>".repeat(100_000);
    for body in [
        entity,
        deep,
        body.replace("demo", "\u{1}"),
        "{}".to_owned(),
        body.replace("Request", "Html"),
    ] {
        let answer = code(world.trigger(&service, body).await).await;
        assert_eq!(answer, expect(400, "InvalidContent"));
    }
    service.shutdown().await;
}

#[tokio::test]
async fn readers_that_never_read_are_cut_off_and_take_the_place_of_others_no_longer() {
    let world = World::new();
    let object = world.folder.path().join("bucket/large");
    std::fs::write(object, vec![b'x'; 64 * 1024 * 1024]).unwrap();
    let mut settings = world.settings();
    settings.limits = Limits {
        write_time: Duration::from_millis(500),
        connections: 8,
        ..Limits::default()
    };
    let service = world.start_with(settings).await;
    // From here on its checksum is known, and answers begin at once.
    let head = world.request_to(COS_HOST, &service, Method::HEAD, "/large", &[]);
    let head = head.header("connection", "close");
    assert_eq!(head.send().await.unwrap().status(), 200);
    let get = world.request_to(COS_HOST, &service, Method::GET, "/large", &[]);
    let mut head = "GET /large HTTP/1.1\r\n".to_owned();
    for (name, value) in get.build().unwrap().headers() {
        head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    head.push_str("\r\n");
    let mut unread = Vec::new();
    for _ in 0..8 {
        // The system's own memory for connections is not what is tested.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut stream = socket.connect(service.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        unread.push(stream);
    }
    // There is a place again once those have been cut off.
    eventually_async(async || {
        let list = world.request(&service, Method::GET, JOBS, &[]);
        let list = list.timeout(Duration::from_secs(1)).send().await;
        list.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    let mut cut_off = 0;
    for mut stream in unread {
        let mut answer = Vec::new();
        // An end by reset is an end as well.
        let _ = stream.read_to_end(&mut answer).await;
        cut_off += usize::from(answer.len() < 64 * 1024 * 1024);
    }
    assert_ne!(cut_off, 0);
    service.shutdown().await;
}

#[tokio::test]
async fn the_host_of_an_absolute_target_wins() {
    let world = World::new();
    let service = world.start().await;
    let signed = world
        .request(&service, Method::GET, JOBS, &[])
        .build()
        .unwrap();
    let authorization = signed.headers()["authorization"].to_str().unwrap();
    let get = async |target: &str, host: &str| {
        let head = format!(
            "GET {target}{JOBS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Authorization: {authorization}\r\n\r\n"
        );
        let answer = send_raw(&service, &head).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let other = "other-1250000000.ci.ap-beijing.myqcloud.com";
    assert_eq!(get("", CI_HOST).await, "200");
    assert_eq!(get(&format!("http://{CI_HOST}"), CI_HOST).await, "200");
    assert_eq!(get(&format!("http://{CI_HOST}:80"), CI_HOST).await, "200");
    assert_eq!(get(&format!("http://{CI_HOST}"), other).await, "200");
    assert_eq!(get(&format!("http://{other}"), CI_HOST).await, "403");
    // Nor does a page from elsewhere become one of this machine.
    let page = send_raw(
        &service,
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert!(page.await.starts_with("HTTP/1.1 400"));
    service.shutdown().await;
}

#[tokio::test]
async fn clients_write_no_more_than_they_may() {
    const MIB: usize = 1024 * 1024;
    let world = World::new();
    let mut settings = world.settings();
    settings.limits = Limits {
        upload_bytes: Some(4 * MIB as u64),
        ..Limits::default()
    };
    let service = world.start_with(settings).await;
    let put = async |key: &str, size: usize, source: Option<&str>| {
        let request = world.request_to(COS_HOST, &service, Method::PUT, key, &[]);
        let request = match source {
            Some(source) => request
                .header("x-cos-copy-source", format!("{COS_HOST}{source}"))
                .body(""),
            None => request.body(vec![b'x'; size]),
        };
        request.send().await.unwrap()
    };
    let refused = (403, "QuotaExceeded".to_owned());
    assert_eq!(put("/first", 3 * MIB, None).await.status(), 200);
    assert_eq!(code(put("/second", 3 * MIB, None).await).await, refused);
    assert_eq!(code(put("/copy", 0, Some("/first")).await).await, refused);
    let append = world
        .request_to(
            COS_HOST,
            &service,
            Method::POST,
            "/log",
            &[("append", ""), ("position", "0")],
        )
        .body(vec![b'x'; 3 * MIB]);
    assert_eq!(code(append.send().await.unwrap()).await, refused);
    let names: Vec<_> = std::fs::read_dir(world.folder.path().join("bucket"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["first"], "nothing of what was refused is left");
    // Reading costs nothing.
    let get = world.request_to(COS_HOST, &service, Method::GET, "/first", &[]);
    assert_eq!(
        get.send().await.unwrap().bytes().await.unwrap().len(),
        3 * MIB
    );
    service.shutdown().await;
}
