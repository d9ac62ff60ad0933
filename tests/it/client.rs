//! The client against a server that answers in every way a connection can go.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use stocktake::api::client::{CallError, Client, ClientSettings, Endpoint, ListQuery, Retry, Sent};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, JobId, Region};

use crate::support::jobs::{BUCKET, HOST, REGION, request, window};
use crate::support::raw::{RawServer, Reply, accepted, answer, error, header};

const CALL_TIMEOUT: Duration = Duration::from_millis(400);

pub(crate) fn client_at(base: &str) -> Client {
    let endpoint = Endpoint {
        bucket: BucketName::new(BUCKET).unwrap(),
        region: Region::new(REGION).unwrap(),
        base: Some(base.parse().unwrap()),
    };
    let settings = ClientSettings {
        call_timeout: CALL_TIMEOUT,
        ..ClientSettings::default()
    };
    let credentials = Credentials::permanent("AKIDtest", "not-to-be-shown");
    Client::new(endpoint, credentials, settings).unwrap()
}

pub(crate) fn client_of(server: &RawServer) -> Client {
    client_at(&format!("http://{}", server.address))
}

fn kind(sent: &Sent) -> &'static str {
    match sent.retry {
        Some(Retry::Throttled(_)) => "throttled",
        _ => sent.outcome.kind().as_str(),
    }
}

#[tokio::test]
async fn every_way_a_submission_can_go_is_told_apart_and_sent_once() {
    let whole = accepted("b1");
    let half = whole[..whole.len() - 20].to_owned();
    let redirect = answer(
        "307 Temporary Redirect",
        "Location: /inventorytriggerjob\r\n",
        "",
    );
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<Resp\r\n".to_owned();
    let table = [
        ("accepted", Reply::Bytes(whole.clone()), "accepted"),
        (
            "a word before the answer",
            Reply::Bytes(format!("HTTP/1.1 103 Early Hints\r\n\r\n{whole}")),
            "accepted",
        ),
        (
            "no end in sight",
            Reply::Bytes(answer("200 OK", "", &" ".repeat(17 * 1024 * 1024))),
            "unresolved",
        ),
        ("half a body", Reply::Bytes(half), "unresolved"),
        (
            "half a head",
            Reply::Bytes("HTTP/1.1 200 O".to_owned()),
            "unresolved",
        ),
        ("chunks that break off", Reply::Bytes(endless), "unresolved"),
        (
            "not HTTP",
            Reply::Bytes("SSH-2.0-OpenSSH_9.6\r\n".to_owned()),
            "unresolved",
        ),
        ("a redirect", Reply::Bytes(redirect), "unresolved"),
        ("reset", Reply::Reset, "unresolved"),
        ("closed", Reply::Close, "unresolved"),
        ("no answer", Reply::Silence, "unresolved"),
        (
            "a page",
            Reply::Bytes(answer("502 Bad Gateway", "", "<html/>")),
            "unresolved",
        ),
        (
            "500",
            Reply::Bytes(error("500 Oops", "", "InternalError")),
            "unresolved",
        ),
        (
            "refused",
            Reply::Bytes(error("400 No", "", "InvalidArgument")),
            "rejected",
        ),
        (
            "busy",
            Reply::Bytes(error("503 Busy", "", "SlowDown")),
            "throttled",
        ),
        (
            "too many",
            Reply::Bytes(error("429 Many", "", "SlowDown")),
            "throttled",
        ),
    ];
    for (case, reply, expected) in table {
        let server = RawServer::start(move |_, _| reply.clone()).await;
        let outcome = client_of(&server).trigger(&request("demo"), window()).await;
        assert_eq!(kind(&outcome), expected, "{case}: {outcome:?}");
        assert_eq!(server.requests().len(), 1, "{case}: sent once");
    }
}

#[tokio::test]
async fn what_finds_no_connection_was_not_sent() {
    let free_port: SocketAddr = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let refused = client_at(&format!("http://{free_port}"))
        .trigger(&request("demo"), window())
        .await;
    assert_eq!(kind(&refused), "abandoned", "{refused:?}");
    let unknown = client_at("https://no-such-host.invalid")
        .trigger(&request("demo"), window())
        .await;
    assert_eq!(kind(&unknown), "abandoned", "{unknown:?}");
    let plain = RawServer::start(|_, _| Reply::Close).await;
    let tls = client_at(&format!("https://{}", plain.address));
    let no_tls = tls.trigger(&request("demo"), window()).await;
    assert_eq!(kind(&no_tls), "abandoned", "{no_tls:?}");
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn a_connection_that_is_never_made_was_not_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It accepts no connection: when its queue is full, the system leaves the next one waiting.
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, CALL_TIMEOUT / 2) {
        queued.push(stream);
    }
    let late = client_at(&format!("http://{address}"));
    let late = late.trigger(&request("demo"), window()).await;
    assert_eq!(kind(&late), "abandoned", "{late:?}");
}

