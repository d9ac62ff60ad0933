//! Jobs in the database.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};

use super::writer::in_savepoint;
use super::{Store, StoreError};
use crate::api::name::{BucketName, JobId};
use crate::api::request::Request;
use crate::api::wire::{Element, JobDetail, JobState};

pub(super) const COLUMNS: &str =
    "sequence, id, bucket, request, state, code, message, created, started, ended";

/// The column `request`: a request, and what answers give back of it word for word. Earlier builds
/// wrote the request alone.
#[derive(Debug, Serialize, Deserialize)]
struct AsSent<'a> {
    #[serde(flatten, skip_deserializing)]
    request: Option<&'a Request>,
    #[serde(
        default,
        rename = "$time_interval",
        skip_serializing_if = "Option::is_none"
    )]
    time_interval: Option<Element>,
}

/// A job that was accepted and has no row yet.
#[derive(Debug, Clone)]
pub(in crate::service) struct AcceptedJob {
    pub(in crate::service) id: JobId,
    pub(in crate::service) bucket: BucketName,
    pub(in crate::service) request: Request,
    /// `TimeInterval` as it was sent, for answers.
    pub(in crate::service) time_interval: Option<Element>,
    pub(in crate::service) created: Timestamp,
    /// False for what only runs one workflow over one object: that is no batch job, and its id is
    /// the id of the run.
    pub(in crate::service) listed: bool,
}

/// A job as the database holds it.
#[derive(Debug, Clone)]
pub(in crate::service) struct StoredJob {
    /// Its place in the order in which jobs came in.
    pub(in crate::service) sequence: i64,
    pub(in crate::service) id: JobId,
    pub(in crate::service) bucket: BucketName,
    pub(in crate::service) request: Request,
    pub(in crate::service) time_interval: Option<Element>,
    pub(in crate::service) state: JobState,
    pub(in crate::service) code: String,
    pub(in crate::service) message: String,
    pub(in crate::service) created: Timestamp,
    pub(in crate::service) started: Option<Timestamp>,
    pub(in crate::service) ended: Option<Timestamp>,
}

impl StoredJob {
    /// The job as answers describe it.
    pub(in crate::service) fn detail(self) -> JobDetail {
        JobDetail {
            job_id: self.id,
            name: self.request.name.as_str().to_owned(),
            kind: self.request.kind.as_str().to_owned(),
            state: self.state,
            code: self.code,
            message: self.message,
            created: Some(self.created),
            started: self.started,
            ended: self.ended,
            input: Some(self.request.input),
            operation: Some(self.request.operation),
            time_interval: self.time_interval,
        }
    }

    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let request: String = row.get("request")?;
        let moment = |name: &str| -> rusqlite::Result<Option<Timestamp>> {
            let seconds: Option<i64> = row.get(name)?;
            seconds.map(timestamp).transpose()
        };
        Ok(Self {
            sequence: row.get("sequence")?,
            id: JobId::new(&row.get::<_, String>("id")?).map_err(|e| unreadable(e.into()))?,
            bucket: BucketName::new(&row.get::<_, String>("bucket")?)
                .map_err(|error| unreadable(error.into()))?,
            request: serde_json::from_str(&request).map_err(|error| unreadable(error.into()))?,
            time_interval: serde_json::from_str::<AsSent>(&request)
                .map_err(|error| unreadable(error.into()))?
                .time_interval,
            state: JobState::from(row.get::<_, String>("state")?),
            code: row.get("code")?,
            message: row.get("message")?,
            created: timestamp(row.get("created")?)?,
            started: moment("started")?,
            ended: moment("ended")?,
        })
    }
}

pub(super) fn timestamp(seconds: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|error| unreadable(error.into()))
}

/// A column holds a value that this program does not write.
pub(super) fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error)
}

/// Gives a job its row.
fn insert_job(connection: &Connection, job: &AcceptedJob) -> rusqlite::Result<()> {
    let as_sent = AsSent {
        request: Some(&job.request),
        time_interval: job.time_interval.clone(),
    };
    let request = serde_json::to_string(&as_sent)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO jobs (id, bucket, name, workflows, request, state, code, message,
            created, listed)
         VALUES (:id, :bucket, :name, :workflows, :request, 'Submitted', 'Success', '',
            :created, :listed)",
    )?;
    insert.execute(named_params! {
        ":listed": job.listed,
        ":id": job.id.as_str(),
        ":bucket": job.bucket.as_str(),
        ":name": job.request.name.as_str(),
        ":workflows": format!(",{},", job.request.operation.workflow_ids.joined()),
        ":request": request,
        ":created": job.created.as_second(),
    })?;
    if job.listed {
        Ok(())
    } else {
        note_single_run(connection, job)
    }
}

