//! Who may write a shared log, and when: decisions about what was read and what clocks say.
//!
//! In atomic mode the create of the next slot is the only fence, and the lease is politeness. In
//! guarded mode, for stores whose create may let two writers through at once, the lease keeps their
//! calls apart: nothing is begun that the one before could still disturb.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::slot::{Kind, SlotHeader};

/// What the creates of a store are trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Of any number of creates of one name at most one succeeds.
    Atomic,
    /// Creates that overlap may all succeed.
    Guarded,
}

/// What every run of a state keeps to: fixed when the state begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms {
    /// What the creates of the store are trusted with.
    pub mode: Mode,
    /// How long an owner that writes nothing stays the owner.
    pub lease: Duration,
    /// The longest time between the acceptance of a small write and its effect.
    pub delay: Duration,
}

/// How the last slot leaves the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It has an owner until this moment, by the store's clock.
    Held(Timestamp),
    /// It has none.
    Free,
    /// It has ended: the state is elsewhere.
    Moved,
}

impl From<&SlotHeader> for Standing {
    fn from(last: &SlotHeader) -> Self {
        let has = |kind| last.kinds.contains(&kind);
        if has(Kind::Moved) {
            Self::Moved
        } else if has(Kind::Release) || has(Kind::Genesis) {
            Self::Free
        } else {
            Self::Held(last.until)
        }
    }
}

/// What a contender knows of the end of the log.
#[derive(Debug, Clone, Copy)]
pub struct Observation {
    /// How the last slot leaves the log.
    pub standing: Standing,
    /// For how long this process has seen that slot as the last one, by its own clock that does not
    /// stand still while the machine sleeps.
    pub unchanged_for: Duration,
    /// A time that is not after the store's.
    pub store_time: Option<Timestamp>,
}

/// Whether a contender may take the log over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Now,
    /// Not before that long.
    Wait(Duration),
    /// Never.
    Never,
}

/// Whether a contender that has read the log to its end may take it over.
///
/// Guarded, a released log is waited for as well: a write of an earlier owner that came late may have
/// hidden the owner of now.
pub fn turn(terms: &Terms, seen: &Observation) -> Turn {
    let until = match (terms.mode, seen.standing) {
        (_, Standing::Moved) => return Turn::Never,
        (Mode::Atomic, Standing::Free) => return Turn::Now,
        (_, Standing::Free) => None,
        (_, Standing::Held(until)) => Some(until),
    };
    let watched = match terms.mode {
        Mode::Atomic => terms.lease,
        Mode::Guarded => terms.lease + terms.delay,
    };
    let mut wait = watched.saturating_sub(seen.unchanged_for);
    if let (Mode::Guarded, Some(until)) = (terms.mode, until) {
        wait = wait.max(lease_left(terms, until, seen.store_time));
    }
    if wait.is_zero() {
        Turn::Now
    } else {
        Turn::Wait(wait)
    }
}

/// How long an owner may still write, and its last write may still take effect.
fn lease_left(terms: &Terms, until: Timestamp, store_time: Option<Timestamp>) -> Duration {
    let Some(now) = store_time else {
        return terms.lease;
    };
    // Strictly after the end and the delay.
    let over = until.saturating_add(terms.delay + Duration::from_secs(1));
    let over = over.unwrap_or(Timestamp::MAX);
    Duration::try_from(over.duration_since(now)).unwrap_or_default()
}

/// Whether an owner whose last slot ends at `until` may begin to write the next one at `late`, a time
/// that is not before the store's.
pub fn may_write(terms: &Terms, until: Timestamp, late: Option<Timestamp>) -> bool {
    match terms.mode {
        Mode::Atomic => true,
        Mode::Guarded => late.is_some_and(|late| late < until),
    }
}

/// Whether an owner may act on a slot that it knows to be created at `late`: its lease, which the slot
/// before fixed, must not have ended before that was known.
pub fn may_act(terms: &Terms, until: Timestamp, late: Option<Timestamp>) -> bool {
    match terms.mode {
        Mode::Atomic => true,
        Mode::Guarded => late.is_some_and(|late| late <= until),
    }
}

/// Whether an acquisition counts that was answered that long after it was begun.
pub fn is_answered_in_time(terms: &Terms, took: Duration) -> bool {
    terms.mode == Mode::Atomic || took <= terms.delay
}

