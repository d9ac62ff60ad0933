//! Submissions on their way to a service: over TLS, and through proxies.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use stocktake::api::client::{Client, ClientSettings, Endpoint, Retry};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, Region};
use stocktake::state::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::jobs::{BUCKET, HOST, REGION, request, window};
use crate::support::raw::{RawServer, Reply, accepted, answer, header};
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{PROJECT, Run, Workspace};

const CREDENTIALS: [(&str, &str); 2] = [
    ("TENCENTCLOUD_SECRET_ID", "stocktake-local"),
    ("TENCENTCLOUD_SECRET_KEY", "stocktake-local"),
];

/// A certificate for `localhost` that is in no store of trusted ones.
fn fixture(name: &str) -> String {
    format!("{PROJECT}/tests/fixtures/tls/{name}")
}

/// TLS in front of a service; the port where it is spoken.
async fn encrypted(service: SocketAddr) -> u16 {
    let certificate = CertificateDer::from_pem_file(fixture("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, service) = (acceptor.clone(), service);
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut behind = TcpStream::connect(service).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    port
}

/// A proxy that makes tunnels; the address of it, and what it was asked for.
async fn tunnels() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let to = head.split(' ').nth(1).unwrap().to_owned();
                kept.lock().unwrap().push(head);
                let mut behind = TcpStream::connect(to).await.unwrap();
                let made = b"HTTP/1.1 200 Connection established\r\n\r\n";
                stream.write_all(made).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    (address, asked)
}

fn apply(env: &Workspace, variables: &[(&str, &str)]) -> Run {
    let mut command = env.command(&["-t", "far", "apply", "--auto-approve"]);
    let command = command.envs(CREDENTIALS).envs(variables.iter().copied());
    tokio::task::block_in_place(|| Run::of(command))
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_submitted_over_tls_and_through_a_tunnel_that_shows_nothing() {
    let env = Workspace::small();
    let service = Serve::start(&env);
    let port = encrypted(service.address).await;
    let far = Target::at(port).set("endpoint", format!("https://localhost:{port}"));
    env.add_target("far", &far.set("max_submissions", 9));
    env.run(&["-t", "far", "state", "init"]).expect(0);
    let roots = fixture("certificate.pem");
    assert!(Path::new(&roots).exists());

    let env = env.job("direct", "{ prefix: video/ }");
    let direct = apply(&env, &[("SSL_CERT_FILE", &roots)]).expect(0);
    assert!(direct.stdout.ends_with("1 submitted\n"), "{direct:?}");

    let (proxy, asked) = tunnels().await;
    let proxy = format!("http://ada:canary@{proxy}");
    let variables = [
        ("SSL_CERT_FILE", roots.as_str()),
        ("HTTPS_PROXY", proxy.as_str()),
        ("STOCKTAKE_LOG", "trace"),
    ];
    let env = env.job("through", "{ prefix: audio/ }");
    let through = apply(&env, &variables).expect(0);
    assert!(through.stdout.ends_with("1 submitted\n"), "{through:?}");
    assert!(!through.stderr.contains("canary"), "{}", through.stderr);
    let asked = asked.lock().unwrap().clone();
    let [_time, asked] = asked.as_slice() else {
        panic!("one tunnel for the time and one for the submission: {asked:?}");
    };
    let line = format!("CONNECT localhost:{port} HTTP/1.1\r\n");
    assert!(asked.starts_with(&line), "{asked}");
    let authorization = header(asked, "proxy-authorization");
    assert_eq!(authorization.as_deref(), Some("Basic YWRhOmNhbmFyeQ=="));
    let agent = header(asked, "user-agent").unwrap();
    assert!(agent.starts_with("stocktake/"), "{agent}");
    assert!(!asked.contains("q-signature"), "{asked}");
}

/// A way to a TLS port that counts what has the size of a request: for each connection, the records.
async fn record_counter(port: u16) -> (u16, Arc<Mutex<Vec<usize>>>) {
    const APPLICATION_DATA: u8 = 23;
    /// What ends a handshake, or a connection, is shorter.
    const MIN_REQUEST: usize = 200;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let counts = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let index = {
                let mut counts = kept.lock().unwrap();
                counts.push(0);
                counts.len() - 1
            };
            let kept = Arc::clone(&kept);
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut head = [0; 5];
                while from_client.read_exact(&mut head).await.is_ok() {
                    let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
                    let mut body = vec![0; length];
                    from_client.read_exact(&mut body).await.unwrap();
                    if head[0] == APPLICATION_DATA && length > MIN_REQUEST {
                        kept.lock().unwrap()[index] += 1;
                    }
                    let record = [&head[..], &body].concat();
                    if to_server.write_all(&record).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (own, counts)
}

/// A server can act on a head alone; half a TLS record is nothing to it.
#[tokio::test(flavor = "multi_thread")]
async fn head_and_body_of_a_submission_are_one_tls_record() {
    let env = Workspace::small();
    let service = Serve::start(&env);
    let (port, counts) = record_counter(encrypted(service.address).await).await;
    let far = Target::at(port).set("endpoint", format!("https://localhost:{port}"));
    env.add_target("far", &far.set("max_submissions", 9));
    env.run(&["-t", "far", "state", "init"]).expect(0);
    let env = env.job("direct", "{ prefix: video/ }");
    let roots = fixture("certificate.pem");
    apply(&env, &[("SSL_CERT_FILE", &roots)]).expect(0);
    let counts = counts.lock().unwrap().clone();
    assert_eq!(counts, [1, 1], "the call for the time, and the submission");
}

fn client(base: &str, proxy: &str, no_proxy: Option<&str>) -> Client {
    let endpoint = Endpoint {
        bucket: BucketName::new(BUCKET).unwrap(),
        region: Region::new(REGION).unwrap(),
        base: Some(base.parse().unwrap()),
    };
    let settings = ClientSettings {
        proxy: Some(proxy.parse().unwrap()),
        no_proxy: no_proxy.map(str::to_owned),
        ..ClientSettings::default()
    };
    let credentials = Credentials::permanent("AKIDtest", "not-to-be-shown");
    Client::new(endpoint, credentials, settings).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_machine_does_not_trust_sends_nothing() {
    let service = RawServer::start(|_, _| Reply::Bytes(accepted("b1"))).await;
    let port = encrypted(service.address).await;
    let client = client(
        &format!("https://localhost:{port}"),
        "http://[::1]:1",
        Some("localhost"),
    );
    let sent = client.trigger(&request("demo"), window()).await;
    assert_eq!(sent.retry, Some(Retry::BackOff));
    let reason = sent.outcome.reason().unwrap();
    assert!(reason.contains("certificate"), "{reason}");
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_that_makes_no_tunnel_sends_nothing() {
    for status in ["403 Forbidden", "407 Proxy Authentication Required"] {
        let proxy = RawServer::start(move |_, _| Reply::Bytes(answer(status, "", ""))).await;
        let address = format!("http://{}", proxy.address);
        let client = client("https://service.example", &address, None);
        let outcome = client.trigger(&request("demo"), window()).await;
        assert!(
            matches!(outcome.outcome, Outcome::Abandoned { .. }),
            "{outcome:?}"
        );
        let asked = proxy.requests();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(
            asked[0].starts_with("CONNECT service.example:443 "),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn without_tls_the_proxy_is_told_the_address_and_who_asks() {
    let proxy = RawServer::start(|_, _| Reply::Bytes(accepted("b1"))).await;
    let service = RawServer::start(|_, _| Reply::Bytes(accepted("b2"))).await;
    let base = format!("http://{}", service.address);
    let address = format!("http://ada:canary@{}", proxy.address);
    let outcome = client(&base, &address, None)
        .trigger(&request("demo"), window())
        .await;
    assert!(outcome.job.is_some(), "{outcome:?}");
    let asked = proxy.requests().remove(0);
    let line = format!("POST {base}/inventorytriggerjob HTTP/1.1\r\n");
    assert!(asked.starts_with(&line), "{asked}");
    assert_eq!(header(&asked, "host").as_deref(), Some(HOST));
    let authorization = header(&asked, "proxy-authorization");
    assert_eq!(authorization.as_deref(), Some("Basic YWRhOmNhbmFyeQ=="));
    assert!(service.requests().is_empty());

    let around = client(&base, &address, Some("127.0.0.0/8"));
    let outcome = around.trigger(&request("demo"), window()).await;
    assert!(outcome.job.is_some(), "{outcome:?}");
    assert_eq!(proxy.requests().len(), 1);
    let asked = service.requests().remove(0);
    assert!(
        asked.starts_with("POST /inventorytriggerjob HTTP/1.1\r\n"),
        "{asked}"
    );
    assert_eq!(header(&asked, "proxy-authorization"), None);
}
