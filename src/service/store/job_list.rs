//! Lists of jobs, page by page.

use jiff::Timestamp;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::jobs::COLUMNS;
use super::{Store, StoreError, StoredJob};
use crate::api::name::BucketName;

/// The order of a list, by the time at which its entries came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Order {
    Ascending,
    Descending,
}

impl Order {
    /// The comparison that what comes behind an entry fulfils, and the word that sorts so.
    pub(super) fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Ascending => (">", "ASC"),
            Self::Descending => ("<", "DESC"),
        }
    }
}

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
    /// Only what comes behind this job: so a page stays where it is while jobs are being added.
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
    let (behind, direction) = filter.order.sql();
    let seconds = |moment: Option<Timestamp>| moment.map(|moment| moment.as_second().into());
    let behind = format!("sequence {behind} ?");
    let conditions: [(&str, Option<Value>); 6] = [
        ("id = ?", filter.id.map(Value::from)),
        ("name = ?", filter.name.map(Value::from)),
        (
            "instr(workflows, ?) > 0",
            filter.workflow.map(|id| format!(",{id},").into()),
        ),
        ("created >= ?", seconds(filter.created_from)),
        ("created <= ?", seconds(filter.created_until)),
        (&behind, filter.after.map(Value::from)),
    ];
    let mut query = format!("SELECT {COLUMNS} FROM jobs WHERE bucket = ? AND listed");
    let mut values = vec![Value::from(filter.bucket.as_str().to_owned())];
    for (condition, value) in conditions {
        if let Some(value) = value {
            query = format!("{query} AND {condition}");
            values.push(value);
        }
    }
    query += &in_states("state", &filter.states, &mut values);
    values.push(i64::try_from(filter.limit).unwrap_or(i64::MAX).into());
    (
        format!("{query} ORDER BY sequence {direction} LIMIT ?"),
        values,
    )
}

/// The condition that the state is one of these, if any are given.
pub(super) fn in_states(column: &str, states: &[String], values: &mut Vec<Value>) -> String {
    if states.is_empty() {
        return String::new();
    }
    values.extend(states.iter().cloned().map(Value::from));
    format!(" AND {column} IN ({})", vec!["?"; states.len()].join(", "))
}
