//! A workspace of many jobs, a service that runs them, and the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use stocktake::api::client::ListQuery;
use stocktake::state::shared::{FolderStore, Shared};
use stocktake::state::{Expected, Location, Outcome, Reading, Records, StateStore};
use tempfile::TempDir;

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, Workspace, jobs};

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
    workspace: Workspace,
    serve: Serve,
    keys: Vec<String>,
    clock: Vec<(&'static str, String)>,
    /// The folder of a shared state, if it has one.
    store: Option<TempDir>,
}

/// The service at the address, which tells within a few seconds what became of a submission.
fn target(address: SocketAddr, timeout: &str) -> Target {
    Target::at(address)
        .set("max_submissions", 100_000)
        .set("timeout", timeout)
        .set("window", "2s")
        .set("settle", "1s")
}

/// The environment in which a program's clock is off by that much.
fn clock(offset: &str) -> Vec<(&'static str, String)> {
    if offset.is_empty() {
        return Vec::new();
    }
    vec![
        ("LD_PRELOAD", faketime()),
        ("FAKETIME", offset.to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// The library that programs load to see another time; `.ci/run` installs it.
#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a switch of the tests, not of the program"
)]
fn faketime() -> String {
    std::env::var("STOCKTAKE_FAKETIME").expect("STOCKTAKE_FAKETIME is set, as .ci/run does")
}

impl World {
    /// A workspace of `count` jobs against a service with `faults`.
    pub(crate) fn new(count: usize, faults: &str) -> Self {
        Self::at_times(count, faults, "", "")
    }

    /// The same, where the clocks of `apply` and of the service are off by that much.
    pub(crate) fn at_times(count: usize, faults: &str, own: &str, service: &str) -> Self {
        let keys: Vec<String> = (0..count)
            .map(|number| format!("job-{number:04}"))
            .collect();
        let inputs: Vec<String> = keys
            .iter()
            .map(|key| format!("{{ prefix: {key}/ }}"))
            .collect();
        let local = Target::embedded(&["true"]);
        let workspace = Workspace::new().target("local", &local).object(".keep", "");
        let pairs = keys
            .iter()
            .map(String::as_str)
            .zip(inputs.iter().map(String::as_str));
        workspace.write("jobs/all.yaml", &jobs(pairs));
        workspace.write("faults.toml", faults);
        let arguments = ["--faults", "faults.toml"];
        let serve = Serve::start_at(&workspace, &arguments, &clock(service));
        workspace.add_target("test", &target(serve.address, "1s"));
        let world = Self {
            workspace,
            serve,
            keys,
            clock: clock(own),
            store: None,
        };
        let init = world.command(&["state", "init"]).status();
        assert!(init.unwrap().success());
        world
    }

    /// A workspace whose state is shared with its clones.
    pub(crate) fn shared(count: usize, faults: &str) -> Self {
        Self::new(count, faults).sharing()
    }

    /// Gives it a shared state that waits a second for a run that died.
    pub(crate) fn sharing(mut self) -> Self {
        let store = tempfile::tempdir().unwrap();
        let address = format!("file://{}/state", store.path().display());
        let target = target(self.serve.address, "1s").set("state", address);
        self.store = Some(store);
        self.set_target(&target);
        let init = self.command(&["state", "init", "--lease", "1s"]).output();
        let init = init.unwrap();
        let said = String::from_utf8_lossy(&init.stderr);
        assert!(init.status.success(), "{said}");
        self
    }

    fn set_target(&self, target: &Target) {
        let file = self.workspace.read("stocktake.toml");
        let (kept, _) = file.split_once("[targets.test]").unwrap();
        self.workspace.write("stocktake.toml", kept);
        self.workspace.add_target("test", target);
    }

    /// Another checkout of the same files.
    pub(crate) fn checkout(&self) -> Workspace {
        let other = Workspace::new();
        for file in ["stocktake.toml", "jobs/all.yaml"] {
            other.write(file, &self.workspace.read(file));
        }
        other
    }

    /// The folder that holds the folder of its shared state.
    pub(crate) fn store_folder(&self) -> &Path {
        self.store.as_ref().unwrap().path()
    }

    /// What the state holds now.
    pub(crate) fn reading(&self) -> Reading {
        let expected = Expected {
            target: "test",
            lineage: None,
        };
        StateStore::read_at(&self.location(), expected).unwrap()
    }

    fn location(&self) -> Location {
        match &self.store {
            None => Location::File(self.state()),
            Some(store) => Location::Shared(Shared {
                store: std::sync::Arc::new(FolderStore::new(&store.path().join("state"))),
                address: "the store".to_owned(),
                run: None,
            }),
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.workspace.path().join("test.state.jsonl")
    }

    /// The binary, on the target under test.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let arguments = [&["-t", "test"], arguments].concat();
        let mut command = self.workspace.command(&arguments);
        command
            .envs(CREDENTIALS)
            .envs(self.clock.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
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
                Some(1 | 3 | 5) => {}
                code => panic!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        panic!("not done after {MOST_RUNS} runs");
    }

    /// The ids of all jobs that the service ever took, by name.
    pub(crate) fn jobs(&self) -> BTreeMap<String, Vec<String>> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = self.serve.client();
        let listed = runtime.block_on(client.list(&ListQuery::default()));
        let mut jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for job in listed.unwrap() {
            let ids = jobs.entry(job.name).or_default();
            ids.push(job.job_id.to_string());
        }
        jobs
    }

    /// Where the service listens.
    pub(crate) fn service(&self) -> SocketAddr {
        self.serve.address
    }

    /// Lets the target be at another address, with that time for a call.
    pub(crate) fn point_at(&mut self, address: SocketAddr, timeout: &str) {
        self.set_target(&target(address, timeout));
    }

    pub(crate) fn remove_job_files(&self) {
        self.workspace.write("jobs/all.yaml", "jobs: {}\n");
    }

    /// Every id that the state knows.
    pub(crate) fn recorded_ids(&self) -> BTreeSet<String> {
        job_ids(&self.records()).collect()
    }

    pub(crate) fn records(&self) -> Records {
        self.reading().records
    }

    /// For every job exactly one was taken; the state knows its id; no id is unknown to the state.
    pub(crate) fn judge(&self) {
        let jobs = self.jobs();
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

/// `apply` in another checkout, not yet started.
pub(crate) fn apply_in(checkout: &Workspace) -> Command {
    let mut command = checkout.command(&["-t", "test", "apply", "--auto-approve"]);
    command
        .envs(CREDENTIALS)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
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
