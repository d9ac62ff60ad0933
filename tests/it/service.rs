//! The embedded service, through its socket, with requests signed here.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HOST;
use reqwest::{Client, Method, Response};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, WorkflowId};
use stocktake::api::signature::{KeyTime, SignedRequest};
use stocktake::api::wire::{JobState, decode_describe_answer, decode_error, decode_trigger_answer};
use stocktake::service::{
    RunningService, ServiceSettings, StartError, WorkflowSettings, running_at, start,
};
use tempfile::TempDir;

const BUCKET: &str = "media-1250000000";
const CI_HOST: &str = "media-1250000000.ci.ap-beijing.myqcloud.com";
const COPY: &str = "w0f1e2d3c4b5a49687786a5b4c3d2e1f0";
const FAIL: &str = "wffffffffffffffffffffffffffffffff";
const PAUSED: &str = "wpaused";

/// A folder with a bucket and the service's data, and a signing client.
struct World {
    folder: TempDir,
    client: Client,
    credentials: Credentials,
}

impl World {
    fn new() -> Self {
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

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Puts an object whose upload time is `uploaded`.
    fn put(&self, key: &str, uploaded: &str) {
        let path = self.folder.path().join("bucket").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, key).unwrap();
        let uploaded: Timestamp = uploaded.parse().unwrap();
        let file = fs::File::open(&path).unwrap();
        file.set_modified(uploaded.try_into().unwrap()).unwrap();
    }

