//! What the runs of workflows with several nodes did, node by node.

use jiff::Timestamp;
use rusqlite::{Row, named_params};

use super::jobs::timestamp;
use super::writer::in_savepoint;
use super::{Store, StoreError};
use crate::api::wire::JobState;

/// Made where it is missing.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS tasks (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    execution TEXT NOT NULL,
    node      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    state     TEXT NOT NULL,
    message   TEXT NOT NULL,
    created   INTEGER NOT NULL,
    ended     INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS tasks_of_execution ON tasks (execution, sequence);
";

/// One node of one run.
#[derive(Debug, Clone)]
pub(in crate::service) struct StoredTask {
    pub(in crate::service) id: String,
    pub(in crate::service) execution: String,
    pub(in crate::service) node: String,
    pub(in crate::service) kind: String,
    pub(in crate::service) state: JobState,
    pub(in crate::service) message: String,
    pub(in crate::service) created: Timestamp,
    pub(in crate::service) ended: Option<Timestamp>,
}

impl StoredTask {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            execution: row.get(1)?,
            node: row.get(2)?,
            kind: row.get(3)?,
            state: JobState::from(row.get::<_, String>(4)?),
            message: row.get(5)?,
            created: timestamp(row.get(6)?)?,
            ended: row.get::<_, Option<i64>>(7)?.map(timestamp).transpose()?,
        })
    }
}

impl Store {
    /// Forgets what an interrupted run did before it begins again.
    pub(in crate::service) async fn forget_tasks(
        &self,
        execution: String,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM tasks WHERE execution = ?")?;
            delete.execute([execution])?;
            Ok(())
        })
        .await
    }

    /// Notes what became of tasks, which are new or known.
    pub(in crate::service) async fn note_tasks(
        &self,
        tasks: Vec<StoredTask>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            in_savepoint(connection, |connection| {
                let mut upsert = connection.prepare_cached(
                    "INSERT INTO tasks (id, execution, node, kind, state, message, created, ended)
                     VALUES (:id, :execution, :node, :kind, :state, :message, :created, :ended)
                     ON CONFLICT (id) DO UPDATE SET state = excluded.state,
                     message = excluded.message, ended = excluded.ended",
                )?;
                for task in &tasks {
                    upsert.execute(named_params! {
                        ":id": task.id,
                        ":execution": task.execution,
                        ":node": task.node,
                        ":kind": task.kind,
                        ":state": task.state.as_str(),
                        ":message": task.message,
                        ":created": task.created.as_second(),
                        ":ended": task.ended.map(Timestamp::as_second),
                    })?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The tasks of a run, in the order in which they began.
    pub(in crate::service) async fn tasks(
        &self,
        execution: String,
    ) -> Result<Vec<StoredTask>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT id, execution, node, kind, state, message, created, ended
                 FROM tasks WHERE execution = ? ORDER BY sequence",
            )?;
            let rows = select.query_map([execution], StoredTask::from_row)?;
            rows.collect()
        })
        .await
    }
}
