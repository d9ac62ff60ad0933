//! `format.json`: which state a store holds, and the terms that every run keeps to. Written once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::log::LogError;
use super::ownership::{Mode, Terms};
use super::store::{Created, Store};
use crate::state::header::{Header, Lineage};
use crate::state::listed::Listed;

/// The name of the object.
const NAME: &str = "format.json";
const FORMAT: &str = "stocktake.remote/1";
const FORMAT_PREFIX: &str = "stocktake.remote/";

/// Which state a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateFormat {
    format: String,
    lineage: Lineage,
    target: String,
    mode: Mode,
    lease_ms: u64,
    delay_ms: u64,
}

impl StateFormat {
    /// That of a new state.
    pub fn new(header: &Header, terms: &Terms) -> Self {
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            format: FORMAT.to_owned(),
            lineage: header.lineage.clone(),
            target: header.target.clone(),
            mode: terms.mode,
            lease_ms: milliseconds(terms.lease),
            delay_ms: milliseconds(terms.delay),
        }
    }

    /// Which state it is.
    pub fn header(&self) -> Header {
        Header {
            lineage: self.lineage.clone(),
            target: self.target.clone(),
            listed: Listed::default(),
        }
    }

    /// What every run keeps to.
    pub fn terms(&self) -> Terms {
        Terms {
            mode: self.mode,
            lease: Duration::from_millis(self.lease_ms),
            delay: Duration::from_millis(self.delay_ms),
        }
    }

    /// Reads that of a store.
    pub(super) async fn read(store: &dyn Store) -> Result<Self, LogError> {
        let bytes = store.read(NAME).await?;
        let bytes = bytes.ok_or(LogError::Missing {
            name: NAME.to_owned(),
        })?;
        Self::decode(&bytes)
    }

    /// Makes it that of a store that has none.
    pub(super) async fn create(&self, store: &dyn Store) -> Result<Created, LogError> {
        let bytes = serde_json::to_vec_pretty(self);
        let bytes = bytes.map_err(|error| damaged(&error.to_string()))?;
        Ok(store.create(NAME, &bytes, None).await?)
    }

    fn decode(bytes: &[u8]) -> Result<Self, LogError> {
        #[derive(Deserialize)]
        struct Envelope {
            format: String,
        }
        let problem = |error: serde_json::Error| damaged(&error.to_string());
        let Envelope { format } = serde_json::from_slice(bytes).map_err(problem)?;
        if format != FORMAT && format.starts_with(FORMAT_PREFIX) {
            return Err(LogError::NewerFormat {
                name: NAME.to_owned(),
                found: format,
            });
        }
        let read: Self = serde_json::from_slice(bytes).map_err(problem)?;
        if read.format != FORMAT || read.lease_ms == 0 {
            return Err(damaged("it does not describe a state"));
        }
        Ok(read)
    }
}

fn damaged(problem: &str) -> LogError {
    LogError::Damaged {
        name: NAME.to_owned(),
        problem: problem.to_owned(),
    }
}
