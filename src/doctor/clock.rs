//! The clock of this machine against the service's.

use jiff::{SignedDuration, Timestamp};

use super::check::{Finding, failed, ok, skipped, warning};
use crate::remedy::CLOCK;

/// A difference below it comes from whole seconds and the way.
const NOTICED: SignedDuration = SignedDuration::from_secs(10);

/// STS and COS refuse what is signed further off.
const REFUSED: SignedDuration = SignedDuration::from_mins(15);

/// Compares the service's date with the time of this machine when it came.
pub(super) fn compare(date: Option<Timestamp>, now: Timestamp) -> Finding {
    let Some(date) = date else {
        return skipped("the service gave no date");
    };
    let ahead = now.duration_since(date);
    let seconds = ahead.as_secs().unsigned_abs();
    let side = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let found = format!("{seconds} s {side} the service");
    match ahead.abs() {
        distance if distance < NOTICED => ok("as the service's"),
        distance if distance < REFUSED => warning(found, CLOCK),
        _ => failed(found, CLOCK),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::compare;
    use crate::doctor::Outcome;

    #[test]
    fn a_clock_is_right_noticed_or_refused() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let found = |now| {
            let (outcome, found, _) = compare(Some(at(10_000)), at(now));
            (outcome, found)
        };
        assert_eq!(found(10_003), (Outcome::Ok, "as the service's".to_owned()));
        assert_eq!(
            found(9_940),
            (Outcome::Warning, "60 s behind the service".to_owned())
        );
        assert_eq!(
            found(11_000),
            (Outcome::Failed, "1000 s ahead of the service".to_owned())
        );
        assert_eq!(compare(None, at(1)).0, Outcome::Skipped);
    }
}
