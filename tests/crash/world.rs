//! A workspace of many jobs, a service that runs them, and the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use stocktake::state::{Expected, Outcome, Records, StateStore};
use tempfile::TempDir;

use crate::service::Service;

pub(crate) const BUCKET: &str = "demo-1250000000";
pub(crate) const REGION: &str = "ap-beijing";

/// How often an interrupted workspace may be applied again before that counts as never ending.
const MOST_RUNS: usize = 40;

/// Every fault a send can meet, and reads that fail now and then.
pub(crate) const EVERY_FAULT: &str = r#"
seed = 7
[[faults]]
method = "POST"
probability = 0.08
fault = "drop"
[[faults]]
method = "POST"
probability = 0.05
fault = "drop"
acts = false
[[faults]]
method = "POST"
probability = 0.06
fault = "fail"
[[faults]]
method = "POST"
probability = 0.06
fault = "refuse"
[[faults]]
method = "POST"
probability = 0.05
fault = "half"
[[faults]]
method = "POST"
probability = 0.05
fault = "garbage"
[[faults]]
method = "POST"
probability = 0.05
fault = "slow"
delay = "300ms"
[[faults]]
method = "POST"
probability = 0.05
fault = "late"
delay = "400ms"
[[faults]]
method = "GET"
probability = 0.03
fault = "fail"
[[faults]]
method = "GET"
probability = 0.03
fault = "drop"
"#;

/// A workspace with a running service.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) service: Service,
    keys: Vec<String>,
}

impl World {
    /// A workspace of `count` jobs against a service with `faults`.
    pub(crate) fn new(count: usize, faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let keys: Vec<String> = (0..count)
            .map(|number| format!("job-{number:04}"))
            .collect();
        let mut jobs = "jobs:\n".to_owned();
        for key in &keys {
            writeln!(
                jobs,
                "  {key}: {{ input: {{ prefix: {key}/ }}, operation: {{ workflow_ids: w1 }} }}"
            )
            .unwrap();
        }
        fs::create_dir(path.join("jobs")).unwrap();
        fs::create_dir(path.join("bucket")).unwrap();
        fs::write(path.join("jobs/all.yaml"), jobs).unwrap();
        fs::write(path.join("faults.toml"), faults).unwrap();
        fs::write(path.join("stocktake.toml"), LOCAL).unwrap();
        let service = Service::start(path);
        let target = format!(
            "{LOCAL}\n[targets.test]\nbucket = \"{BUCKET}\"\nregion = \"{REGION}\"\n\
             endpoint = \"http://{}\"\nmax_submissions = 100000\ntimeout = \"1s\"\nsettle = \"1s\"\n",
            service.address
        );
        fs::write(path.join("stocktake.toml"), target).unwrap();
        let world = Self {
            folder,
            service,
            keys,
        };
        assert!(
            world
                .command(&["state", "init"])
                .status()
                .unwrap()
                .success()
        );
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("test.state.jsonl")
    }

    /// The binary, on the target under test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let arguments = [&["-t", "test"], arguments].concat();
        command(self.path(), &arguments)
    }

    /// `apply`, not yet started.
    pub(crate) fn apply(&self, parallelism: usize) -> Command {
        let parallelism = parallelism.to_string();
        self.command(&["apply", "--auto-approve", "--parallelism", &parallelism])
    }

    /// Applies until it ends well; says how often that took.
    pub(crate) fn apply_to_the_end(&self, parallelism: usize) -> usize {
        for run in 1..=MOST_RUNS {
            let output = self
                .apply(parallelism)
                .stderr(Stdio::piped())
                .output()
                .unwrap();
            match output.status.code() {
                Some(0) => return run,
                // Something failed or is unresolved: the way out is to run it again.
                Some(1 | 3) => {}
                code => panic!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        panic!("not done after {MOST_RUNS} runs");
    }

    pub(crate) fn records(&self) -> Records {
        let expected = Expected {
            target: "test",
            lineage: None,
        };
        StateStore::read(&self.state(), expected).unwrap().1
    }

    /// For every job exactly one was taken; the state knows its id; no id is unknown to the state.
    pub(crate) fn judge(&self) {
        let jobs = self.service.jobs();
        let taken: BTreeMap<&String, usize> =
            jobs.iter().map(|(name, ids)| (name, ids.len())).collect();
        let wanted: BTreeMap<&String, usize> = self.keys.iter().map(|key| (key, 1)).collect();
        assert_eq!(
            taken, wanted,
            "one job of the service for each job of the workspace"
        );
        let at_service: BTreeSet<String> = jobs.into_values().flatten().collect();
        let recorded: BTreeSet<String> = job_ids(&self.records()).collect();
        assert_eq!(
            recorded, at_service,
            "the state knows every id, and no other"
        );
    }
}

fn job_ids(records: &Records) -> impl Iterator<Item = String> {
    let submissions = records.iter().flat_map(|record| &record.submissions);
    submissions.filter_map(|submission| match &submission.outcome {
        Outcome::Accepted { job_id, .. } => Some(job_id.to_string()),
        _ => None,
    })
}

/// Whether a process was killed, and did not end by itself.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.code().is_none()
}

/// The binary in a folder, with a clean environment.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stocktake"));
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary under test needs the path, and nothing else"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("TENCENTCLOUD_SECRET_ID", "stocktake-local")
        .env("TENCENTCLOUD_SECRET_KEY", "stocktake-local")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

const LOCAL: &str = r#"
[targets.local]
service = "embedded"
bucket = "demo-1250000000"
region = "ap-beijing"
[targets.local.buckets]
demo-1250000000 = "bucket"
[targets.local.workflows.w1]
command = ["true"]
"#;