#[tokio::test]
async fn every_submission_has_a_connection_of_its_own() {
    let server =
        RawServer::start(|number, _| Reply::KeepOpen(accepted(&format!("b{number}")))).await;
    let client = client_of(&server);
    for _ in 0..5 {
        assert_eq!(
            kind(&client.trigger(&request("demo"), window()).await),
            "accepted"
        );
    }
    assert_eq!((server.connections(), server.requests().len()), (5, 5));
}

#[tokio::test]
async fn a_service_that_closes_kept_connections_costs_no_submission() {
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let client = client_of(&server);
    for _ in 0..50 {
        assert_eq!(
            kind(&client.trigger(&request("demo"), window()).await),
            "accepted"
        );
    }
    assert_eq!(server.requests().len(), 50);
}

#[tokio::test]
async fn requests_name_the_buckets_host_and_no_secret() {
    let server = RawServer::start(|_, _| Reply::Bytes(accepted("b1"))).await;
    let client = client_of(&server);
    client.trigger(&request("demo"), window()).await;
    let sent = server.requests().remove(0);
    assert_eq!(header(&sent, "host").as_deref(), Some(HOST));
    let authorization = header(&sent, "authorization").unwrap();
    assert!(authorization.contains("q-header-list=content-length;content-md5;content-type;host&"));
    assert!(
        sent.starts_with("POST /inventorytriggerjob HTTP/1.1\r\n"),
        "{sent}"
    );
    assert!(!sent.contains("not-to-be-shown"));
    assert!(!format!("{client:?}").contains("not-to-be-shown"));
}

#[tokio::test]
async fn a_read_is_tried_again_and_signed_anew() {
    let described =
        "<Response><JobsDetail><JobId>b1</JobId><State>Running</State></JobsDetail></Response>";
    let server = RawServer::start(move |number, _| match number {
        0 => Reply::Reset,
        1 => Reply::Bytes(error("503 Busy", "Retry-After: 1\r\n", "SlowDown")),
        2 => Reply::Bytes(answer("200 OK", "", "<html></html>")),
        _ => Reply::Bytes(answer("200 OK", "", described)),
    })
    .await;
    let started = std::time::Instant::now();
    let job = client_of(&server)
        .describe(&JobId::new("b1").unwrap())
        .await
        .unwrap();
    assert_eq!(job.unwrap().state.as_str(), "Running");
    assert_eq!(server.requests().len(), 4);
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "Retry-After counts"
    );
}

#[tokio::test]
async fn a_refused_read_is_not_tried_again() {
    let server = RawServer::start(|_, _| Reply::Bytes(error("403 No", "", "AccessDenied"))).await;
    let error = client_of(&server)
        .list(&ListQuery::default())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Service { .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_unknown_job_is_told_from_an_error_in_each_documented_way() {
    let id = JobId::new("b1").unwrap();
    let unknown = [
        answer(
            "200 OK",
            "",
            "<Response><NonExistJobIds>b1</NonExistJobIds></Response>",
        ),
        answer(
            "200 OK",
            "",
            "<Response><RequestId>r</RequestId></Response>",
        ),
        error("404 Not Found", "", "NoSuchJob"),
    ];
    for reply in unknown {
        let server = RawServer::start(move |_, _| Reply::Bytes(reply.clone())).await;
        assert_eq!(client_of(&server).describe(&id).await, Ok(None));
    }
    let no_bucket = error("404 Not Found", "", "NoSuchBucket");
    let server = RawServer::start(move |_, _| Reply::Bytes(no_bucket.clone())).await;
    assert!(client_of(&server).describe(&id).await.is_err());
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_one_that_has_none_is_an_error() {
    let page = |ids: &[&str], token: &str| {
        let job = |id: &&str| {
            format!("<JobsDetail><JobId>{id}</JobId><State>Running</State></JobsDetail>")
        };
        let jobs = ids.iter().map(job).collect::<Vec<_>>().concat();
        let body = format!("<Response>{jobs}<NextToken>{token}</NextToken></Response>");
        answer("200 OK", "", &body)
    };
    let server = RawServer::start(move |number, _| {
        Reply::Bytes(match number {
            0 => page(&["b1", "b2"], "t/1"),
            1 => page(&["b2", "b3"], "t2"),
            _ => page(&["b4"], ""),
        })
    })
    .await;
    let jobs = client_of(&server)
        .list(&ListQuery::default())
        .await
        .unwrap();
    let ids: Vec<&str> = jobs.iter().map(|job| job.job_id.as_str()).collect();
    assert_eq!(ids, ["b1", "b2", "b3", "b4"]);
    assert!(server.requests()[1].contains("nextToken=t%2F1"));
    let endless = RawServer::start(move |_, _| Reply::Bytes(page(&["b1"], "same"))).await;
    let error = client_of(&endless)
        .list(&ListQuery::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("repeats its page"), "{error}");
}
