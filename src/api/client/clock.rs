//! The service's clock, as its answers tell it: the only clock that a submission depends on.
//!
//! A `Date` has whole seconds and some way behind it, so every reading is two: one that is early for
//! certain, to wait by, and one that is late for certain, to act by.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::header::{AGE, DATE, HeaderMap};
use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// How far two readings of one service may disagree before neither is believed.
const MAX_LEAP: SignedDuration = SignedDuration::from_secs(5);
/// A newer reading may be this much less precise than the one before.
const MAX_WIDENING: Duration = Duration::from_millis(200);
/// This machine's clock is off when it differs from the service's by more.
const MAX_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);

/// The clock of one host.
#[derive(Debug, Default)]
pub struct ServiceClock {
    state: Mutex<State>,
    /// Held while the service is asked for the time.
    pub(super) asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    reading: Option<Reading>,
    /// How far the clock leapt, once it did.
    leap: Option<SignedDuration>,
}

/// One `Date`, and when it was on its way, by [`since_boot`].
#[derive(Debug, Clone, Copy)]
struct Reading {
    date: Timestamp,
    sent: Duration,
    arrived: Duration,
    /// This machine's clock when the answer arrived.
    own: Timestamp,
}

impl Reading {
    fn width(&self) -> Duration {
        self.arrived.saturating_sub(self.sent)
    }

    fn early_at(&self, moment: Duration) -> Timestamp {
        add(self.date, moment.saturating_sub(self.arrived))
    }

    fn late_at(&self, moment: Duration) -> Timestamp {
        let second = Duration::from_secs(1);
        add(self.date, moment.saturating_sub(self.sent) + second)
    }
}

impl ServiceClock {
    /// Takes note of the `Date` of an answer that arrived now; `sent` is when its request left.
    pub(super) fn observe(&self, date: Timestamp, sent: Duration) {
        let reading = Reading {
            date,
            sent,
            arrived: since_boot(),
            own: Timestamp::now(),
        };
        let mut state = self.state();
        if let Some(before) = &state.reading {
            let earliest = before.early_at(reading.sent) - SignedDuration::from_secs(1);
            let latest = before.late_at(reading.arrived);
            let leap = if date < earliest {
                date.duration_since(earliest)
            } else {
                date.duration_since(latest).max(SignedDuration::ZERO)
            };
            if leap.abs() > MAX_LEAP {
                state.leap.get_or_insert(leap);
            }
        }
        // An answer that was long on its way tells less than an earlier one may.
        let is_better = |before: &Reading| reading.width() <= before.width() + MAX_WIDENING;
        if state.reading.as_ref().is_none_or(is_better) {
            state.reading = Some(reading);
        }
    }

    /// How far apart the two readings are, beside the second that a `Date` leaves open.
    pub fn width(&self) -> Option<Duration> {
        self.state().reading.map(|reading| reading.width())
    }

    /// The service's time or earlier; none before its first answer.
    pub fn early(&self) -> Option<Timestamp> {
        let reading = self.state().reading?;
        Some(reading.early_at(since_boot()))
    }

    /// The service's time or later; none before its first answer.
    pub fn late(&self) -> Option<Timestamp> {
        let reading = self.state().reading?;
        Some(reading.late_at(since_boot()))
    }

    /// How far the clock leapt between two answers; after that no reading may be believed.
    pub fn leap(&self) -> Option<SignedDuration> {
        self.state().leap
    }

    /// How far this machine's clock is ahead of the service's, if that is worth a warning.
    pub fn difference(&self) -> Option<SignedDuration> {
        let reading = self.state().reading?;
        let difference = reading.own.duration_since(reading.date);
        (difference.abs() > MAX_DIFFERENCE).then_some(difference)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service's time in an answer. One that a cache may have kept does not count.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    if headers.contains_key(AGE) {
        return None;
    }
    let text = headers.get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// Time since this machine started, time that it slept included; `Instant` leaves that out on Linux.
pub fn since_boot() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

fn add(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::header::HeaderMap;
    use jiff::{SignedDuration, Timestamp};

    use super::{ServiceClock, date, since_boot};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_true_time_is_between_the_two_readings() {
        let clock = ServiceClock::default();
        assert_eq!((clock.early(), clock.late()), (None, None));
        clock.observe(
            at(1_000),
            since_boot().saturating_sub(Duration::from_secs(3)),
        );
        let (early, late) = (clock.early().unwrap(), clock.late().unwrap());
        assert!(early >= at(1_000) && early < at(1_001), "{early}");
        assert!(late >= at(1_004) && late < at(1_005), "{late}");
        assert!(clock.difference().is_some());
        assert_eq!(clock.leap(), None);
    }

    #[test]
    fn a_clock_that_leaps_in_either_direction_is_noticed_for_good() {
        for (second, leaps) in [(1_002, false), (995, false), (990, true), (1_010, true)] {
            let clock = ServiceClock::default();
            clock.observe(at(1_000), since_boot());
            clock.observe(at(second), since_boot());
            assert_eq!(clock.leap().is_some(), leaps, "{second}");
            clock.observe(at(second), since_boot());
            assert_eq!(clock.leap().is_some(), leaps, "{second}");
        }
    }

    #[test]
    fn a_machine_that_is_right_is_not_warned_of() {
        let clock = ServiceClock::default();
        clock.observe(
            Timestamp::now() - SignedDuration::from_secs(20),
            since_boot(),
        );
        assert_eq!(clock.difference(), None);
    }

    #[test]
    fn a_date_that_may_come_from_a_cache_does_not_count() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert("date", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(date(&headers), Some(at(784_111_777)));
        headers.insert("age", "0".parse().unwrap());
        assert_eq!(date(&headers), None);
    }
}
