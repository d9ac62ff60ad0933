use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::{collection, option, sample};

use super::footprint::{Footprint, SortKey, footprints};
use super::{MAX_REPORTED, conflicts};
use crate::api::name::{BucketName, JobId, JobName, Region, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use crate::api::wire::JobState;
use crate::job::{Fingerprint, Job, JobKey, OnFailure, Overlap, Work};
use crate::plan::{Action, Limits, Plan, PlannedJob, Reason, plan};
use crate::source::{Place, SourceFile, Span};
use crate::state::{Outcome, Record, Records, Seen, Submission, SubmissionId};

fn moment(hour: i64) -> Timestamp {
    Timestamp::from_second(1_640_966_400 + hour * 3600).unwrap()
}

fn work(input: Input, ids: &[&str], start: Option<i64>, end: Option<i64>) -> Work {
    let ids = ids.iter().map(|id| WorkflowId::new(id).unwrap()).collect();
    Work {
        bucket: BucketName::new("media-1250000000").unwrap(),
        region: Region::new("ap-beijing").unwrap(),
        request: Request {
            name: JobName::new("demo").unwrap(),
            kind: JobType::Workflow,
            input,
            operation: Operation {
                workflow_ids: WorkflowIds::new(ids).unwrap(),
                time_interval: TimeInterval {
                    start: start.map(moment),
                    end: end.map(moment),
                },
            },
        },
        rerun: None,
    }
}

/// The definition, as one would explain it.
fn same_objects(left: &Work, right: &Work) -> bool {
    let within = |key: &str, prefix: &str| key.starts_with(prefix);
    let ids = |work: &Work| work.request.operation.workflow_ids.as_slice().to_vec();
    let shares_workflow = ids(left).iter().any(|id| ids(right).contains(id));
    let shares_input = match (&left.request.input, &right.request.input) {
        (Input::Prefix(left), Input::Prefix(right)) => within(left, right) || within(right, left),
        (Input::Prefix(prefix), Input::Object(key))
        | (Input::Object(key), Input::Prefix(prefix)) => within(key, prefix),
        (left, right) => left == right,
    };
    left.bucket == right.bucket && left.region == right.region && shares_workflow && shares_input
}

fn any_input() -> impl Strategy<Value = Input> {
    let key = sample::select(vec!["a", "a/", "a/b", "a/b/c", "ab", "b", "视", "视频"]);
    (0..4_u8, key).prop_map(|(kind, key)| match kind {
        0 | 1 => Input::Prefix(key.to_owned()),
        2 => Input::Object(key.to_owned()),
        _ => Input::Manifest(key.to_owned()),
    })
}

fn any_work() -> impl Strategy<Value = Work> {
    let ids = sample::subsequence(vec!["w1", "w2", "w3"], 1..=2);
    let ends = (option::of(0..6_i64), option::of(0..6_i64));
    let rerun = option::of(Just("again".to_owned()));
    let bucket = sample::select(vec!["media-1250000000", "other-1250000000"]);
    (any_input(), ids, ends, rerun, bucket).prop_map(|(input, ids, (start, end), rerun, bucket)| {
        Work {
            rerun,
            bucket: BucketName::new(bucket).unwrap(),
            ..work(input, &ids, start, end)
        }
    })
}

/// A job with that work which was never submitted, or was and ended so.
fn any_planned() -> impl Strategy<Value = PlannedJob> {
    let state = prop_oneof![
        Just(None),
        Just(Some(JobState::Success)),
        Just(Some(JobState::Failed))
    ];
    let key = sample::select(vec!["x", "y", "z"]);
    (any_work(), state, key).prop_map(|(work, state, key)| {
        let record = state.map(|state| record(key, work.clone(), Some(state)));
        PlannedJob {
            action: record
                .as_ref()
                .map_or(Action::Submit, |_| Action::Unchanged),
            reason: Reason::New,
            record: record.map(Arc::new),
            changes: Vec::new(),
            job: Arc::new(job(key, work, Overlap::Deny)),
        }
    })
}

/// By comparing everything.
fn expected<'a>(footprints: &[Footprint<'a>]) -> BTreeSet<[SortKey<'a>; 2]> {
    let mut pairs = BTreeSet::new();
    for (right, second) in footprints.iter().enumerate() {
        for first in &footprints[..right] {
            let share_time = first.interval().start.max(second.interval().start)
                < first.interval().end.min(second.interval().end);
            if first.may_conflict_with(second)
                && share_time
                && same_objects(first.work, second.work)
            {
                let mut pair = [first.sort_key(), second.sort_key()];
                pair.sort();
                pairs.insert(pair);
            }
        }
    }
    pairs
}

