//! A folder with a bucket and the service's data, and a client that signs by itself.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, Response};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, WorkflowId};
use stocktake::api::wire::{JobState, decode_describe_answer, decode_error, decode_trigger_answer};
use stocktake::service::{RunningService, ServiceSettings, WorkflowSettings, start};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::signed::signed;

pub(super) const BUCKET: &str = "media-1250000000";
pub(super) const CI_HOST: &str = "media-1250000000.ci.ap-beijing.myqcloud.com";
pub(super) const COS_HOST: &str = "media-1250000000.cos.ap-beijing.myqcloud.com";
pub(super) const JOBS: &str = "/inventorytriggerjob";
/// Prints the object.
pub(super) const COPY: &str = "w0f1e2d3c4b5a49687786a5b4c3d2e1f0";
/// Fails.
pub(super) const FAIL: &str = "wffffffffffffffffffffffffffffffff";
pub(super) const PAUSED: &str = "wpaused";

/// A folder with a bucket and the service's data, and a signing client.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) client: Client,
    pub(super) credentials: Credentials,
}

impl World {
    pub(super) fn new() -> Self {
        // Fails when another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bucket")).unwrap();
        Self {
            folder,
            client: Client::builder().no_proxy().build().unwrap(),
            credentials: Credentials::permanent("stocktake-local", "stocktake-local"),
        }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Puts an object whose upload time is `uploaded`.
    pub(super) fn put(&self, key: &str, uploaded: &str) {
        let path = self.folder.path().join("bucket").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, key).unwrap();
        let uploaded: Timestamp = uploaded.parse().unwrap();
        let file = fs::File::open(&path).unwrap();
        file.set_modified(uploaded.try_into().unwrap()).unwrap();
    }

    pub(super) fn settings(&self) -> ServiceSettings {
        let mut settings = ServiceSettings::new(self.data(), self.credentials.clone());
        let folder = self.folder.path().join("bucket");
        settings.buckets = BTreeMap::from([(BucketName::new(BUCKET).unwrap(), folder)]);
        let mut paused = workflow(&["true"]);
        paused.paused = true;
        settings.workflows = BTreeMap::from([
            (
                WorkflowId::new(COPY).unwrap(),
                workflow(&["cat", "{object}"]),
            ),
            (
                WorkflowId::new(FAIL).unwrap(),
                workflow(&["sh", "-c", "echo no $1 >&2; exit 3", "sh", "{key}"]),
            ),
            (WorkflowId::new(PAUSED).unwrap(), paused),
        ]);
        settings
    }

    pub(super) async fn start(&self) -> RunningService {
        self.start_with(self.settings()).await
    }

    pub(super) async fn start_with(&self, settings: ServiceSettings) -> RunningService {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        start(settings, listen).await.unwrap()
    }

    /// A request to the bucket's CI host, signed as a careful client signs it.
    pub(super) fn request(
        &self,
        service: &RunningService,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> RequestBuilder {
        self.request_to(CI_HOST, service, method, path, parameters)
    }

    /// A signed request to any host. The path is decoded, as are the parameters.
    pub(super) fn request_to(
        &self,
        host: &str,
        service: &RunningService,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> RequestBuilder {
        let address = service.address();
        signed(
            &self.client,
            &self.credentials,
            address,
            host,
            method,
            path,
            parameters,
        )
    }

    pub(super) async fn trigger(&self, service: &RunningService, body: String) -> Response {
        let request = self.request(service, Method::POST, JOBS, &[]);
        request.body(body).send().await.unwrap()
    }

    /// Triggers a job that must be accepted, and gives back its id.
    pub(super) async fn submit(
        &self,
        service: &RunningService,
        input: &str,
        workflow: &str,
    ) -> String {
        let answer = self.trigger(service, request(input, workflow, "")).await;
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let (job, request_id) = decode_trigger_answer(&body).unwrap();
        assert_eq!(
            (job.state, job.name.as_str()),
            (JobState::Submitted, "demo")
        );
        assert!(request_id.is_some());
        job.job_id.as_str().to_owned()
    }

    pub(super) async fn describe(&self, service: &RunningService, id: &str) -> (JobState, String) {
        let path = format!("{JOBS}/{id}");
        let request = self.request(service, Method::GET, &path, &[]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer = decode_describe_answer(&answer.bytes().await.unwrap()).unwrap();
        let job = answer.job.unwrap();
        (job.state, job.message)
    }

    /// The keys and contents of a job's results, in order.
    pub(super) fn results(&self, job: &str) -> BTreeMap<String, String> {
        let mut results = BTreeMap::new();
        let root = self.data().join("results").join(job);
        collect(&root, &root, &mut results);
        results
    }
}

/// A workflow of that command.
pub(super) fn workflow(command: &[&str]) -> WorkflowSettings {
    let command = command.iter().map(|word| (*word).to_owned());
    WorkflowSettings::new("test", command.collect())
}

/// The body of a trigger call.
pub(super) fn request(input: &str, workflow: &str, interval: &str) -> String {
    format!(
        "<Request><Name>demo</Name><Type>Workflow</Type><Input>{input}</Input>\
         <Operation><WorkflowIds>{workflow}</WorkflowIds>{interval}</Operation></Request>"
    )
}

fn collect(root: &Path, folder: &Path, results: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, results);
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap();
            results.insert(key.to_owned(), fs::read_to_string(&path).unwrap());
        }
    }
}

/// Status and code of an error answer.
pub(super) async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let error = decode_error(status, &answer.bytes().await.unwrap()).unwrap();
    (status, error.code)
}

/// Sends a request on a connection of its own and returns the whole answer as it is on the wire.
pub(super) async fn raw(
    service: &RunningService,
    request: reqwest::Request,
    half_close: bool,
) -> String {
    let target = request.url().path();
    let query = request.url().query().unwrap_or_default();
    let mut head = format!("{} {target}?{query} HTTP/1.1\r\n", request.method());
    for (name, value) in request.headers() {
        head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    if !half_close {
        head.push_str("Connection: close\r\n");
    }
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let body = body.unwrap_or_default();
    if !body.is_empty() || *request.method() == Method::POST {
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let request = [head.as_bytes(), body].concat();
    stream.write_all(&request).await.unwrap();
    if half_close {
        stream.shutdown().await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
