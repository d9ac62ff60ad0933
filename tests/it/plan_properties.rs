//! What holds for every plan, whatever the jobs and the state.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use stocktake::api::name::JobId;
use stocktake::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use stocktake::api::wire::JobState;
use stocktake::job::{Job, JobKey, OnFailure, Overlap, Work};
use stocktake::plan::Difference;
use stocktake::plan::{Action, Limits, Plan, PlannedJob, Planner, plan};
use stocktake::source::{Place, SourceFile, Span};
use stocktake::state::{Outcome, Record, Records, Rejection, Seen, Submission, SubmissionId};

/// Works are told apart by a small number, so that jobs and records often meet.
fn work(number: u8) -> Work {
    Work {
        bucket: "demo-1250000000".parse().unwrap(),
        region: "ap-beijing".parse().unwrap(),
        request: Request {
            name: "name".parse().unwrap(),
            kind: JobType::Workflow,
            input: Input::Object(format!("object-{number}")),
            operation: Operation {
                workflow_ids: WorkflowIds::from(
                    "w1".parse::<stocktake::api::name::WorkflowId>().unwrap(),
                ),
                time_interval: TimeInterval::default(),
            },
        },
        rerun: None,
    }
}

fn job(key: u8, number: u8, max_attempts: Option<u32>) -> Job {
    let work = work(number);
    let source = Arc::new(SourceFile::new("jobs/a.yaml", String::new()));
    Job {
        key: JobKey::new(&format!("key-{key}")),
        fingerprint: work.fingerprint(),
        work: Arc::new(work),
        description: None,
        on_failure: max_attempts.map_or(OnFailure::Leave, |max_attempts| OnFailure::Resubmit {
            max_attempts,
        }),
        overlap: Overlap::Allow,
        source: Place::new(&source, Span::default()),
    }
}

fn outcome(kind: u8) -> Outcome {
    match kind % 4 {
        0 => Outcome::Unresolved { reason: None },
        1 => Outcome::Accepted {
            job_id: JobId::new("b1").unwrap(),
            request_id: None,
        },
        2 => Outcome::Rejected(Box::new(Rejection {
            code: "InvalidArgument".to_owned(),
            message: String::new(),
            request_id: None,
        })),
        _ => Outcome::Abandoned {
            reason: String::new(),
        },
    }
}

fn record(key: u8, number: u8, outcomes: &[u8], seen: u8) -> Record {
    let work = work(number);
    let submission = |(second, kind): (i64, &u8)| Submission {
        id: SubmissionId::random(),
        intended_at: Timestamp::from_second(second).unwrap(),
        not_before: None,
        not_after: None,
        ended_at: None,
        outcome: outcome(*kind),
        by_hand: false,
        removed: None,
    };
    let state = match seen % 4 {
        0 => None,
        1 => Some(JobState::Running),
        2 => Some(JobState::Success),
        _ => Some(JobState::Failed),
    };
    let seen =
        state.map(|state| Seen::new(JobId::new("b1").unwrap(), state, Timestamp::UNIX_EPOCH));
    Record {
        fingerprint: work.fingerprint(),
        key: JobKey::new(&format!("key-{key}")),
        written_at: Timestamp::UNIX_EPOCH,
        work: Arc::new(work),
        submissions: (0..).zip(outcomes).map(submission).collect(),
        seen,
    }
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let one = (0_u8..12, 0_u8..12, prop::option::of(2_u32..4));
    distinct(prop::collection::vec(one, 0..12).prop_map(|jobs| {
        let jobs = jobs.into_iter();
        jobs.map(|(key, number, attempts)| job(key, number, attempts))
            .collect()
    }))
}

/// Without a second job of one key or one work.
fn distinct(jobs: impl Strategy<Value = Vec<Job>>) -> impl Strategy<Value = Vec<Job>> {
    jobs.prop_map(|mut jobs| {
        jobs.sort_by_key(|job| job.fingerprint);
        jobs.dedup_by_key(|job| job.fingerprint);
        jobs.sort_by(|left, right| left.key.cmp(&right.key));
        jobs.dedup_by(|left, right| left.key == right.key);
        jobs
    })
}

