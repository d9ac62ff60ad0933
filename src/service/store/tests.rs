//! Many jobs accepted at once: each is listed once and in order, and a kill loses none.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use futures_util::future::join_all;
use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::job_list::JobFilter;
use super::{AcceptedJob, Order, Store, StoreError};
use crate::api::name::{BucketName, JobId, JobName, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval};
use crate::service::ids;

/// A job with everything that JSON has to escape.
fn job() -> AcceptedJob {
    AcceptedJob {
        id: ids::job_id(),
        bucket: BucketName::new("demo-1250000000").unwrap(),
        request: Request {
            name: JobName::new("\u{6279}\u{91cf}").unwrap(),
            kind: JobType::Workflow,
            input: Input::Prefix("a\"b/\n\u{1f600}".to_owned()),
            operation: Operation {
                workflow_ids: WorkflowId::new("w1").unwrap().into(),
                time_interval: TimeInterval {
                    start: Some(Timestamp::UNIX_EPOCH),
                    end: None,
                },
            },
        },
        created: Timestamp::from_second(1_656_314_590).unwrap(),
        listed: true,
        time_interval: None,
    }
}

/// Accepts that many jobs at once.
async fn accept(store: &Store, count: usize) -> BTreeSet<JobId> {
    let jobs: Vec<AcceptedJob> = std::iter::repeat_with(job).take(count).collect();
    let ids = jobs.iter().map(|job| job.id.clone()).collect();
    let accepted = jobs.into_iter().map(|job| store.add_job(job));
    for accepted in join_all(accepted).await {
        accepted.unwrap();
    }
    ids
}

async fn listed(store: &Store) -> Vec<JobId> {
    let filter = JobFilter {
        bucket: job().bucket,
        id: None,
        name: None,
        workflow: Some("w1".to_owned()),
        states: Vec::new(),
        created_from: None,
        created_until: None,
        order: Order::Ascending,
        after: None,
        limit: 10_000,
    };
    let jobs = store.list_jobs(filter).await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("service.db")
}

#[tokio::test]
async fn jobs_are_listed_once_each_in_the_order_of_their_answers() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    let mut batches = Vec::new();
    for count in [1, 700, 100] {
        batches.push(accept(&store, count).await);
    }
    assert_eq!(*store.accepted().borrow(), 801);
    let mut listed = listed(&store).await;
    assert_eq!(listed.len(), 801);
    for batch in batches {
        let rest = listed.split_off(batch.len());
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), batch);
        listed = rest;
    }
    let job = job();
    store.add_job(job.clone()).await.unwrap();
    let found = store.job(job.bucket, job.id).await.unwrap().unwrap();
    assert_eq!((found.request, found.created), (job.request, job.created));
    store.close().await;
}

#[tokio::test]
async fn unfinished_jobs_are_read_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    accept(&store, 200).await;
    let first = store.unfinished_jobs(0, 64).await.unwrap();
    let second = store.unfinished_jobs(first[63].sequence, 64).await.unwrap();
    let taken: Vec<JobId> = first.into_iter().chain(second).map(|job| job.id).collect();
    assert_eq!(taken, listed(&store).await[..128]);
    store.close().await;
}

#[tokio::test]
async fn accepted_jobs_are_in_the_files_that_a_kill_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let killed = Store::open(&database(&folder)).unwrap();
    let ids = accept(&killed, 700).await;
    let copy = tempfile::tempdir().unwrap();
    for name in ["service.db", "service.db-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let store = Store::open(&database(&copy)).unwrap();
    assert_eq!(store.count_unfinished_jobs().await.unwrap(), 700);
    let listed = listed(&store).await;
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), ids);
    store.close().await;
    killed.close().await;
}

#[test]
fn a_database_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(&folder);
    let connection = Connection::open(&path).unwrap();
    for format in [1, 3, 5] {
        let pragma = format!("PRAGMA user_version = {format}");
        connection.execute_batch(&pragma).unwrap();
        let refused = Store::open(&path).unwrap_err();
        assert!(matches!(refused, StoreError::Format { found } if found == format));
    }
}
