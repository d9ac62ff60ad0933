//! Since when the workflows of the settings are known.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::jobs::timestamp;
use super::writer::in_savepoint;
use super::{Store, StoreError};
use crate::api::name::WorkflowId;

/// Made where it is missing.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS workflows (
    id       TEXT NOT NULL PRIMARY KEY,
    digest   TEXT NOT NULL,
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL
) STRICT;
";

/// When a workflow was first seen, and when it was first seen as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) struct WorkflowTimes {
    pub(in crate::service) created: Timestamp,
    pub(in crate::service) updated: Timestamp,
}

impl Store {
    /// Takes note of the workflows as they are now, each with a digest of its settings.
    pub(in crate::service) async fn note_workflows(
        &self,
        workflows: Vec<(WorkflowId, String)>,
        now: Timestamp,
    ) -> Result<BTreeMap<WorkflowId, WorkflowTimes>, StoreError> {
        self.write(move |connection| {
            in_savepoint(connection, |connection| {
                let noted = workflows.into_iter().map(|(id, digest)| {
                    let times = note_workflow(connection, &id, &digest, now)?;
                    Ok((id, times))
                });
                noted.collect()
            })
        })
        .await
    }
}

fn note_workflow(
    connection: &Connection,
    id: &WorkflowId,
    digest: &str,
    now: Timestamp,
) -> rusqlite::Result<WorkflowTimes> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO workflows (id, digest, created, updated) VALUES (:id, :digest, :now, :now)
         ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
         updated = iif(digest = excluded.digest, updated, excluded.updated)
         RETURNING created, updated",
    )?;
    let values = named_params! { ":id": id.as_str(), ":digest": digest, ":now": now.as_second() };
    upsert.query_row(values, |row| {
        Ok(WorkflowTimes {
            created: timestamp(row.get("created")?)?,
            updated: timestamp(row.get("updated")?)?,
        })
    })
}