fn records() -> impl Strategy<Value = Records> {
    let one = (
        0_u8..12,
        0_u8..12,
        prop::collection::vec(any::<u8>(), 1..4),
        any::<u8>(),
    );
    prop::collection::vec(one, 0..12).prop_map(|list| {
        let mut records = Records::default();
        for (key, number, mut outcomes, seen) in list {
            // Nothing is submitted again before it is resolved, so that only the last can be open.
            let last = outcomes.len() - 1;
            outcomes[..last]
                .iter_mut()
                .filter(|kind| **kind % 4 == 0)
                .for_each(|kind| *kind = 1);
            records.insert(Arc::new(record(key, number, &outcomes, seen)));
        }
        records
    })
}

/// Key and action of every job.
fn actions(plan: &Plan) -> Vec<(JobKey, Action)> {
    plan.jobs
        .iter()
        .map(|planned| (planned.job.key.clone(), planned.action))
        .collect()
}

/// The records after everything in the plan went well.
fn applied(plan: &Plan, records: &Records) -> Records {
    let mut records = records.clone();
    for planned in &plan.jobs {
        let previous = planned.record.as_deref().cloned();
        let mut record = previous.unwrap_or_else(|| Record {
            submissions: Vec::new(),
            seen: None,
            ..record(0, 0, &[], 0)
        });
        record.fingerprint = planned.job.fingerprint;
        record.work = planned.job.work.clone();
        match planned.action {
            Action::Unchanged => continue,
            Action::Renamed => {}
            Action::Submit | Action::Resubmit => record.submissions.push(Submission {
                id: SubmissionId::random(),
                intended_at: Timestamp::from_second(100).unwrap(),
                not_before: None,
                not_after: None,
                ended_at: None,
                outcome: Outcome::Accepted {
                    job_id: JobId::new("b2").unwrap(),
                    request_id: None,
                },
                by_hand: false,
                removed: None,
            }),
            Action::Resolve => {
                for submission in &mut record.submissions {
                    if matches!(submission.outcome, Outcome::Unresolved { .. }) {
                        submission.outcome = Outcome::Accepted {
                            job_id: JobId::new("b3").unwrap(),
                            request_id: None,
                        };
                    }
                }
            }
        }
        record.key = planned.job.key.clone();
        records.insert(Arc::new(record));
    }
    records
}

/// The work with that number, where many lie in one another.
fn nested(work: &mut Work) {
    let Input::Object(name) = &work.request.input else {
        return;
    };
    let number: usize = name.trim_start_matches("object-").parse().unwrap();
    let letter = ["a", "b", "视"][number % 3];
    work.request.input = Input::Prefix(letter.repeat(number / 3));
}

/// Jobs that may not overlap, although many do.
fn overlapping_jobs() -> impl Strategy<Value = Vec<Job>> {
    let one = (0_u8..60, 0_u8..60, prop::option::of(2_u32..4));
    distinct(prop::collection::vec(one, 0..60).prop_map(|jobs| {
        let jobs = jobs.into_iter().map(|(key, number, attempts)| {
            let mut job = job(key, number, attempts);
            nested(Arc::make_mut(&mut job.work));
            job.fingerprint = job.work.fingerprint();
            job.overlap = if key % 5 == 0 {
                Overlap::Allow
            } else {
                Overlap::Deny
            };
            job
        });
        jobs.collect()
    }))
}

fn overlapping_records() -> impl Strategy<Value = Records> {
    let one = (0_u8..60, 0_u8..60, any::<u8>(), any::<u8>());
    prop::collection::vec(one, 0..40).prop_map(|list| {
        let mut records = Records::default();
        for (key, number, outcome, seen) in list {
            let mut record = record(key, number, &[outcome], seen);
            nested(Arc::make_mut(&mut record.work));
            record.fingerprint = record.work.fingerprint();
            records.insert(Arc::new(record));
        }
        records
    })
}

/// Everything that a plan says.
pub fn words(plan: &Plan) -> String {
    let job = |planned: &PlannedJob| {
        let record = planned.record.as_ref().map(|record| record.fingerprint);
        let place = planned.job.source.file.path().display();
        let PlannedJob {
            job,
            action,
            reason,
            changes,
            ..
        } = planned;
        format!(
            "{} {} {place} {action:?} {reason:?} {record:?} {changes:?}",
            job.key, job.fingerprint
        )
    };
    let jobs: Vec<String> = plan.jobs.iter().map(job).collect();
    let retired: Vec<_> = plan
        .retired
        .iter()
        .map(|record| record.fingerprint)
        .collect();
    format!(
        "{jobs:#?}\n{retired:?}\n{:#?}\n{:#?}\n{:?}",
        plan.blocked, plan.warnings, plan.summary
    )
}

