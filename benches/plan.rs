//! `plan` of 100,000 jobs with 100,000 records in the state, against `validate` of the same workspace.
//!
//! One job in ten was changed since it was recorded; the others are unchanged.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what people run it for"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stocktake::api::name::JobId;
use stocktake::api::wire::JobState;
use stocktake::expand::ExpandContext;
use stocktake::job::{Job, Work};
use stocktake::load;
use stocktake::state::{
    Expected, OpenOptions, Outcome, Record, Seen, StateStore, Submission, SubmissionId,
};
use stocktake::workspace::{LOCAL, Workspace};

use common::{FILES, JOBS_PER_FILE, workspace};

const ROUNDS: usize = 21;
const CHANGED: usize = 10;

fn main() {
    let root = workspace();
    let state = state(&root);
    let forms: [(&str, &[&str]); 3] = [
        ("validate", &["validate"]),
        ("plan", &["plan"]),
        ("plan --format json", &["plan", "--format", "json"]),
    ];
    let mut times = forms.map(|_| Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS {
        // Virtual machines give memory back while it is free, and get it again slowly: whoever
        // comes behind one that needed little waits for it. Each comes behind each.
        let mut turns = [0, 1, 2];
        turns.rotate_left(round % 3);
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            times[turn].push(run(&root, &state, forms[turn].1));
        }
    }
    for times in &mut times {
        times.sort_unstable();
    }
    let [validate, ..] = &times;
    let ratio = |time: Duration, other: Duration| time.as_secs_f64() / other.as_secs_f64();
    for ((name, _), times) in forms.iter().zip(&times) {
        let (best, median) = (times[0], times[ROUNDS / 2]);
        println!(
            "{name:20} best {best:>6.0?}  {:.2} × validate   median {median:>6.0?}  {:.2} × validate",
            ratio(best, validate[0]),
            ratio(median, validate[ROUNDS / 2]),
        );
    }
}

fn run(root: &Path, state: &Path, arguments: &[&str]) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stocktake"));
    command
        .args(arguments)
        .current_dir(root)
        .env_clear()
        .env("STOCKTAKE_STATE", state)
        .stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().unwrap();
    let elapsed = started.elapsed();
    assert!(status.success());
    elapsed
}

/// Writes the records once; later runs find them.
fn state(root: &Path) -> PathBuf {
    let path = root.join("records.state.jsonl");
    if path.exists() {
        return path;
    }
    let workspace = Workspace::open(root).unwrap();
    let target = workspace.target(LOCAL).unwrap();
    let context = ExpandContext {
        target: target.name,
        bucket: target.bucket,
        region: target.region,
        workflows: None,
        workflow_names: [].into(),
        private_callbacks: false,
        variables: workspace.variables(LOCAL),
        now: Timestamp::UNIX_EPOCH,
    };
    let jobs = load::load(&workspace, &[], context).jobs;
    assert_eq!(jobs.len(), FILES * JOBS_PER_FILE);
    let expected = Expected {
        target: LOCAL,
        lineage: None,
    };
    let options = OpenOptions {
        create: true,
        lock_timeout: Duration::ZERO,
    };
    let store = StateStore::open_for_writing(&path, expected, options, &mut |_| {}).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let records = jobs.iter().enumerate();
        let records = records.map(|(number, job)| store.append(record(number, job)));
        for appended in futures_util::future::join_all(records).await {
            appended.unwrap();
        }
    });
    store.close().unwrap();
    path
}

fn record(number: usize, job: &Job) -> Record {
    let mut work = Work::clone(&job.work);
    if number.is_multiple_of(CHANGED) {
        work.rerun = Some("before".to_owned());
    }
    let now = Timestamp::now();
    let job_id = JobId::new(&format!("b{number:032x}")).unwrap();
    Record {
        fingerprint: work.fingerprint(),
        key: job.key.clone(),
        written_at: now,
        work: Arc::new(work),
        submissions: vec![Submission {
            id: SubmissionId::random(),
            intended_at: now,
            not_before: None,
            not_after: None,
            ended_at: Some(now),
            outcome: Outcome::Accepted {
                job_id: job_id.clone(),
                request_id: Some("NjJiZDU1ZmZfOTBmYTUwNjRfNzdjY18xYQ==".to_owned()),
            },
            by_hand: false,
            removed: None,
        }],
        seen: Some(Seen::new(job_id, JobState::Success, now)),
    }
}
