//! What a search varies: the size of the world, and which rules hold in it.

use std::time::Duration;

use crate::state::shared::ownership::{Mode, Terms};

/// The rules of the protocol, each of which can be left out.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one rule, left out in one search"
)]
pub(super) struct Rules {
    /// The service refuses a submission after the end of its signature.
    pub(super) service_checks_the_end: bool,
    /// A list proves nothing before that end and the settle time.
    pub(super) absence_waits: bool,
    /// The settle time is as long as a list may lag.
    pub(super) settle_covers_the_list: bool,
    /// A submission is signed to the end that its intent records.
    pub(super) end_is_fixed_by_the_intent: bool,
    /// The name of a slot is never freed.
    pub(super) names_stay_taken: bool,
    /// A submission is sent when its intent is known to be stored.
    pub(super) intent_is_known_before_sending: bool,
    /// A create of unknown fate is repeated with the same bytes, which alone say whose the slot is.
    pub(super) same_bytes_are_repeated: bool,
    /// A slot is created, and never written over another.
    pub(super) slots_are_created: bool,
    /// An unresolved submission is looked up before the work is submitted again.
    pub(super) unresolved_is_looked_up: bool,
    /// Owners of a store that is not atomic keep to guarded mode at all.
    pub(super) guarded: bool,
    /// An owner begins no write after its lease, and none of its writes is accepted after it.
    pub(super) lease_is_kept: bool,
    /// A new owner reads its acquisition back.
    pub(super) acquisition_is_read_back: bool,
    /// What is known to be stored only after the lease does not count.
    pub(super) late_answers_do_not_count: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            service_checks_the_end: true,
            absence_waits: true,
            settle_covers_the_list: true,
            end_is_fixed_by_the_intent: true,
            names_stay_taken: true,
            intent_is_known_before_sending: true,
            same_bytes_are_repeated: true,
            slots_are_created: true,
            unresolved_is_looked_up: true,
            guarded: true,
            lease_is_kept: true,
            acquisition_is_read_back: true,
            late_answers_do_not_count: true,
        }
    }
}

/// One world to search. A tick is a second.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) rules: Rules,
    pub(super) runs: u8,
    /// What the store's creates do.
    pub(super) store: Mode,
    /// How long after its check a write may take effect, where the store is not atomic.
    pub(super) effect: u8,
    pub(super) terms: Terms,
    /// How long after its intent a submission can be taken.
    pub(super) window: Duration,
    /// How long the list may lag behind.
    pub(super) lag: u8,
    pub(super) crashes: u8,
    /// How many creates may be lost on their way.
    pub(super) losses: u8,
    pub(super) ticks: u8,
}

impl Setting {
    pub(super) fn atomic(runs: u8) -> Self {
        Self {
            rules: Rules::default(),
            runs,
            store: Mode::Atomic,
            effect: 0,
            terms: Terms {
                mode: Mode::Atomic,
                lease: Duration::from_secs(1),
                delay: Duration::ZERO,
            },
            window: Duration::ZERO,
            lag: 1,
            crashes: 1,
            losses: u8::from(runs == 2),
            ticks: if runs == 2 { 7 } else { 4 },
        }
    }

    pub(super) fn guarded(runs: u8) -> Self {
        Self {
            store: Mode::Guarded,
            effect: 1,
            terms: Terms {
                mode: Mode::Guarded,
                lease: Duration::from_secs(2),
                delay: Duration::from_secs(1),
            },
            losses: 0,
            ticks: 11,
            ..Self::atomic(runs)
        }
    }

    /// A store on which a write takes effect later than the terms say.
    pub(super) fn with_late_effects(runs: u8) -> Self {
        Self {
            effect: 4,
            window: Duration::from_secs(5),
            crashes: 0,
            ticks: 9,
            ..Self::guarded(runs)
        }
    }

    pub(super) fn settle(&self) -> Duration {
        if self.rules.settle_covers_the_list {
            Duration::from_secs(u64::from(self.lag))
        } else {
            Duration::ZERO
        }
    }

    /// The terms that the runs keep to.
    pub(super) fn kept_terms(&self) -> Terms {
        if self.rules.guarded {
            self.terms
        } else {
            Terms {
                mode: Mode::Atomic,
                ..self.terms
            }
        }
    }
}
