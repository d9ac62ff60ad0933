//! A `serve` beside the test, and workspaces whose jobs end when the test says so.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stocktake::api::client::{Client, ClientSettings, Endpoint};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, Region};

use crate::env::Env;

/// A `serve` that ends with the test.
pub struct Serve {
    process: Child,
    /// Where it listens.
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Serve {
    pub fn start(env: &Env) -> Self {
        Self::start_with(env, &[])
    }

    pub fn start_with(env: &Env, arguments: &[&str]) -> Self {
        let mut command = env.command(&[&["serve"], arguments].concat());
        let mut serve = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(serve.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line
                .split_once("http://")
                .map(|(_, rest)| rest.trim().to_owned());
            said.push(line);
            address
        });
        let address = address.unwrap_or_else(|| panic!("it ended: {said:#?}"));
        // Whoever writes into a pipe that nobody reads gets an error.
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self {
            process: serve,
            address,
            log,
        }
    }

    /// What it has said since it listens.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client of the service at `address`, for the bucket of these tests.
pub fn client(address: impl std::fmt::Display) -> Client {
    let endpoint = Endpoint {
        bucket: BucketName::new("demo-1250000000").unwrap(),
        region: Region::new("ap-beijing").unwrap(),
        base: Some(format!("http://{address}").parse().unwrap()),
    };
    let credentials = Credentials::permanent("stocktake-local", "stocktake-local");
    Client::new(endpoint, credentials, ClientSettings::default()).unwrap()
}

#[track_caller]
pub fn eventually(mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(20), "in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn target(command: &str) -> String {
    format!(
        "[targets.local]\nservice = \"embedded\"\nbucket = \"demo-1250000000\"\n\
         region = \"ap-beijing\"\n[targets.local.buckets]\ndemo-1250000000 = \"bucket\"\n\
         [targets.local.workflows.w1]\ncommand = {command}\n"
    )
}

pub fn job(key: &str, input: &str) -> String {
    format!("jobs:\n  {key}:\n    input: {input}\n    operation: {{ workflow_ids: w1 }}\n")
}

/// Waits for a file, so that a test decides when a job ends. It outlives a service that is killed, but
/// not the test's folder.
pub const GATED: &str =
    r#"["sh", "-c", "until [ -e gate ] || [ ! -d jobs ]; do sleep 0.02; done"]"#;

pub fn gated() -> Env {
    let env = Env::empty();
    env.write("stocktake.toml", &target(GATED));
    env.write("bucket/in/a", "a");
    env.write("jobs/a.yaml", &job("slow", "{ prefix: in/ }"));
    env
}

/// Submits without waiting: the apply is interrupted when the job is recorded.
pub fn submit(env: &Env) {
    let mut apply = env.command(&["apply"]);
    let mut apply = apply
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually(|| {
        let listed = env.run(&["state", "list"]).stdout;
        listed.contains("Submitted") || listed.contains("Running")
    });
    apply.kill().unwrap();
    apply.wait().unwrap();
}
