//! Runs of workflows over single objects in the database.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, named_params};

use super::writer::in_savepoint;
use super::{Store, StoreError};
use crate::api::name::WorkflowId;
use crate::api::wire::JobState;

/// A run that is about to start.
#[derive(Debug, Clone)]
pub(in crate::service) struct Execution {
    pub(in crate::service) id: String,
    pub(in crate::service) job: i64,
    pub(in crate::service) workflow: WorkflowId,
    pub(in crate::service) key: String,
    pub(in crate::service) created: Timestamp,
}

/// Whether a run starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) enum Start {
    /// It starts under this id: its own, or that of the interrupted run which it repeats.
    Run(String),
    /// This job has run or is running this workflow over this object.
    Done,
}

/// What became of a job's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::service) struct Tally {
    pub(in crate::service) total: i64,
    pub(in crate::service) failed: i64,
    /// Key and message of the first failed run.
    pub(in crate::service) first_failure: Option<(String, String)>,
}

impl Store {
    /// Marks the runs that a killed process left running: they start again unless their job was
    /// cancelled.
    pub(in crate::service) async fn interrupt_executions(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            in_savepoint(connection, |connection| {
                connection.execute_batch(
                    "UPDATE executions SET state = 'Cancel' WHERE state = 'Running'
                     AND (SELECT jobs.state FROM jobs WHERE jobs.sequence = job) = 'Cancel';
                     UPDATE executions SET interrupted = 1 WHERE state = 'Running'",
                )
            })
        })
        .await
    }

    /// Notes that a run starts, unless this job has had it.
    pub(in crate::service) async fn start_execution(
        &self,
        execution: Execution,
    ) -> Result<Start, StoreError> {
        self.write(move |connection| {
            let mut upsert = connection.prepare_cached(
                "INSERT INTO executions (id, job, workflow, key, state, message, created)
                 VALUES (:id, :job, :workflow, :key, 'Running', '', :created)
                 ON CONFLICT (job, workflow, key) DO UPDATE SET interrupted = 0
                 WHERE interrupted = 1 RETURNING id",
            )?;
            let values = named_params! {
                ":id": execution.id,
                ":job": execution.job,
                ":workflow": execution.workflow.as_str(),
                ":key": execution.key,
                ":created": execution.created.as_second(),
            };
            let id = upsert.query_row(values, |row| row.get(0)).optional()?;
            Ok(id.map_or(Start::Done, Start::Run))
        })
        .await
    }

    /// Notes how a run ended.
    pub(in crate::service) async fn end_execution(
        &self,
        id: String,
        state: JobState,
        message: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut update = connection.prepare_cached(
                "UPDATE executions SET state = :state, message = :message, ended = :now
                 WHERE id = :id",
            )?;
            update.execute(named_params! {
                ":id": id,
                ":state": state.as_str(),
                ":message": message,
                ":now": now.as_second(),
            })?;
            Ok(())
        })
        .await
    }

    /// What became of a job's runs.
    pub(in crate::service) async fn tally(&self, job: i64) -> Result<Tally, StoreError> {
        self.read(move |connection| {
            let values = named_params! { ":job": job };
            let count = "SELECT count(*), coalesce(sum(state != 'Success'), 0)
                         FROM executions WHERE job = :job";
            let mut count = connection.prepare_cached(count)?;
            let (total, failed) = count.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
            let first = "SELECT key, message FROM executions
                         WHERE job = :job AND state != 'Success' ORDER BY sequence LIMIT 1";
            let mut first = connection.prepare_cached(first)?;
            let first_failure = first
                .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            Ok(Tally {
                total,
                failed,
                first_failure,
            })
        })
        .await
    }
}