/// How long a new owner waits before it reads back whose acquisition was the last to take effect.
pub fn read_back_after(terms: &Terms) -> Option<Duration> {
    (terms.mode == Mode::Guarded).then_some(terms.delay)
}

/// What became of a create, by the bytes under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The slot is there as it was meant.
    Mine,
    /// The number belongs to another slot: another run has taken the log over.
    Fenced,
    /// Nothing is there: the create may still take effect, and so may only be made once more with the
    /// same bytes.
    Unknown,
}

/// What became of a create that was not answered with success. Only all bytes say whose a slot is: a
/// slot of the same writer and number may say something else.
pub fn fate(meant: &[u8], found: Option<&[u8]>) -> Fate {
    match found {
        None => Fate::Unknown,
        Some(found) if found == meant => Fate::Mine,
        Some(_) => Fate::Fenced,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{
        Fate, Mode, Observation, Standing, Terms, Turn, fate, is_answered_in_time, may_act,
        may_write, turn,
    };

    const ATOMIC: Terms = Terms {
        mode: Mode::Atomic,
        lease: Duration::from_mins(1),
        delay: Duration::ZERO,
    };
    const GUARDED: Terms = Terms {
        mode: Mode::Guarded,
        lease: Duration::from_mins(1),
        delay: Duration::from_secs(5),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(standing: Standing, unchanged_for: u64, store_time: i64) -> Observation {
        Observation {
            standing,
            unchanged_for: Duration::from_secs(unchanged_for),
            store_time: Some(at(store_time)),
        }
    }

    #[test]
    fn an_atomic_store_asks_for_patience_alone() {
        let held = Standing::Held(at(1_000));
        let table = [
            (seen(Standing::Free, 0, 0), Turn::Now),
            (seen(Standing::Moved, 9_000, 9_000), Turn::Never),
            (seen(held, 0, 9_000), Turn::Wait(Duration::from_mins(1))),
            (seen(held, 59, 0), Turn::Wait(Duration::from_secs(1))),
            (seen(held, 60, 0), Turn::Now),
        ];
        for (seen, expected) in table {
            assert_eq!(turn(&ATOMIC, &seen), expected, "{seen:?}");
        }
        assert!(may_write(&ATOMIC, at(0), None) && may_act(&ATOMIC, at(0), None));
        assert!(is_answered_in_time(&ATOMIC, Duration::from_hours(1)));
    }

    #[test]
    fn a_guarded_store_keeps_writers_apart() {
        let held = Standing::Held(at(1_000));
        let wait = |seconds| Turn::Wait(Duration::from_secs(seconds));
        let table = [
            (seen(Standing::Free, 0, 9_000), wait(65)),
            (seen(Standing::Free, 65, 9_000), Turn::Now),
            (seen(held, 65, 1_000), wait(6)),
            (seen(held, 65, 1_005), wait(1)),
            (seen(held, 65, 1_006), Turn::Now),
            (seen(held, 64, 1_006), wait(1)),
        ];
        for (seen, expected) in table {
            assert_eq!(turn(&GUARDED, &seen), expected, "{seen:?}");
        }
        let without_time = Observation {
            store_time: None,
            ..seen(held, 9_000, 0)
        };
        assert_eq!(turn(&GUARDED, &without_time), wait(60));
        assert!(may_write(&GUARDED, at(10), Some(at(9))));
        assert!(!may_write(&GUARDED, at(10), Some(at(10))));
        assert!(!may_write(&GUARDED, at(10), None));
        assert!(may_act(&GUARDED, at(10), Some(at(10))));
        assert!(!may_act(&GUARDED, at(10), Some(at(11))));
        assert!(is_answered_in_time(&GUARDED, GUARDED.delay));
        assert!(!is_answered_in_time(&GUARDED, Duration::from_secs(6)));
    }

    #[test]
    fn all_bytes_say_whose_a_slot_is() {
        assert_eq!(fate(b"a", Some(b"a")), Fate::Mine);
        assert_eq!(fate(b"a", Some(b"ab")), Fate::Fenced);
        assert_eq!(fate(b"a", None), Fate::Unknown);
    }
}
