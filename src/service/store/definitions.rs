//! Workflows that were made through the API.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, named_params};

use super::jobs::timestamp;
use super::{Store, StoreError};
use crate::api::name::{BucketName, WorkflowId};
use crate::api::wire::Definition;

/// Made where it is missing.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS definitions (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    bucket     TEXT NOT NULL,
    definition TEXT NOT NULL,
    active     INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL
) STRICT;
";

const COLUMNS: &str = "id, definition, active, created, updated";

/// A workflow as the database holds it.
#[derive(Debug, Clone)]
pub(in crate::service) struct StoredWorkflow {
    pub(in crate::service) id: WorkflowId,
    pub(in crate::service) definition: Definition,
    pub(in crate::service) active: bool,
    pub(in crate::service) created: Timestamp,
    pub(in crate::service) updated: Timestamp,
}

/// What is to become of a workflow. Whether it may is decided in the transaction that does it.
#[derive(Debug, Clone)]
pub(in crate::service) enum WorkflowChange {
    /// Another definition, and another state if one is given; only of a paused one.
    Define(Definition, Option<bool>),
    /// Another state.
    State(bool),
    /// None of it is left; only of a paused one.
    Remove,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub(in crate::service) enum Changed {
    /// The workflow as it is now, or was before it was removed.
    Done(StoredWorkflow),
    /// It is active, and stays as it is.
    Active,
    Unknown,
}

impl StoredWorkflow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let unreadable = |index: usize, error: Box<dyn std::error::Error + Send + Sync>| {
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error)
        };
        let definition: String = row.get(1)?;
        Ok(Self {
            id: WorkflowId::new(&row.get::<_, String>(0)?)
                .map_err(|error| unreadable(0, error.into()))?,
            definition: serde_json::from_str(&definition)
                .map_err(|error| unreadable(1, error.into()))?,
            active: row.get(2)?,
            created: timestamp(row.get(3)?)?,
            updated: timestamp(row.get(4)?)?,
        })
    }
}

fn json(definition: &Definition) -> rusqlite::Result<String> {
    let json = serde_json::to_string(definition);
    json.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

impl Store {
    pub(in crate::service) async fn add_workflow(
        &self,
        bucket: BucketName,
        workflow: StoredWorkflow,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO definitions (id, bucket, definition, active, created, updated)
                 VALUES (:id, :bucket, :definition, :active, :created, :updated)",
            )?;
            insert.execute(named_params! {
                ":id": workflow.id.as_str(),
                ":bucket": bucket.as_str(),
                ":definition": json(&workflow.definition)?,
                ":active": workflow.active,
                ":created": workflow.created.as_second(),
                ":updated": workflow.updated.as_second(),
            })?;
            Ok(())
        })
        .await
    }

    pub(in crate::service) async fn change_workflow(
        &self,
        bucket: BucketName,
        id: WorkflowId,
        change: WorkflowChange,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        self.write(move |connection| {
            let query =
                format!("SELECT {COLUMNS} FROM definitions WHERE bucket = :bucket AND id = :id");
            let values = named_params! { ":bucket": bucket.as_str(), ":id": id.as_str() };
            let mut select = connection.prepare_cached(&query)?;
            let found = select
                .query_row(values, StoredWorkflow::from_row)
                .optional()?;
            let Some(mut workflow) = found else {
                return Ok(Changed::Unknown);
            };
            match change {
                WorkflowChange::Define(..) | WorkflowChange::Remove if workflow.active => {
                    return Ok(Changed::Active);
                }
                WorkflowChange::Remove => {
                    let delete = "DELETE FROM definitions WHERE id = :id";
                    let mut delete = connection.prepare_cached(delete)?;
                    delete.execute(named_params! { ":id": id.as_str() })?;
                    return Ok(Changed::Done(workflow));
                }
                WorkflowChange::Define(definition, active) => {
                    workflow.definition = definition;
                    workflow.active = active.unwrap_or(false);
                }
                WorkflowChange::State(active) => workflow.active = active,
            }
            workflow.updated = now;
            let mut update = connection.prepare_cached(
                "UPDATE definitions SET definition = :definition, active = :active, updated = :now
                 WHERE id = :id",
            )?;
            update.execute(named_params! {
                ":id": id.as_str(),
                ":definition": json(&workflow.definition)?,
                ":active": workflow.active,
                ":now": now.as_second(),
            })?;
            Ok(Changed::Done(workflow))
        })
        .await
    }

    /// The workflows of a bucket, in the order in which they were made.
    pub(in crate::service) async fn workflows(
        &self,
        bucket: BucketName,
    ) -> Result<Vec<StoredWorkflow>, StoreError> {
        self.read(move |connection| {
            let query =
                format!("SELECT {COLUMNS} FROM definitions WHERE bucket = ? ORDER BY sequence");
            let mut select = connection.prepare_cached(&query)?;
            let rows = select.query_map([bucket.as_str()], StoredWorkflow::from_row)?;
            rows.collect()
        })
        .await
    }

    pub(in crate::service) async fn workflow(
        &self,
        bucket: BucketName,
        id: WorkflowId,
    ) -> Result<Option<StoredWorkflow>, StoreError> {
        self.read(move |connection| {
            let query =
                format!("SELECT {COLUMNS} FROM definitions WHERE bucket = :bucket AND id = :id");
            let values = named_params! { ":bucket": bucket.as_str(), ":id": id.as_str() };
            let mut select = connection.prepare_cached(&query)?;
            select
                .query_row(values, StoredWorkflow::from_row)
                .optional()
        })
        .await
    }
}
