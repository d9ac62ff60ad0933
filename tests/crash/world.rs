//! A workspace of many jobs, a service that runs them, and the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use stocktake::api::client::ListQuery;
use stocktake::state::{Expected, Outcome, Records, StateStore};

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
}

impl World {
    /// A workspace of `count` jobs against a service with `faults`.
    pub(crate) fn new(count: usize, faults: &str) -> Self {
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
        let serve = Serve::start_with(&workspace, &["--faults", "faults.toml"]);
        let target = Target::at(serve.address)
            .set("max_submissions", 100_000)
            .set("timeout", "1s")
            .set("settle", "1s");
        workspace.add_target("test", &target);
        let world = Self {
            workspace,
            serve,
            keys,
        };
        let init = world.command(&["state", "init"]).status();
        assert!(init.unwrap().success());
        world
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
                Some(1 | 3) => {}
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

    pub(crate) fn records(&self) -> Records {
        let expected = Expected {
            target: "test",
            lineage: None,
        };
        StateStore::read(&self.state(), expected).unwrap().1
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