/// The run's id is in the answer: it must be found before it starts.
fn note_single_run(connection: &Connection, job: &AcceptedJob) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO executions (id, job, workflow, key, state, message, created, interrupted)
         VALUES (:id, :job, :workflow, :key, 'Running', '', :created, 1)",
    )?;
    insert.execute(named_params! {
        ":id": job.id.as_str(),
        ":job": connection.last_insert_rowid(),
        ":workflow": job.request.operation.workflow_ids.joined(),
        ":key": job.request.input.value(),
        ":created": job.created.as_second(),
    })?;
    Ok(())
}

impl Store {
    /// Accepts a job; when this returns, it is on the disk, and the runner is told.
    pub(in crate::service) async fn add_job(&self, job: AcceptedJob) -> Result<(), StoreError> {
        let accepted = self.accepted.clone();
        let insert = move |connection: &Connection| {
            in_savepoint(connection, |connection| insert_job(connection, &job))
        };
        let count = move || accepted.send_modify(|count| *count += 1);
        self.writer.write(insert, count).await
    }

    /// The job of that id in that bucket.
    pub(in crate::service) async fn job(
        &self,
        bucket: BucketName,
        id: JobId,
    ) -> Result<Option<StoredJob>, StoreError> {
        self.read(move |connection| {
            let query = format!(
                "SELECT {COLUMNS} FROM jobs WHERE id = :id AND bucket = :bucket AND listed"
            );
            let mut select = connection.prepare_cached(&query)?;
            let values = named_params! { ":id": id.as_str(), ":bucket": bucket.as_str() };
            select.query_row(values, StoredJob::from_row).optional()
        })
        .await
    }

    /// The oldest jobs after `sequence` that have not ended.
    pub(in crate::service) async fn unfinished_jobs(
        &self,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<StoredJob>, StoreError> {
        self.read(move |connection| {
            let query = format!(
                "SELECT {COLUMNS} FROM jobs WHERE state IN ('Submitted', 'Running')
                 AND sequence > :sequence ORDER BY sequence LIMIT :limit"
            );
            let mut select = connection.prepare_cached(&query)?;
            let values = named_params! { ":sequence": sequence, ":limit": limit };
            select.query_map(values, StoredJob::from_row)?.collect()
        })
        .await
    }

    /// How many jobs have not ended.
    pub(in crate::service) async fn count_unfinished_jobs(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let query = "SELECT count(*) FROM jobs WHERE state IN ('Submitted', 'Running')";
            connection.query_row(query, [], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))
        })
        .await
    }

    /// Marks a job as running; false if it has ended in the meantime.
    pub(in crate::service) async fn start_job(
        &self,
        sequence: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let mut update = connection.prepare_cached(
                "UPDATE jobs SET state = 'Running', started = coalesce(started, :now)
                 WHERE sequence = :sequence AND state IN ('Submitted', 'Running')",
            )?;
            let values = named_params! { ":sequence": sequence, ":now": now.as_second() };
            Ok(update.execute(values)? > 0)
        })
        .await
    }

    /// Ends a job, unless it has ended already; says whether it had not.
    pub(in crate::service) async fn end_job(
        &self,
        sequence: i64,
        state: JobState,
        code: String,
        message: String,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            in_savepoint(connection, |connection| {
                let mut update = connection.prepare_cached(
                    "UPDATE jobs SET state = :state, code = :code, message = :message,
                     ended = :now
                     WHERE sequence = :sequence AND state IN ('Submitted', 'Running')",
                )?;
                let changed = update.execute(named_params! {
                    ":sequence": sequence,
                    ":state": state.as_str(),
                    ":code": code,
                    ":message": message,
                    ":now": now.as_second(),
                })?;
                if changed > 0 {
                    end_interrupted_runs(connection, sequence, &state, &message, now)?;
                }
                Ok(changed > 0)
            })
        })
        .await
    }
}

/// Runs that were interrupted and had not started again will not.
fn end_interrupted_runs(
    connection: &Connection,
    job: i64,
    state: &JobState,
    message: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE executions SET state = :state, message = :message, ended = :now, interrupted = 0
         WHERE job = :job AND interrupted = 1",
    )?;
    update.execute(named_params! {
        ":job": job,
        ":state": state.as_str(),
        ":message": message,
        ":now": now.as_second(),
    })?;
    Ok(())
}
