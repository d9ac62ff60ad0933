//! Why the database did not do what it was asked.

use std::sync::Arc;

use super::format::FORMAT;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Sqlite(Arc<rusqlite::Error>),
    /// Written by another version of this program.
    #[error("its format is {found}, this version reads format {FORMAT} alone")]
    Format { found: i64 },
    /// SQLite has undone the transaction, as it does when the disk is full.
    #[error("the database undid the transaction that this was a part of")]
    Undone,
    /// The service is shutting down.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}