    fn settings(&self) -> ServiceSettings {
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

    async fn start(&self) -> RunningService {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        start(self.settings(), listen).await.unwrap()
    }

    /// Sends a request signed as a careful client signs it.
    async fn send(
        &self,
        service: &RunningService,
        method: Method,
        target: &str,
        body: String,
    ) -> Response {
        let now = Timestamp::now().as_second();
        let window = KeyTime {
            start: now - 60,
            end: now + 600,
        };
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        let signed = SignedRequest {
            method: method.as_str(),
            path,
            parameters: &[],
            headers: &[("host", CI_HOST)],
        };
        let authorization = signed.authorization(&self.credentials, window);
        let url = format!("http://{}{target}", service.address());
        let request = self.client.request(method, url).header(HOST, CI_HOST);
        let request = request.header("authorization", authorization).body(body);
        request.send().await.unwrap()
    }

    async fn trigger(&self, service: &RunningService, body: String) -> Response {
        self.send(service, Method::POST, "/inventorytriggerjob", body)
            .await
    }

    /// Triggers a job that must be accepted, and gives back its id.
    async fn submit(&self, service: &RunningService, input: &str, workflow: &str) -> String {
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

    async fn describe(&self, service: &RunningService, id: &str) -> (JobState, String) {
        let target = format!("/inventorytriggerjob/{id}");
        let answer = self
            .send(service, Method::GET, &target, String::new())
            .await;
        assert_eq!(answer.status(), 200);
        let answer = decode_describe_answer(&answer.bytes().await.unwrap()).unwrap();
        let job = answer.job.unwrap();
        (job.state, job.message)
    }

    /// The keys and contents of a job's results, in order.
    fn results(&self, job: &str) -> BTreeMap<String, String> {
        let mut results = BTreeMap::new();
        let root = self.data().join("results").join(job);
        collect(&root, &root, &mut results);
        results
    }
}

fn workflow(command: &[&str]) -> WorkflowSettings {
    let command = command.iter().map(|word| (*word).to_owned());
    WorkflowSettings::new("test", command.collect())
}

fn request(input: &str, workflow: &str, interval: &str) -> String {
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

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let error = decode_error(status, &answer.bytes().await.unwrap()).unwrap();
    (status, error.code)
}

#[tokio::test]
async fn a_prefix_job_runs_over_the_objects_of_its_interval() {
    let world = World::new();
    world.put("input/猫.txt", "2022-02-14T00:00:00Z");
    world.put("input/sub/b.txt", "2022-02-14T00:00:00.7Z");
    world.put("input/old.txt", "2022-01-31T23:59:59Z");
    world.put("other/c.txt", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let interval = "<TimeInterval><Start>2022-02-01T08:00:00+0800</Start>\
                    <End>2022-02-14T08:00:00+0800</End></TimeInterval>";
    let body = request("<Prefix>input</Prefix>", COPY, interval);
    let answer = world.trigger(&service, body).await;
    assert!(answer.headers().contains_key("x-ci-request-id"));
    let (job, _) = decode_trigger_answer(&answer.bytes().await.unwrap()).unwrap();
    service.idle().await;
    let (state, message) = world.describe(&service, job.job_id.as_str()).await;
    assert_eq!((state, message.as_str()), (JobState::Success, ""));
    let results = world.results(job.job_id.as_str());
    let expected = ["input/sub/b.txt", "input/猫.txt"];
    assert_eq!(results.keys().collect::<Vec<_>>(), expected);
    assert!(results.iter().all(|(key, content)| key == content));
    service.shutdown().await;
}

#[tokio::test]
async fn an_object_job_runs_over_one_object_and_shows_its_failure() {
    let world = World::new();
    world.put("a&b.txt", "2022-02-14T00:00:00Z");
    world.put("a&b.txt2", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let object = "<Object>a&amp;b.txt</Object>";
    let good = world.submit(&service, object, COPY).await;
    let bad = world.submit(&service, object, FAIL).await;
    let both = world
        .submit(&service, object, &format!("{COPY},{FAIL}"))
        .await;
    service.idle().await;
    assert_eq!(world.describe(&service, &good).await.0, JobState::Success);
    assert_eq!(world.results(&good).len(), 1);
    let (state, message) = world.describe(&service, &bad).await;
    assert_eq!(state, JobState::Failed);
    assert_eq!(
        message,
        "1 of 1 runs failed; the first: a&b.txt: exit status: 3: no a&b.txt"
    );
    let (state, message) = world.describe(&service, &both).await;
    assert_eq!(state, JobState::Failed);
    assert!(message.starts_with("1 of 2 runs failed"), "{message}");
    assert_eq!(world.results(&both)[&format!("{COPY}/a&b.txt")], "a&b.txt");
    service.shutdown().await;
}

#[tokio::test]
async fn what_cannot_run_is_refused() {
    let world = World::new();
    world.put("a", "2022-02-14T00:00:00Z");
    let service = world.start().await;
    let cases = [
        (String::new(), (400, "MissingContent")),
        (
            request("<Prefix>a</Prefix>", COPY, "").replace("</Type>", "</Name>"),
            (400, "MalformedXML"),
        ),
        (request("", COPY, ""), (400, "InvalidArgument")),
        (
            request("<Prefix>a</Prefix>", "wunknown", ""),
            (400, "InvalidArgument"),
        ),
        (
            request("<Prefix>a</Prefix>", PAUSED, ""),
            (400, "InvalidArgument"),
        ),
        (
            request("<Object>../data/service.db</Object>", COPY, ""),
            (400, "ResourceNotFound"),
        ),
        (" ".repeat(1024 * 1024 + 1), (400, "EntityTooLarge")),
    ];
    for (body, expected) in cases {
        let shown = body.chars().take(200).collect::<String>();
        let (status, code) = code(world.trigger(&service, body).await).await;
        assert_eq!((status, code.as_str()), expected, "{shown}");
    }
    let unknown = world.send(
        &service,
        Method::GET,
        "/inventorytriggerjob/bnone",
        String::new(),
    );
    let unknown = unknown.await.text().await.unwrap();
    assert!(
        unknown.contains("<NonExistJobIds>bnone</NonExistJobIds>"),
        "{unknown}"
    );
    service.shutdown().await;
}

#[tokio::test]
async fn a_request_must_be_signed_with_the_key_pair() {
    let world = World::new();
    let service = world.start().await;
    let url = format!("http://{}/inventorytriggerjob/b1", service.address());
    let unsigned = world
        .client
        .get(&url)
        .header(HOST, CI_HOST)
        .send()
        .await
        .unwrap();
    assert_eq!(code(unsigned).await, (403, "AccessDenied".to_owned()));
    let get = |credentials: Credentials, start: i64| {
        let now = Timestamp::now().as_second();
        let window = KeyTime {
            start: now + start,
            end: now + start + 60,
        };
        let signed = SignedRequest {
            method: "GET",
            path: "/inventorytriggerjob/b1",
            parameters: &[],
            headers: &[("host", CI_HOST)],
        };
        let authorization = signed.authorization(&credentials, window);
        let request = world.client.get(&url).header(HOST, CI_HOST);
        request.header("authorization", authorization).send()
    };
    let cases = [
        ("stocktake-local", "stocktake-local", 100, "AccessDenied"),
        ("stocktake-local", "stocktake-local", -100, "AccessDenied"),
        ("somebody", "stocktake-local", 0, "InvalidAccessKeyId"),
        ("stocktake-local", "guessed", 0, "SignatureDoesNotMatch"),
    ];
    for (id, key, start, expected) in cases {
        let answer = get(Credentials::permanent(id, key), start).await.unwrap();
        assert_eq!(
            code(answer).await,
            (403, expected.to_owned()),
            "{id} {key} {start}"
        );
    }
    let right = get(world.credentials.clone(), 0).await.unwrap();
    assert_eq!(right.status(), 200);
    service.shutdown().await;
}

#[tokio::test]
async fn a_stopped_service_goes_on_where_it_was() {
    let world = World::new();
    for index in 0..20 {
        world.put(&format!("in/{index:02}"), "2022-02-14T00:00:00Z");
    }
    let log = world.folder.path().join("log");
    let gate = world.folder.path().join("gate");
    let script = format!(
        "echo {{key}} >> {log}; n=$(wc -l < {log}); if [ $n -ge 8 ]; then while [ ! -e {gate} ]; do sleep 0.01; done; fi; echo {{key}} >> {log}.done",
        log = log.display(),
        gate = gate.display(),
    );
    let mut settings = world.settings();
    settings.parallelism = 1;
    settings.workflows = BTreeMap::from([(
        WorkflowId::new(COPY).unwrap(),
        workflow(&["sh", "-c", &script]),
    )]);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let service = start(settings.clone(), listen).await.unwrap();
    let job = world.submit(&service, "<Prefix>in/</Prefix>", COPY).await;
    while fs::read_to_string(&log).unwrap_or_default().lines().count() < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    service.shutdown().await;
    let done = |log: &Path| {
        let text = fs::read_to_string(log.with_extension("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(done(&log).len(), 7, "the eighth was ended with the service");
    fs::write(&gate, "").unwrap();
    let service = start(settings, listen).await.unwrap();
    service.idle().await;
    assert_eq!(world.describe(&service, &job).await.0, JobState::Success);
    let mut done = done(&log);
    done.sort();
    let expected: Vec<String> = (0..20).map(|index| format!("in/{index:02}")).collect();
    assert_eq!(done, expected, "each ran to its end once");
    service.shutdown().await;
}

#[tokio::test]
async fn one_process_owns_a_data_folder() {
    let world = World::new();
    assert_eq!(running_at(&world.data()), None);
    let service = world.start().await;
    assert_eq!(running_at(&world.data()), Some(service.address()));
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let error = start(world.settings(), listen).await.unwrap_err();
    let StartError::Owned { owner, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(owner.as_ref().unwrap().address, service.address());
    let text = error.to_string();
    assert!(text.contains(&service.address().to_string()), "{text}");
    service.shutdown().await;
    assert_eq!(running_at(&world.data()), None);
}

#[tokio::test]
async fn upload_times_come_from_the_list_beside_the_objects() {
    let world = World::new();
    world.put("input/a.txt", "2024-01-01T00:00:00Z");
    let list = world.folder.path().join("bucket/.upload-times");
    fs::write(&list, "# when\n\n2022-02-14T09:30:00+0800 input/a.txt\n").unwrap();
    let service = world.start().await;
    let modified = fs::metadata(world.folder.path().join("bucket/input/a.txt")).unwrap();
    let modified = Timestamp::try_from(modified.modified().unwrap()).unwrap();
    assert_eq!(modified, "2022-02-14T01:30:00Z".parse().unwrap());
    service.shutdown().await;
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    for (line, problem) in [
        ("2022-02-14T09:30:00+0800", "a time and a key"),
        ("yesterday input/a.txt", "`yesterday` is not a date"),
        ("2022-02-14T09:30:00+0800 input/b.txt", "`input/b.txt`"),
        ("2022-02-14T09:30:00+0800 ../data/x", "cannot be an object"),
    ] {
        fs::write(&list, format!("\n{line}\n")).unwrap();
        let error = start(world.settings(), listen)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(".upload-times:2: "), "{error}");
        assert!(error.contains(problem), "{error}");
    }
}
