//! Reading a large state, against what `serde_json` needs to parse the same lines.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::Value;
use stocktake::api::name::{BucketName, JobId, JobName, Region, WorkflowId};
use stocktake::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use stocktake::api::wire::JobState;
use stocktake::job::{JobKey, Work};
use stocktake::state::{
    Expected, OpenOptions, Outcome, Record, Seen, StateStore, Submission, SubmissionId,
};

const RECORDS: usize = 100_000;
const EXPECTED: Expected<'static> = Expected {
    target: "prod",
    lineage: None,
};

fn record(number: usize) -> Record {
    let key = format!("archive[folder={number:06}]");
    let work = Work {
        bucket: BucketName::new("media-1250000000").unwrap(),
        region: Region::new("ap-beijing").unwrap(),
        request: Request {
            name: JobName::new(&format!("archive_{number:06}")).unwrap(),
            kind: JobType::Workflow,
            input: Input::Prefix(format!("archive/{number:06}/")),
            operation: Operation {
                workflow_ids: WorkflowIds::from(
                    WorkflowId::new("w0f1e2d3c4b5a49687786a5b4c3d2e1f0").unwrap(),
                ),
                time_interval: TimeInterval::default(),
            },
        },
        rerun: None,
    };
    let now = Timestamp::now();
    let job_id = JobId::new(&format!("b{number:032x}")).unwrap();
    Record {
        fingerprint: work.fingerprint(),
        key: JobKey::new(&key),
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

fn write(path: &Path) {
    let options = OpenOptions {
        create: true,
        lock_timeout: Duration::ZERO,
    };
    let store = StateStore::open_for_writing(path, EXPECTED, options, &mut |_| {}).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let appends = (0..RECORDS).map(|number| store.append(record(number)));
        for appended in futures_util::future::join_all(appends).await {
            appended.unwrap();
        }
    });
    store.close().unwrap();
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prod.state.jsonl");
    write(&path);
    let mut group = criterion.benchmark_group("100,000 records");
    group.sample_size(10);
    group.bench_function("read the state", |bencher| {
        bencher.iter(|| StateStore::read(&path, EXPECTED).unwrap().1.len());
    });
    group.bench_function("serde_json into values", |bencher| {
        bencher.iter(|| {
            let text = std::fs::read_to_string(&path).unwrap();
            let values = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            black_box(values.collect::<Vec<Value>>()).len()
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
