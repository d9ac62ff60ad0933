//! Crowds of jobs: seen by who asks, started in parts, there after a kill.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use rusqlite::{Connection, named_params};
use tempfile::TempDir;

use super::format::TABLES;
use super::job_list::JobFilter;
use super::journal::tests::job;
use super::{JournalError, JournalProblem, NewJob, Order, Store, StoreError};
use crate::api::name::JobId;

/// The files of a store, as a kill leaves them.
const FILES: [&str; 3] = ["service.db", "service.db-wal", "service.journal"];

async fn add(store: &Store, job: &NewJob) -> Result<(), StoreError> {
    store.add_job(store.encode_job(job)?).await
}

/// Takes in that many jobs at once, of which most come in a crowd.
async fn crowd(store: &Store, count: usize) -> BTreeSet<JobId> {
    let jobs: Vec<NewJob> = std::iter::repeat_with(job).take(count).collect();
    let ids = jobs.iter().map(|job| job.id.clone()).collect();
    let taken_in = jobs.iter().map(|job| add(store, job));
    for taken_in in join_all(taken_in).await {
        taken_in.unwrap();
    }
    assert!(waits(store), "they have no rows yet");
    ids
}

/// Whether jobs wait in the journal.
fn waits(store: &Store) -> bool {
    store.journal.last_waiting().is_some()
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

/// Whether these are those, each once.
fn is_all(listed: &[JobId], ids: &BTreeSet<JobId>) -> bool {
    listed.len() == ids.len() && listed.iter().all(|id| ids.contains(id))
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("service.db")
}

/// A copy of what is on the disk at this moment.
fn as_killed(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn problem(opened: Result<Store, StoreError>) -> JournalProblem {
    match opened.unwrap_err() {
        StoreError::Journal(JournalError { problem, .. }) => problem,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_crowd_is_seen_by_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    let ids = crowd(&store, 700).await;
    assert_eq!(*store.taken_in().borrow(), 700);
    let late = job();
    add(&store, &late).await.unwrap();
    let found = store
        .job(late.bucket.clone(), late.id.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.request, late.request);
    assert_eq!(found.created, late.created);
    assert!(!waits(&store), "a question about jobs gives them rows");
    let mut listed = listed(&store).await;
    assert_eq!(listed.pop(), Some(late.id), "it came last");
    assert!(is_all(&listed, &ids));
    store.close().await;
}

#[tokio::test]
async fn jobs_keep_the_order_in_which_they_were_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    let first = job();
    add(&store, &first).await.unwrap();
    let mut batches = vec![BTreeSet::from([first.id])];
    for _ in 0..5 {
        batches.push(crowd(&store, 100).await);
    }
    let mut listed = listed(&store).await;
    for batch in batches {
        let rest = listed.split_off(batch.len());
        assert!(is_all(&listed, &batch));
        listed = rest;
    }
    store.close().await;
}

#[tokio::test]
async fn the_runner_takes_a_part_and_leaves_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    crowd(&store, 700).await;
    let first = store.unfinished_jobs(0, 64).await.unwrap();
    assert!(waits(&store));
    let second = store.unfinished_jobs(first[63].sequence, 64).await.unwrap();
    assert!(waits(&store));
    let taken: Vec<JobId> = first.into_iter().chain(second).map(|job| job.id).collect();
    assert_eq!(taken, listed(&store).await[..128]);
    store.close().await;
}

#[tokio::test]
async fn a_crowd_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let killed = Store::open(&database(&folder)).unwrap();
    let mut ids = crowd(&killed, 700).await;
    let mut copies = vec![(as_killed(&folder), ids.clone())];
    killed.unfinished_jobs(0, 64).await.unwrap();
    copies.push((as_killed(&folder), ids.clone()));
    assert!(is_all(&listed(&killed).await, &ids));
    copies.push((as_killed(&folder), ids.clone()));
    ids.extend(crowd(&killed, 50).await);
    copies.push((as_killed(&folder), ids));
    for (copy, ids) in copies {
        let store = Store::open(&database(&copy)).unwrap();
        let count = store.count_unfinished_jobs().await.unwrap();
        assert_eq!(count, ids.len() as u64);
        assert!(is_all(&listed(&store).await, &ids));
        store.close().await;
    }
    killed.close().await;
}

#[tokio::test]
async fn a_database_does_not_go_on_without_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    crowd(&store, 100).await;
    store.close().await;
    let journal = folder.path().join("service.journal");
    let kept = fs::read(&journal).unwrap();
    fs::remove_file(&journal).unwrap();
    let missing = problem(Store::open(&database(&folder)));
    assert!(matches!(missing, JournalProblem::Missing));
    let other = tempfile::tempdir().unwrap();
    Store::open(&database(&other)).unwrap().close().await;
    fs::copy(other.path().join("service.journal"), &journal).unwrap();
    let foreign = problem(Store::open(&database(&folder)));
    assert!(matches!(foreign, JournalProblem::Foreign));
    fs::write(&journal, kept).unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    assert_eq!(listed(&store).await.len(), 100);
    store.close().await;
}

#[tokio::test]
async fn a_new_database_knows_nothing_of_an_old_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    crowd(&store, 100).await;
    store.close().await;
    fs::remove_file(database(&folder)).unwrap();
    let store = Store::open(&database(&folder)).unwrap();
    assert!(listed(&store).await.is_empty());
    let ids = crowd(&store, 10).await;
    assert!(is_all(&listed(&store).await, &ids));
    store.close().await;
}

/// A database as earlier builds made it.
fn make(path: &Path, version: u32, more: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    let made = format!("{TABLES}{more}PRAGMA user_version = {version};");
    connection.execute_batch(&made).unwrap();
    connection
}

#[tokio::test]
async fn databases_of_earlier_builds_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.db");
    make(&first, 1, "");
    let store = Store::open(&first).unwrap();
    let ids = crowd(&store, 100).await;
    assert!(is_all(&listed(&store).await, &ids));
    store.close().await;
    let second = folder.path().join("second.db");
    let inbox = "CREATE TABLE inbox (sequence INTEGER PRIMARY KEY, jobs TEXT NOT NULL) STRICT;";
    let connection = make(&second, 2, inbox);
    let jobs = [vec![job(), job()], vec![job()]];
    for jobs in &jobs {
        let jobs = serde_json::to_string(jobs).unwrap();
        let insert = "INSERT INTO inbox (jobs) VALUES (:jobs)";
        connection
            .execute(insert, named_params! { ":jobs": jobs })
            .unwrap();
    }
    drop(connection);
    for _ in 0..2 {
        let store = Store::open(&second).unwrap();
        let jobs = jobs.iter().flatten().map(|job| job.id.clone());
        assert_eq!(listed(&store).await, jobs.collect::<Vec<_>>());
        store.close().await;
    }
    let later = folder.path().join("later.db");
    make(&later, 4, "");
    let refused = Store::open(&later).unwrap_err();
    assert!(matches!(refused, StoreError::Format { found: 4 }));
}
