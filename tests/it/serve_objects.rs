//! A `serve` process that speaks HTTPS, and one that is killed in the middle of an upload.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Certificate, Client, Method, Response, StatusCode};
use rustix::process::Signal;
use stocktake::service::well_known_key_pair;
use tokio::time::sleep;

use crate::support::serve::Serve;
use crate::support::signed::signed;
use crate::support::target::{BUCKET, REGION, Target};
use crate::support::text::assert_contains;
use crate::support::workspace::Workspace;

const PART: usize = 1024 * 1024;

fn workspace() -> Workspace {
    // Fails when another test was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Workspace::new()
        .target("local", &Target::small())
        .object("in/a", "a")
}

/// Signed calls about the object `large`.
struct Objects {
    client: Client,
    address: SocketAddr,
}

impl Objects {
    fn of(serve: &Serve) -> Self {
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            address: serve.address,
        }
    }

    async fn call(
        &self,
        method: Method,
        parameters: &[(&str, &str)],
        body: Vec<u8>,
    ) -> reqwest::Result<Response> {
        let host = format!("{BUCKET}.cos.{REGION}.myqcloud.com");
        let credentials = well_known_key_pair();
        let call = signed(
            &self.client,
            &credentials,
            self.address,
            &host,
            method,
            "/large",
            parameters,
        );
        call.body(body).send().await
    }

    async fn upload_part(&self, upload: &str, number: u32, content: Vec<u8>) -> String {
        let number = number.to_string();
        let parameters = [("partNumber", number.as_str()), ("uploadId", upload)];
        let answer = self.call(Method::PUT, &parameters, content).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers()["etag"].to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn an_upload_outlives_kills_and_its_object_appears_whole() {
    let env = workspace();
    let serve = Serve::start(&env);
    let objects = Objects::of(&serve);
    let answer = objects
        .call(Method::POST, &[("uploads", "")], Vec::new())
        .await
        .unwrap();
    let answer = answer.text().await.unwrap();
    let (_, rest) = answer.split_once("<UploadId>").unwrap();
    let upload = rest.split_once('<').unwrap().0;
    let parts = [vec![b'a'; PART], vec![b'b'; PART], vec![b'c'; 7]];
    let whole = parts.concat();
    let mut list = Vec::new();
    let mut serve = Some(serve);
    for (number, content) in (1..).zip(parts) {
        let running = serve.take().unwrap_or_else(|| Serve::start(&env));
        let etag = Objects::of(&running)
            .upload_part(upload, number, content)
            .await;
        list.push(format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        ));
        running.kill();
    }
    let list = list.concat();
    let complete = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let object = env.path().join("bucket/large");

    let mut rounds = 0;
    loop {
        assert!(rounds < 100, "the upload never gets through");
        let serve = Serve::start(&env);
        let objects = Objects::of(&serve);
        let parameters = [("uploadId", upload)];
        let call = objects.call(Method::POST, &parameters, complete.clone().into_bytes());
        // Later from round to round, until the whole call fits in.
        let killed = sleep(Duration::from_micros(500 * rounds));
        let answer = tokio::select! {
            answer = call => Some(answer.unwrap().status()),
            () = killed => None,
        };
        serve.kill();
        match fs::read(&object) {
            Ok(content) => assert!(content == whole, "{} bytes, round {rounds}", content.len()),
            Err(_) => assert_eq!(answer, None, "round {rounds}: answered, and not there"),
        }
        // The call before may have been carried out and its answer lost.
        match answer {
            Some(StatusCode::OK) => break,
            Some(StatusCode::NOT_FOUND) if object.exists() => break,
            Some(other) => panic!("round {rounds}: {other}"),
            None => rounds += 1,
        }
    }
    let left: Vec<_> = fs::read_dir(env.path().join("bucket")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn serve_speaks_https_with_its_own_certificate_or_a_given_one() {
    let env = workspace();
    let mut serve = Serve::start_with(&env, &["--tls-self-signed"]);
    let certificate = env.path().join(".stocktake/local/tls/certificate.pem");
    assert_contains(&serve.greeting, "HTTPS on the same port");
    for host in [
        format!("{BUCKET}.ci.{REGION}.myqcloud.com"),
        format!("{BUCKET}.cos.{REGION}.myqcloud.com"),
        "localhost".to_owned(),
    ] {
        assert_trusted(&serve, &certificate, &host).await;
    }
    let (status, _) = serve.end(Signal::TERM);
    assert_eq!(status.code(), Some(0));

    let key = env.path().join(".stocktake/local/tls/key.pem");
    let given = env.path().join("given.pem");
    fs::rename(&certificate, &given).unwrap();
    let (given, key) = (given.to_str().unwrap(), key.to_str().unwrap());
    let serve = Serve::start_with(&env, &["--tls-cert", given, "--tls-key", key]);
    assert_trusted(&serve, given.as_ref(), "localhost").await;
    drop(serve);

    env.write("bad.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n");
    let refused = env
        .run(&["serve", "--tls-cert", "bad.pem", "--tls-key", key])
        .expect(1);
    assert!(refused.stderr.contains("bad.pem"), "{}", refused.stderr);
    let refused = env
        .run(&["serve", "--tls-cert", given, "--tls-key", "none.pem"])
        .expect(1);
    assert!(refused.stderr.contains("none.pem"), "{}", refused.stderr);
}

/// Asks for the page over HTTPS as that host, with this certificate alone to trust.
async fn assert_trusted(serve: &Serve, certificate: &std::path::Path, host: &str) {
    let pem = fs::read(certificate).unwrap();
    let client = Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
        .resolve(host, serve.address)
        .build()
        .unwrap();
    let url = format!("https://{host}:{}/", serve.address.port());
    let answer = client
        .get(&url)
        .send()
        .await
        .unwrap_or_else(|error| panic!("{host}: {error:?}"));
    assert!(
        !answer.status().is_server_error(),
        "{host}: {}",
        answer.status()
    );
    let plain = Client::builder()
        .no_proxy()
        .resolve(host, serve.address)
        .build()
        .unwrap();
    plain.get(&url).send().await.unwrap_err();
}
