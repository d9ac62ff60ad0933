//! Lists of jobs, page by page.

use jiff::Timestamp;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::jobs::COLUMNS;
use super::query::{Order, Query};
use super::{Store, StoreError, StoredJob};
use crate::api::name::BucketName;

/// Which jobs of a bucket to list; what is absent or empty filters nothing.
#[derive(Debug, Clone)]
pub(in crate::service) struct JobFilter {
    pub(in crate::service) bucket: BucketName,
    pub(in crate::service) id: Option<String>,
    pub(in crate::service) name: Option<String>,
    pub(in crate::service) workflow: Option<String>,
    pub(in crate::service) states: Vec<String>,
    pub(in crate::service) created_from: Option<Timestamp>,
    pub(in crate::service) created_until: Option<Timestamp>,
    pub(in crate::service) order: Order,
    /// Only what comes after this job: pages do not shift while jobs are added.
    pub(in crate::service) after: Option<i64>,
    pub(in crate::service) limit: usize,
}

impl Store {
    /// The jobs that the filter lets through.
    pub(in crate::service) async fn list_jobs(
        &self,
        filter: JobFilter,
    ) -> Result<Vec<StoredJob>, StoreError> {
        let (query, values) = statement(filter);
        self.read(move |connection| {
            let mut select = connection.prepare_cached(&query)?;
            let rows = select.query_map(params_from_iter(values), StoredJob::from_row)?;
            rows.collect()
        })
        .await
    }
}

fn statement(filter: JobFilter) -> (String, Vec<Value>) {
    let select = format!("SELECT {COLUMNS} FROM jobs WHERE bucket = ? AND listed");
    let workflow = filter.workflow.map(|id| format!(",{id},"));
    Query::new(select, filter.bucket.as_str())
        .and("id = ?", filter.id)
        .and("name = ?", filter.name)
        .and("instr(workflows, ?) > 0", workflow)
        .and_between("created", filter.created_from, filter.created_until)
        .and_in("state", filter.states)
        .page("sequence", filter.order, filter.after, filter.limit)
}
