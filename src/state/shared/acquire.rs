//! Taking a log over: waiting for one's turn, then creating the next slot with a higher epoch.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::log::LogError;
use super::owner::Owner;
use super::ownership::{Observation, Terms, Turn, is_answered_in_time, read_back_after, turn};
use super::put::{Put, put};
use super::reader::SharedLog;
use super::slot::{Kind, Slot, Writer};
use super::store::{Store, slot_name};
use super::{Shared, failure::Failure};
use crate::api::client::since_boot;
use crate::crash;
use crate::state::lock::Holder;
use crate::state::record::Record;

/// How often a log that others own is looked at.
const MIN_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// A store that does not answer is asked again for so long.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// A log that may be taken over now.
pub(super) struct Contender<'a> {
    shared: &'a Shared,
    pub(super) log: SharedLog,
    /// Since when the last slot is seen as the last one.
    since: Duration,
}

impl<'a> Contender<'a> {
    pub(super) fn new(shared: &'a Shared, log: SharedLog) -> Self {
        Self {
            shared,
            log,
            since: since_boot(),
        }
    }

    /// Waits until the log may be taken over, for at most `timeout`; `on_wait` is told once.
    pub(super) async fn wait(
        &mut self,
        timeout: Duration,
        on_wait: &mut (dyn FnMut(Option<Holder>) + Send),
    ) -> Result<(), Failure> {
        let terms = self.log.terms();
        let begun = since_boot();
        let mut has_told = false;
        loop {
            let now = since_boot();
            let clock = self.shared.store.clock();
            let seen = Observation {
                standing: self.log.standing(),
                unchanged_for: now.saturating_sub(self.since),
                store_time: clock.map(|time| time.early),
            };
            let wait = match turn(&terms, &seen) {
                Turn::Now => return Ok(()),
                Turn::Never => return Err(Failure::Moved),
                Turn::Wait(wait) => wait,
            };
            let left = timeout.saturating_sub(now.saturating_sub(begun));
            if left.is_zero() {
                return Err(Failure::Held(self.log.holder().cloned()));
            }
            if !has_told {
                on_wait(self.log.holder().cloned());
                has_told = true;
            }
            let pause = (terms.lease / 20).clamp(MIN_PAUSE, MAX_PAUSE);
            sleep(pause.min(wait).min(left)).await;
            if self.log.read_on(&*self.shared.store).await? {
                self.since = since_boot();
            }
        }
    }

    /// Creates the slot that takes the log over; none if another run was faster.
    pub(super) async fn take(&mut self, holder: &Holder) -> Result<Option<Owner>, Failure> {
        let writer = Writer::random();
        let taken = self
            .create(&writer, holder, &[Kind::Acquire], Vec::new())
            .await?;
        if !taken {
            return Ok(None);
        }
        crash::point("a log is acquired");
        Ok(Some(Owner::new(
            self.shared.clone(),
            self.log.clone(),
            writer,
            holder.clone(),
        )))
    }

    /// Does all that a short owner does in one slot; false if another run was faster.
    pub(super) async fn record_at_once(
        &mut self,
        holder: &Holder,
        records: Vec<Arc<Record>>,
    ) -> Result<bool, Failure> {
        let kinds = [Kind::Acquire, Kind::Records, Kind::Release];
        let writer = Writer::random();
        let is_stored = self.create(&writer, holder, &kinds, records).await?;
        if is_stored {
            self.log.tell_head(&*self.shared.store).await;
        }
        Ok(is_stored)
    }

    async fn create(
        &mut self,
        writer: &Writer,
        holder: &Holder,
        kinds: &[Kind],
        records: Vec<Arc<Record>>,
    ) -> Result<bool, Failure> {
        let terms = self.log.terms();
        let store = &*self.shared.store;
        let slot = Slot::new(
            &self.log.header().lineage,
            self.log.last(),
            (writer, holder),
            kinds.iter().copied(),
            until(store, &terms),
            records,
        );
        let (number, bytes) = (slot.header.number, slot.encode()?);
        let begun = since_boot();
        let guard = read_back_after(&terms);
        let ends = guard.and_then(|delay| {
            let delay = SignedDuration::try_from(delay).ok()?;
            store.clock()?.late.checked_add(delay).ok()
        });
        crash::point("before a log is acquired");
        match put(store, number, &bytes, ends, guard.unwrap_or(PATIENCE)).await {
            Put::Stored => {}
            Put::Fenced => return self.was_overtaken().await,
            Put::Refused(error) => return Err(LogError::Store(error).into()),
            Put::Unknown(error) => return Err(Failure::Unconfirmed(slot_name(number), error)),
        }
        crash::point("a slot that acquires is stored and nobody knows");
        if !is_answered_in_time(&terms, since_boot().saturating_sub(begun)) {
            return self.was_overtaken().await;
        }
        if let Some(delay) = guard {
            sleep(delay).await;
            let found = store
                .read(&slot_name(number))
                .await
                .map_err(LogError::Store)?;
            if found.as_deref() != Some(&bytes) {
                return self.was_overtaken().await;
            }
        }
        self.log.push(&bytes)?;
        Ok(true)
    }

    async fn was_overtaken(&mut self) -> Result<bool, Failure> {
        self.log.read_on(&*self.shared.store).await?;
        self.since = since_boot();
        Ok(false)
    }
}

/// The end of a lease that begins now.
pub(super) fn until(store: &dyn Store, terms: &Terms) -> Timestamp {
    let now = store.clock().map_or_else(Timestamp::now, |time| time.early);
    let lease = SignedDuration::try_from(terms.lease).unwrap_or(SignedDuration::MAX);
    now.checked_add(lease).unwrap_or(Timestamp::MAX)
}
