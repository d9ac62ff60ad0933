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
use stocktake::job::{Job, Work};
use stocktake::load;
use stocktake::resolve::Surroundings;
use stocktake::state::{
    Expected, OpenOptions, Outcome, Record, Seen, StateStore, Submission, SubmissionId,
};
use stocktake::workspace::{LOCAL, Workspace};

use common::{FILES, JOBS_PER_FILE, workspace};

const ROUNDS: usize = 7;
const CHANGED: usize = 10;

fn main() {
    let root = workspace();
    let state = state(&root);
    let forms: [(&str, &[&str]); 3] = [
        ("validate", &["validate"]),
        ("plan", &["plan"]),
        ("plan --format json", &["plan", "--format", "json"]),
    ];
    let mut best = forms.map(|_| Duration::MAX);
    for _ in 0..ROUNDS {
        for (best, (_, arguments)) in best.iter_mut().zip(forms) {
            // Virtual machines give memory back while it is free, and get it again slowly: what
            // was run just now finds as much of it as it needs.
            run(&root, &state, arguments);
            *best = (*best).min(run(&root, &state, arguments));
        }
    }
    for ((name, _), time) in forms.iter().zip(best) {
        let ratio = time.as_secs_f64() / best[0].as_secs_f64();
        println!("{name:20} {time:>8.0?}  {ratio:.2} × validate");
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
    let surroundings = Surroundings {
        target: target.name,
        bucket: target.bucket,
        region: target.region,
        workflows: None,
        variables: workspace.variables(LOCAL),
        now: Timestamp::UNIX_EPOCH,
    };
    let jobs = load::load(&workspace, &[], surroundings).jobs;
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
            ended_at: Some(now),
            outcome: Outcome::Accepted {
                job_id: job_id.clone(),
                request_id: Some("NjJiZDU1ZmZfOTBmYTUwNjRfNzdjY18xYQ==".to_owned()),
            },
            removed: None,
        }],
        seen: Some(Seen::new(job_id, JobState::Success, now)),
    }
}