proptest! {
    #[test]
    fn conflicts_are_those_that_comparing_all_pairs_finds(
        mut drawn in collection::vec(any_planned(), 0..20),
    ) {
        drawn.sort_by_key(|planned| planned.job.fingerprint);
        drawn.dedup_by_key(|planned| planned.job.fingerprint);
        let footprints = footprints(&drawn, &[]);
        let expected = expected(&footprints);
        if expected.len() <= MAX_REPORTED {
            let found: BTreeSet<[SortKey<'_>; 2]> = conflicts(&footprints).into_keys().collect();
            prop_assert_eq!(found, expected);
        } else {
            prop_assert!(conflicts(&footprints).len() > MAX_REPORTED);
        }
    }
}

fn job(key: &str, work: Work, overlap: Overlap) -> Job {
    let file = Arc::new(SourceFile::new("jobs/a.yaml", key.to_owned()));
    let fingerprint: Fingerprint = work.fingerprint();
    Job {
        key: JobKey::new(key),
        fingerprint,
        work: Arc::new(work),
        description: None,
        on_failure: OnFailure::Leave,
        overlap,
        source: Place::new(&file, Span::new(0, key.len())),
    }
}

fn prefix(prefix: &str) -> Input {
    Input::Prefix(prefix.to_owned())
}

fn messages(plan: &Plan) -> Vec<&str> {
    plan.blocked
        .iter()
        .map(|blocked| blocked.message.as_str())
        .collect()
}

#[test]
fn a_prefix_within_another_blocks_and_names_what_is_shared() {
    let all = work(prefix("input/"), &["w1"], Some(0), Some(48));
    let part = work(prefix("input/cn/"), &["w1", "w2"], Some(24), None);
    let jobs = vec![
        job("all", all, Overlap::Deny),
        job("part", part, Overlap::Deny),
    ];
    let plan = plan(jobs, &Records::default(), Limits::default());
    insta::assert_snapshot!(messages(&plan).join("\n"));
}

fn record(key: &str, work: Work, state: Option<JobState>) -> Record {
    let job_id = JobId::new("b1").unwrap();
    Record {
        fingerprint: work.fingerprint(),
        key: JobKey::new(key),
        written_at: moment(72),
        work: Arc::new(work),
        submissions: vec![Submission {
            id: SubmissionId::random(),
            intended_at: moment(72),
            not_before: None,
            not_after: None,
            ended_at: Some(moment(72)),
            outcome: Outcome::Accepted {
                job_id: job_id.clone(),
                request_id: None,
            },
            by_hand: false,
            removed: None,
        }],
        seen: state.map(|state| Seen::new(job_id, state, moment(73))),
    }
}

fn records(key: &str, work: Work, state: Option<JobState>) -> Records {
    let mut records = Records::default();
    records.insert(Arc::new(record(key, work, state)));
    records
}

#[test]
fn a_record_without_a_job_blocks_too() {
    let records = records("old", work(prefix("input/"), &["w1"], None, None), None);
    let new = work(prefix("input/cn/"), &["w1"], Some(48), None);
    let blocked = plan(
        vec![job("new", new, Overlap::Deny)],
        &records,
        Limits::default(),
    );
    insta::assert_snapshot!(messages(&blocked).join("\n"));
    // The open end of the record is the moment of its submission.
    let later = work(prefix("input/cn/"), &["w1"], Some(72), None);
    let free = plan(
        vec![job("new", later, Overlap::Deny)],
        &records,
        Limits::default(),
    );
    assert!(free.blocked.is_empty(), "{:?}", free.blocked);
}

#[test]
fn a_record_that_failed_only_warns() {
    let failed = Some(JobState::Failed);
    let records = records("old", work(prefix("input/"), &["w1"], None, None), failed);
    let new = work(prefix("input/cn/"), &["w1"], None, None);
    let plan = plan(
        vec![job("new", new, Overlap::Deny)],
        &records,
        Limits::default(),
    );
    assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    insta::assert_snapshot!(plan.warnings.join("\n"));
}

#[test]
fn a_changed_rerun_allows_the_jobs_own_earlier_record_and_no_other() {
    let records = records("job", work(prefix("input/"), &["w1"], None, None), None);
    let again = Work {
        rerun: Some("2".to_owned()),
        ..work(prefix("input/"), &["w1"], None, None)
    };
    let plan_for = |key: &str, work: &Work| {
        let jobs = vec![job(key, work.clone(), Overlap::Deny)];
        plan(jobs, &records, Limits::default()).blocked.len()
    };
    assert_eq!(plan_for("job", &again), 0);
    assert_eq!(plan_for("other", &again), 1);
    // Changed without `rerun`: the same objects would be paid for again.
    let wider = work(prefix("in"), &["w1"], None, None);
    assert_eq!(plan_for("job", &wider), 1);
}

#[test]
fn either_job_may_allow_the_overlap() {
    for allowing in [0, 1] {
        let mut jobs = vec![
            job(
                "a",
                work(prefix("input/"), &["w1"], None, None),
                Overlap::Deny,
            ),
            job(
                "b",
                work(prefix("input/"), &["w1"], Some(1), None),
                Overlap::Deny,
            ),
        ];
        jobs[allowing].overlap = Overlap::Allow;
        let plan = plan(jobs, &Records::default(), Limits::default());
        assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    }
}

#[test]
fn a_hundred_thousand_windows_that_touch_do_not_overlap() {
    // Comparing all pairs would take minutes.
    let jobs: Vec<Job> = (0..100_000)
        .map(|hour| {
            let work = work(prefix("input/"), &["w1"], Some(hour), Some(hour + 1));
            job(&format!("k{hour}"), work, Overlap::Deny)
        })
        .collect();
    let plan = plan(jobs, &Records::default(), Limits::default());
    assert!(plan.blocked.is_empty());
}

#[test]
fn many_overlaps_are_cut_to_what_a_person_reads() {
    let jobs: Vec<Job> = (0..2_000)
        .map(|hour| {
            let work = work(prefix("input/"), &["w1"], Some(hour), None);
            job(&format!("k{hour}"), work, Overlap::Deny)
        })
        .collect();
    let plan = plan(jobs, &Records::default(), Limits::default());
    assert_eq!(plan.blocked.len(), MAX_REPORTED + 1);
}
