//! Lists of runs, page by page.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, named_params, params_from_iter};

use super::jobs::timestamp;
use super::query::{Order, Query};
use super::{Store, StoreError};
use crate::api::name::BucketName;
use crate::api::wire::JobState;

pub(super) const COLUMNS: &str = "executions.sequence, executions.id, executions.workflow,
    executions.key, executions.state, executions.message, executions.created, executions.ended";

const OF_BUCKET: &str =
    "FROM executions JOIN jobs ON jobs.sequence = executions.job WHERE jobs.bucket =";

/// Which runs of a bucket to list; what is absent or empty filters nothing.
#[derive(Debug, Clone)]
pub(in crate::service) struct ExecutionFilter {
    pub(in crate::service) bucket: BucketName,
    pub(in crate::service) workflow: String,
    /// The id of a batch job.
    pub(in crate::service) job: Option<String>,
    pub(in crate::service) key: Option<String>,
    pub(in crate::service) states: Vec<String>,
    pub(in crate::service) created_from: Option<Timestamp>,
    pub(in crate::service) created_until: Option<Timestamp>,
    pub(in crate::service) order: Order,
    /// Only what comes after this run.
    pub(in crate::service) after: Option<i64>,
    pub(in crate::service) limit: usize,
}

/// A run as the database holds it.
#[derive(Debug, Clone)]
pub(in crate::service) struct StoredExecution {
    /// Its place in the order in which runs began.
    pub(in crate::service) sequence: i64,
    pub(in crate::service) id: String,
    pub(in crate::service) workflow: String,
    pub(in crate::service) key: String,
    pub(in crate::service) state: JobState,
    pub(in crate::service) message: String,
    pub(in crate::service) created: Timestamp,
    pub(in crate::service) ended: Option<Timestamp>,
}

impl StoredExecution {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            id: row.get(1)?,
            workflow: row.get(2)?,
            key: row.get(3)?,
            state: JobState::from(row.get::<_, String>(4)?),
            message: row.get(5)?,
            created: timestamp(row.get(6)?)?,
            ended: row.get::<_, Option<i64>>(7)?.map(timestamp).transpose()?,
        })
    }
}

impl Store {
    /// The runs that the filter lets through.
    pub(in crate::service) async fn list_executions(
        &self,
        filter: ExecutionFilter,
    ) -> Result<Vec<StoredExecution>, StoreError> {
        let (query, values) = statement(filter);
        self.read(move |connection| {
            let mut select = connection.prepare_cached(&query)?;
            let rows = select.query_map(params_from_iter(values), StoredExecution::from_row)?;
            rows.collect()
        })
        .await
    }

    /// The run of that id in that bucket.
    pub(in crate::service) async fn execution(
        &self,
        bucket: BucketName,
        id: String,
    ) -> Result<Option<StoredExecution>, StoreError> {
        self.read(move |connection| {
            let query = format!("SELECT {COLUMNS} {OF_BUCKET} :bucket AND executions.id = :id");
            let mut select = connection.prepare_cached(&query)?;
            let values = named_params! { ":bucket": bucket.as_str(), ":id": id };
            select
                .query_row(values, StoredExecution::from_row)
                .optional()
        })
        .await
    }
}

fn statement(filter: ExecutionFilter) -> (String, Vec<Value>) {
    let of_job = "executions.job = (SELECT sequence FROM jobs WHERE id = ? AND listed)";
    Query::new(
        format!("SELECT {COLUMNS} {OF_BUCKET} ?"),
        filter.bucket.as_str(),
    )
    .and("executions.workflow = ?", Some(filter.workflow))
    .and(of_job, filter.job)
    .and("executions.key = ?", filter.key)
    .and_between(
        "executions.created",
        filter.created_from,
        filter.created_until,
    )
    .and_in("executions.state", filter.states)
    .page(
        "executions.sequence",
        filter.order,
        filter.after,
        filter.limit,
    )
}