proptest! {
    #[test]
    fn a_plan_that_is_kept_is_the_one_that_is_made_anew(
        steps in prop::collection::vec(overlapping_jobs(), 1..6),
        records in overlapping_records(),
        limit in prop::option::of(0_usize..40),
    ) {
        let limits = Limits { max_submissions: limit, ..Limits::default() };
        let records = Arc::new(records);
        let mut planner = Planner::new(Vec::new(), Arc::clone(&records), limits);
        let mut before = plan(Vec::<Job>::new(), &records, limits);
        let mut there: Vec<Arc<Job>> = Vec::new();
        for jobs in steps {
            let same = |left: &Job, right: &Job| {
                (&left.key, left.fingerprint, left.on_failure) == (&right.key, right.fingerprint, right.on_failure)
            };
            let (stay, gone): (Vec<_>, Vec<_>) =
                there.into_iter().partition(|known| jobs.iter().any(|job| same(job, known)));
            // In no order: files come in theirs.
            let new = jobs.iter().rev().filter(|job| !stay.iter().any(|known| same(job, known)));
            let come: Vec<Arc<Job>> = new.cloned().map(Arc::new).collect();
            there = stay.into_iter().chain(come.iter().cloned()).collect();
            let step = planner.update(&gone, &come);
            let whole = plan(there.clone(), &records, limits);
            prop_assert_eq!(words(planner.plan()), words(&whole));
            prop_assert_eq!(Difference::between(&step.before, &step.after), Difference::between(&before, &whole));
            before = whole;
        }
    }

    #[test]
    fn the_order_of_jobs_does_not_matter(jobs in jobs(), records in records()) {
        let mut reversed = jobs.clone();
        reversed.reverse();
        let one = plan(jobs, &records, Limits::default());
        let other = plan(reversed, &records, Limits::default());
        prop_assert_eq!(actions(&one), actions(&other));
        prop_assert_eq!(one.summary, other.summary);
    }

    #[test]
    fn what_was_accepted_is_not_submitted_unless_it_failed(jobs in jobs(), records in records()) {
        for planned in plan(jobs, &records, Limits::default()).jobs {
            let Some(record) = &planned.record else { continue };
            if planned.action.submits() && record.accepted().is_some() {
                prop_assert!(record.last_seen().is_some_and(|seen| seen.state.is_failure()));
                prop_assert!(planned.job.on_failure != OnFailure::Leave);
            }
            if record.unresolved().is_some() {
                prop_assert_eq!(planned.action, Action::Resolve);
            }
        }
    }

    #[test]
    fn after_an_apply_there_is_nothing_left_to_do(jobs in jobs(), records in records()) {
        let first = plan(jobs.clone(), &records, Limits::default());
        let second = plan(jobs, &applied(&first, &records), Limits::default());
        prop_assert!(!second.submits(), "{:?}", actions(&second));
        prop_assert_eq!(second.summary.resolve, 0);
    }

    #[test]
    fn every_job_and_every_record_is_accounted_for(jobs in jobs(), records in records()) {
        let plan = plan(jobs.clone(), &records, Limits::default());
        let summary = plan.summary;
        let of_jobs = summary.submit + summary.resubmit + summary.resolve + summary.renamed + summary.unchanged;
        prop_assert_eq!(of_jobs, jobs.len());
        let known = plan.jobs.iter().filter(|planned| planned.record.is_some()).count();
        prop_assert_eq!(known + summary.retired, records.len());
    }

    #[test]
    fn a_limit_blocks_exactly_what_exceeds_it(jobs in jobs(), records in records(), limit in 0_usize..12) {
        let plan = plan(jobs, &records, Limits { max_submissions: Some(limit), ..Limits::default() });
        let summary = plan.summary;
        prop_assert_eq!(!plan.blocked.is_empty(), summary.submit + summary.resubmit + summary.resolve > limit);
    }
}
