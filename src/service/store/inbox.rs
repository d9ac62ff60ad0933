//! Jobs that are on the disk and have no rows of their own yet.
//!
//! A crowd of triggers goes to the disk as one row, which costs a small part of what a row and its
//! indexes cost for each. The jobs get theirs before anybody looks: a question about jobs sees all
//! that was answered before it was asked.

use rusqlite::{Connection, named_params};

use super::jobs::{NewJob, insert_job, unreadable};
use super::writer::in_savepoint;

pub(super) const TABLE: &str = "
CREATE TABLE inbox (
    sequence INTEGER PRIMARY KEY,
    jobs     TEXT NOT NULL
) STRICT;
";

/// Fewer jobs than this get their rows at once, unless others wait before them.
const CROWD: usize = 8;

/// Takes in jobs that came together, all of them or none.
pub(super) fn take_in(connection: &Connection, jobs: &[NewJob]) -> rusqlite::Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    if jobs.len() < CROWD && end(connection)? == 0 {
        return in_savepoint(connection, |connection| {
            jobs.iter().try_for_each(|job| insert_job(connection, job))
        });
    }
    let jobs = serde_json::to_string(jobs)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut insert = connection.prepare_cached("INSERT INTO inbox (jobs) VALUES (:jobs)")?;
    insert.execute(named_params! { ":jobs": jobs })?;
    Ok(())
}

/// The last row that waits; 0 if none does.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<i64> {
    let mut select = connection.prepare_cached("SELECT coalesce(max(sequence), 0) FROM inbox")?;
    select.query_row([], |row| row.get(0))
}

/// Gives the oldest jobs, those of rows up to `end`, rows of their own: about `count` of them. Says
/// whether that were all.
pub(super) fn index(connection: &Connection, end: i64, count: usize) -> rusqlite::Result<bool> {
    in_savepoint(connection, |connection| {
        let mut select = connection.prepare_cached(
            "SELECT sequence, jobs FROM inbox WHERE sequence <= :end ORDER BY sequence",
        )?;
        let mut rows = select.query(named_params! { ":end": end })?;
        let (mut indexed, mut done) = (0, 0);
        while indexed < count {
            let Some(row) = rows.next()? else {
                done = end;
                break;
            };
            done = row.get("sequence")?;
            let jobs: Vec<NewJob> = serde_json::from_str(row.get_ref("jobs")?.as_str()?)
                .map_err(|error| unreadable(error.into()))?;
            for job in &jobs {
                insert_job(connection, job)?;
            }
            indexed += jobs.len();
        }
        drop(rows);
        let mut delete = connection.prepare_cached("DELETE FROM inbox WHERE sequence <= :done")?;
        delete.execute(named_params! { ":done": done })?;
        Ok(done >= end)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use futures_util::future::join_all;
    use jiff::Timestamp;
    use rusqlite::Connection;

    use crate::api::name::{BucketName, JobId, JobName, WorkflowId};
    use crate::api::request::{Input, JobType, Operation, Request, TimeInterval};
    use crate::service::identity;
    use crate::service::store::job_list::JobFilter;
    use crate::service::store::{NewJob, Order, Store, StoreError, TABLES};

    fn job() -> NewJob {
        NewJob {
            id: identity::job_id().unwrap(),
            bucket: BucketName::new("demo-1250000000").unwrap(),
            request: Request {
                name: JobName::new("\u{6279}\u{91cf}").unwrap(),
                kind: JobType::Workflow,
                input: Input::Prefix("a\"b/\u{1f600}".to_owned()),
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
        }
    }

    /// Takes in that many jobs at once, of which most come in a crowd.
    async fn crowd(store: &Store, count: usize) -> BTreeSet<JobId> {
        let jobs: Vec<NewJob> = std::iter::repeat_with(job).take(count).collect();
        let ids = jobs.iter().map(|job| job.id.clone()).collect();
        for taken_in in join_all(jobs.into_iter().map(|job| store.add_job(job))).await {
            taken_in.unwrap();
        }
        assert!(waits(store), "they have no rows of their own yet");
        ids
    }

    /// Whether jobs wait in the inbox.
    fn waits(store: &Store) -> bool {
        store.intake().borrow().inbox_end > 0
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

    fn database(folder: &tempfile::TempDir) -> std::path::PathBuf {
        folder.path().join("service.db")
    }

    #[tokio::test]
    async fn a_crowd_is_seen_by_who_asks() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&database(&folder)).unwrap();
        let ids = crowd(&store, 700).await;
        assert_eq!(store.intake().borrow().jobs, 700);
        let late = job();
        store.add_job(late.clone()).await.unwrap();
        let found = store
            .job(late.bucket.clone(), late.id.clone())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.request, late.request);
        assert_eq!(found.created, late.created);
        assert!(
            !waits(&store),
            "a question about jobs gives them their rows"
        );
        let mut listed = listed(&store).await;
        assert_eq!(listed.pop(), Some(late.id), "it came last");
        assert!(is_all(&listed, &ids));
        store.add_job(job()).await.unwrap();
        assert!(!waits(&store), "one that comes alone gets its row at once");
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
        let path = database(&folder);
        let killed = Store::open(&path).unwrap();
        let ids = crowd(&killed, 100).await;
        // As a kill does, it leaves what is on the disk at this moment.
        for name in ["service.db", "service.db-wal"] {
            let copy = folder.path().join(name.replace("service", "copy"));
            std::fs::copy(folder.path().join(name), copy).unwrap();
        }
        let store = Store::open(&folder.path().join("copy.db")).unwrap();
        assert!(waits(&store));
        assert_eq!(store.count_unfinished_jobs().await.unwrap(), 100);
        assert!(is_all(&listed(&store).await, &ids));
        store.close().await;
        killed.close().await;
    }

    #[tokio::test]
    async fn a_database_from_before_the_inbox_gets_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(&folder);
        let make = |path: &Path, version: u32| {
            let connection = Connection::open(path).unwrap();
            let made = format!("{TABLES}PRAGMA user_version = {version};");
            connection.execute_batch(&made).unwrap();
        };
        make(&path, 1);
        let store = Store::open(&path).unwrap();
        let ids = crowd(&store, 100).await;
        assert!(is_all(&listed(&store).await, &ids));
        store.close().await;
        let later = folder.path().join("later.db");
        make(&later, 3);
        let refused = Store::open(&later).unwrap_err();
        assert!(matches!(refused, StoreError::Format { found: 3 }));
    }
}
