//! Why the journal cannot be used.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the journal of a database cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("its journal {} {problem}", path.display())]
pub struct JournalError {
    /// The journal.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: JournalProblem,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalProblem {
    /// The operating system's own words.
    #[error("cannot be read or written: {0}")]
    Io(Arc<io::Error>),
    /// The database has one, and it is gone.
    #[error("is missing; jobs that were answered may be in it")]
    Missing,
    /// Not what this version writes.
    #[error("is not one that this version reads")]
    Format,
    /// Its id is another one than the database knows.
    #[error("belongs to another database")]
    Foreign,
    /// What was answered stands behind what cannot be read.
    #[error("is damaged at byte {offset}, before jobs that were answered")]
    Damaged {
        /// Where the first record that cannot be read begins.
        offset: u64,
    },
    /// Records were written over that this database has not seen.
    #[error("lacks jobs that were answered; the database is older than its journal")]
    Newer,
    /// A record says what no job is.
    #[error("has a record that cannot be understood: {0}")]
    Content(String),
    /// The jobs of one record are too large.
    #[error("has no room for so large jobs")]
    TooLarge,
    /// A sync failed, and the next one may wrongly go well.
    #[error(
        "could not be synced, so that nobody knows what the disk holds; \
         no jobs are taken in before the service is started again"
    )]
    Unsynced,
}

impl From<io::Error> for JournalProblem {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<serde_json::Error> for JournalProblem {
    fn from(error: serde_json::Error) -> Self {
        Self::Content(error.to_string())
    }
}
