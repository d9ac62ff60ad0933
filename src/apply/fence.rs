//! When the absence of a submission from the service's list proves that it was never taken.
//!
//! The service refuses a submission after the end of its window, so after that second, and the time
//! that the list needs to show a job, the list knows. Only the service's own clock counts.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::state::{Submission, Window};

/// How long a list is trusted to remember a job.
const REMEMBERED: i64 = 24 * 60 * 60;
/// What signatures of format 1 could last, by a clock that was as wrong as the service allows.
const UNKNOWN_WINDOW: SignedDuration = SignedDuration::from_mins(20);
/// An attempt that would begin with less left than this is not begun.
const MAX_MARGIN: Duration = Duration::from_secs(10);

/// What the absence of a submission from a complete list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// It was never taken.
    Proof,
    /// It may still be taken, or listed, until this second.
    TooEarly(i64),
    /// The list may have forgotten it.
    TooLate,
    /// Its window is not known.
    WithoutWindow,
}

/// What a list of that moment says of a submission that it lacks; `settle` is how long after the end
/// of its window a submission is listed at the latest, or nothing if none can be under way.
pub(super) fn absence(
    submission: &Submission,
    settle: Option<Duration>,
    listed_at: Option<Timestamp>,
) -> Absence {
    let Some(settle) = settle else {
        return Absence::Proof;
    };
    let Some(until) = listed_until(submission, settle) else {
        return Absence::WithoutWindow;
    };
    match listed_at.map(Timestamp::as_second) {
        Some(date) if date > until.saturating_add(REMEMBERED) => Absence::TooLate,
        Some(date) if date > until => Absence::Proof,
        _ => Absence::TooEarly(until),
    }
}

/// The last second at which the service's list may not show a submission that it took.
pub(super) fn listed_until(submission: &Submission, settle: Duration) -> Option<i64> {
    let settle = i64::try_from(settle.as_secs()).unwrap_or(i64::MAX);
    Some(submission.not_after?.saturating_add(settle))
}

/// The last moment, by this machine's clock, at which the submission can be under way, where the
/// service's time cannot be had.
pub fn ends_by_own_clock(submission: &Submission) -> Timestamp {
    let ends = submission.intended_at.checked_add(UNKNOWN_WINDOW);
    ends.unwrap_or(Timestamp::MAX)
}

/// The last moment, by the service's clock, at which the submission can be under way; none if its
/// window is not known.
pub fn ends_by_service_clock(submission: &Submission, settle: Duration) -> Option<Timestamp> {
    Timestamp::from_second(listed_until(submission, settle)?).ok()
}

/// Whether there is time enough left to begin to send at `late`, a time that is not before the
/// service's.
pub(super) fn may_begin(window: Window, length: Duration, late: Timestamp) -> bool {
    let margin = MAX_MARGIN.min(length / 3);
    let end = Timestamp::from_second(window.not_after).unwrap_or(Timestamp::MIN);
    Duration::try_from(end.duration_since(late)).is_ok_and(|left| left >= margin)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Absence, absence, may_begin};
    use crate::state::{Outcome, Submission, SubmissionId, Window};

    const SETTLE: Option<Duration> = Some(Duration::from_secs(75));
    const DAY: i64 = 86_400;

    fn submission(not_after: Option<i64>) -> Submission {
        Submission {
            id: SubmissionId::random(),
            intended_at: Timestamp::UNIX_EPOCH,
            not_before: None,
            not_after,
            ended_at: None,
            outcome: Outcome::Unresolved { reason: None },
            by_hand: false,
            removed: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn absence_proves_something_between_the_settle_time_and_a_day_later() {
        let sent = submission(Some(1_000));
        let table = [
            (1_000, Absence::TooEarly(1_075)),
            (1_075, Absence::TooEarly(1_075)),
            (1_076, Absence::Proof),
            (1_075 + DAY, Absence::Proof),
            (1_076 + DAY, Absence::TooLate),
        ];
        for (date, expected) in table {
            assert_eq!(absence(&sent, SETTLE, Some(at(date))), expected, "{date}");
        }
        assert_eq!(absence(&sent, SETTLE, None), Absence::TooEarly(1_075));
        let old = submission(None);
        let late = Some(at(9_000_000));
        assert_eq!(absence(&old, SETTLE, late), Absence::WithoutWindow);
        assert_eq!(absence(&old, None, None), Absence::Proof);
    }

    #[test]
    fn an_attempt_begins_only_with_time_left() {
        let window = Window::from(at(1_000), Duration::from_secs(30));
        assert_eq!((window.not_before, window.not_after), (880, 1_031));
        let begins = |second| may_begin(window, Duration::from_secs(30), at(second));
        assert!(begins(1_021));
        assert!(!begins(1_022));
        assert!(!begins(2_000));
        let short = Window::from(at(1_000), Duration::from_secs(3));
        assert!(may_begin(short, Duration::from_secs(3), at(1_003)));
        assert!(!may_begin(short, Duration::from_secs(3), at(1_004)));
    }
}
