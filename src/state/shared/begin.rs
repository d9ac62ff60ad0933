//! Beginning an empty shared state.

use super::acquire::until;
use super::checkpoint::{Head, write_head};
use super::failure::Failure;
use super::format::StateFormat;
use super::log::LogError;
use super::ownership::Terms;
use super::put::{Put, put};
use super::slot::{Kind, Slot, Writer};
use super::store::{Created, Store, StoreError, slot_name};
use super::{Shared, acquire::PATIENCE};
use crate::crash;
use crate::state::header::Header;
use crate::state::lock::Holder;

/// Begins an empty state; false if there is one. The first slot is the last thing that is written:
/// without it the state is missing, and this may be done again.
pub async fn begin(
    shared: &Shared,
    target: &str,
    terms: &Terms,
) -> Result<Option<Header>, Failure> {
    let store = &*shared.store;
    let mut format = StateFormat::new(&Header::new(target), terms);
    if has_slot(store).await? {
        return Ok(None);
    }
    if format.create(store).await? == Created::Exists {
        // One that died before its first slot is gone on with.
        format = StateFormat::read(store).await?;
        if format.header().target != target {
            return Ok(None);
        }
    }
    crash::point("a shared state has a format and no slot");
    let header = format.header();
    let holder = Holder::this_process(shared.run.clone());
    let slot = Slot::new(
        &header.lineage,
        None,
        (&Writer::random(), &holder),
        [Kind::Genesis],
        until(store, &format.terms()),
        Vec::new(),
    );
    match put(store, 1, &slot.encode()?, None, PATIENCE).await {
        Put::Stored => {}
        Put::Fenced => return Ok(None),
        Put::Refused(error) => return Err(LogError::Store(error).into()),
        Put::Unknown(error) => return Err(Failure::Unconfirmed(slot_name(1), error)),
    }
    let head = Head {
        number: 1,
        checkpoint: None,
    };
    write_head(store, &head).await;
    Ok(Some(header))
}

async fn has_slot(store: &dyn Store) -> Result<bool, Failure> {
    let first: Result<_, StoreError> = store.read(&slot_name(1)).await;
    Ok(first.map_err(LogError::Store)?.is_some())
}
