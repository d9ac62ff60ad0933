//! One slot created, and its fate found out.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::Timestamp;
use tokio::time::sleep;

use super::ownership::{Fate, fate};
use super::store::{Created, Store, StoreError, slot_name};
use crate::api::client::since_boot;

const FIRST_DELAY: Duration = Duration::from_millis(50);
const MAX_DELAY: Duration = Duration::from_secs(5);

/// What became of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Put {
    /// It is stored.
    Stored,
    /// Its number belongs to another slot.
    Fenced,
    /// The store refused it, and it is not stored.
    Refused(StoreError),
    /// It may be stored, or be stored later.
    Unknown(StoreError),
}

/// Creates slot `number` with these bytes, and these alone, until its fate is known or `patience` is
/// over.
pub(super) async fn put(
    store: &dyn Store,
    number: u64,
    bytes: &[u8],
    ends: Option<Timestamp>,
    patience: Duration,
) -> Put {
    let name = slot_name(number);
    let begun = since_boot();
    let mut delays = ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(MAX_DELAY)
        .without_max_times()
        .with_jitter()
        .build();
    // After one answer that left it open no refusal says that nothing is stored.
    let mut is_open = false;
    loop {
        let refusal = match store.create(&name, bytes, ends).await {
            Ok(Created::Created) => return Put::Stored,
            Ok(Created::Exists) => {
                is_open = true;
                None
            }
            Err(error) => {
                is_open |= matches!(error, StoreError::Unknown { .. });
                Some(error)
            }
        };
        let reason = match store.read(&name).await {
            Ok(found) => match fate(bytes, found.as_deref()) {
                Fate::Mine => return Put::Stored,
                Fate::Fenced => return Put::Fenced,
                Fate::Unknown => refusal.unwrap_or_else(|| not_shown(&name)),
            },
            Err(error) => {
                is_open = true;
                refusal.unwrap_or(error)
            }
        };
        if !is_open {
            return Put::Refused(reason);
        }
        let delay = delays.next().unwrap_or(MAX_DELAY);
        if since_boot().saturating_sub(begun) + delay >= patience {
            return Put::Unknown(reason);
        }
        tracing::debug!(%reason, name, "the fate of a slot is not known yet");
        sleep(delay).await;
    }
}

fn not_shown(name: &str) -> StoreError {
    StoreError::Unknown {
        store: "the store".to_owned(),
        name: name.to_owned(),
        reason: "it says that the object is there, and does not show it".to_owned(),
    }
}
