//! What holds for every history of a piece of work.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::header::{Header, HeaderLine};
use super::join::join;
use super::line::encode;
use super::log::parse;
use super::record::{Record, Submission, SubmissionId};
use super::tests::record;
use super::{Expected, Outcome, Rejection, StateError};
use crate::api::name::JobId;

const EXPECTED: Expected<'static> = Expected {
    target: "prod",
    lineage: None,
};

fn outcome() -> impl Strategy<Value = Outcome> {
    let reason = || "[a-z ]{0,8}".prop_map(|reason| reason);
    prop_oneof![
        "b[0-9a-f]{32}".prop_map(|id| Outcome::Accepted {
            job_id: JobId::new(&id).unwrap(),
            request_id: None,
        }),
        reason().prop_map(|message| Outcome::Rejected(Box::new(Rejection {
            code: "InvalidArgument".to_owned(),
            message,
            request_id: None,
        }))),
        reason().prop_map(|reason| Outcome::Abandoned { reason }),
        reason().prop_map(|reason| Outcome::Unresolved {
            reason: Some(reason)
        }),
        Just(Outcome::Unresolved { reason: None }),
    ]
}

/// The lines that a single writer leaves: each attempt intended, then ended.
fn history(outcomes: Vec<Outcome>) -> Vec<Record> {
    let mut record = record("a");
    let mut lines = Vec::new();
    let mut now = Timestamp::UNIX_EPOCH;
    let mut tick = || {
        now += SignedDuration::from_secs(1);
        now
    };
    for outcome in outcomes {
        record.written_at = tick();
        record.submissions.push(Submission {
            id: SubmissionId::random(),
            intended_at: record.written_at,
            not_before: None,
            not_after: None,
            ended_at: None,
            outcome: Outcome::Unresolved { reason: None },
            by_hand: false,
            removed: None,
        });
        lines.push(record.clone());
        record.written_at = tick();
        if let Some(submission) = record.submissions.last_mut() {
            submission.outcome = outcome;
            submission.ended_at = (!submission.is_unresolved()).then_some(record.written_at);
        }
        lines.push(record.clone());
    }
    lines
}

fn log(lines: &[&Record]) -> Vec<u8> {
    let header = encode(&HeaderLine::new(&Header::new("prod"), 1)).unwrap();
    let lines = lines.iter().map(|line| encode(line).unwrap());
    std::iter::once(header)
        .chain(lines)
        .collect::<Vec<_>>()
        .concat()
}

fn read(bytes: &[u8]) -> Result<Record, StateError> {
    let log = parse(Path::new("prod.state.jsonl"), bytes, EXPECTED)?;
    Ok(Record::clone(log.records.iter().next().unwrap()))
}

proptest! {
    #[test]
    fn lines_say_the_same_in_any_order_and_any_number(
        outcomes in vec(outcome(), 1..5),
        order in vec(0_usize..100, 1..20),
    ) {
        let lines = history(outcomes);
        let last = lines.last().unwrap();
        let shuffled: Vec<&Record> = order.iter().map(|at| &lines[at % lines.len()]).collect();
        let all = [shuffled, lines.iter().collect()].concat();
        prop_assert_eq!(&read(&log(&all)).unwrap(), last);
        let reversed: Vec<&Record> = all.into_iter().rev().collect();
        prop_assert_eq!(&read(&log(&reversed)).unwrap(), last);
    }

    #[test]
    fn joining_is_the_same_from_both_sides(outcomes in vec(outcome(), 1..5), at in 0_usize..100) {
        let lines = history(outcomes);
        let (some, last) = (&lines[at % lines.len()], lines.last().unwrap());
        prop_assert_eq!(&join(some, last).unwrap(), last);
        prop_assert_eq!(&join(last, some).unwrap(), last);
        prop_assert_eq!(&join(last, last).unwrap(), last);
    }

    #[test]
    fn an_end_is_never_changed_into_another(first in outcome(), second in outcome()) {
        let mut left = history(vec![first.clone()]).pop().unwrap();
        left.written_at = Timestamp::now();
        let mut right = left.clone();
        right.submissions[0].outcome = second.clone();
        match join(&left, &right) {
            Ok(joined) => {
                let end = &joined.submissions[0].outcome;
                prop_assert!(*end == first || *end == second);
                let both_known = !matches!(first, Outcome::Unresolved { .. })
                    && !matches!(second, Outcome::Unresolved { .. });
                prop_assert!(!both_known || std::mem::discriminant(&first) == std::mem::discriminant(&second));
            }
            Err(_) => prop_assert!(first != second),
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in vec(0_u8..=255, 0..400), cut in 0_usize..2000) {
        let _ = parse(Path::new("x"), bytes.as_slice(), EXPECTED);
        let lines = history(vec![Outcome::Unresolved { reason: None }]);
        let whole = log(&lines.iter().collect::<Vec<_>>());
        let mixed = [&whole[..cut.min(whole.len())], &bytes].concat();
        let _ = parse(Path::new("x"), mixed.as_slice(), EXPECTED);
    }
}
