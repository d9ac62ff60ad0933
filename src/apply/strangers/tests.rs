use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{MARGIN, doing_the_same, known_until};
use crate::api::client::Listing;
use crate::api::name::{BucketName, JobId, JobName, Region, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use crate::api::wire::{JobDetail, JobState};
use crate::job::{Job, JobKey, OnFailure, Overlap, Work};
use crate::plan::{Blocked, Limits, PlannedJob, plan};
use crate::source::{Place, SourceFile, Span};
use crate::state::{Record, Records, Window};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_650_000_000 + second).unwrap()
}

fn job(rerun: Option<&str>) -> Job {
    let work = Work {
        bucket: BucketName::new("media-1250000000").unwrap(),
        region: Region::new("ap-beijing").unwrap(),
        request: Request {
            name: JobName::new("demo").unwrap(),
            kind: JobType::Workflow,
            input: Input::Prefix("in/".to_owned()),
            operation: Operation {
                workflow_ids: WorkflowIds::from(WorkflowId::new("w1").unwrap()),
                time_interval: TimeInterval::default(),
            },
        },
        rerun: rerun.map(str::to_owned),
    };
    Job {
        key: JobKey::new("spring"),
        fingerprint: work.fingerprint(),
        work: Arc::new(work),
        description: None,
        on_failure: OnFailure::default(),
        overlap: Overlap::default(),
        source: Place {
            file: Arc::new(SourceFile::new("a.yaml", String::new())),
            span: Span::default(),
        },
    }
}

/// A job of the service that does the work of [`job`].
fn listed(id: &str, name: &str, created: Timestamp) -> JobDetail {
    let request = job(None).work.request.clone();
    JobDetail {
        job_id: JobId::new(id).unwrap(),
        name: name.to_owned(),
        kind: String::new(),
        state: JobState::Running,
        code: String::new(),
        message: String::new(),
        created: Some(created),
        started: None,
        ended: None,
        input: Some(request.input),
        operation: Some(request.operation),
        time_interval: None,
    }
}

fn found(job: &Job, records: &Records, listed: &[JobDetail]) -> Vec<Blocked> {
    let plan = plan([Arc::new(job.clone())], records, Limits::default());
    let jobs: Vec<&PlannedJob> = plan.jobs.iter().collect();
    doing_the_same(&jobs, listed)
}

#[test]
fn a_job_that_does_the_same_is_one_under_any_name() {
    let none = Records::default();
    let blocked = found(&job(None), &none, &[listed("b1", "by-hand", at(0))]);
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0].job_ids, [JobId::new("b1").unwrap()]);
    let mut other = listed("b1", "demo", at(0));
    other.input = Some(Input::Prefix("out/".to_owned()));
    assert!(found(&job(None), &none, &[other]).is_empty());
}

#[test]
fn a_job_that_does_not_say_what_it_does_is_one_under_the_same_name_alone() {
    let none = Records::default();
    for (name, number) in [("demo", 1), ("other", 0)] {
        let mut silent = listed("b1", name, at(0));
        silent.input = None;
        assert_eq!(found(&job(None), &none, &[silent]).len(), number, "{name}");
    }
}

#[test]
fn a_rerun_means_only_the_jobs_that_it_names() {
    let (none, one) = (Records::default(), listed("b1", "demo", at(0)));
    assert!(found(&job(Some("after b1")), &none, std::slice::from_ref(&one)).is_empty());
    assert_eq!(
        found(&job(Some("2")), &none, std::slice::from_ref(&one)).len(),
        1
    );
    let two = [one, listed("c2", "demo", at(1))];
    assert_eq!(found(&job(Some("after b1")), &none, &two).len(), 1);
}

/// What a look-up will decide about is left to it; an older job, or one of another name, is not.
#[test]
fn what_an_unresolved_submission_may_have_become_is_none() {
    let job = job(None);
    let mut record = Record::of(&job, None);
    record.intend(Window {
        not_before: at(1_000).as_second(),
        not_after: at(1_030).as_second(),
    });
    let mut records = Records::default();
    records.insert(Arc::new(record));
    assert!(found(&job, &records, &[listed("b1", "demo", at(1_010))]).is_empty());
    assert_eq!(
        found(&job, &records, &[listed("b1", "demo", at(0))]).len(),
        1
    );
    assert_eq!(
        found(&job, &records, &[listed("b1", "x", at(1_010))]).len(),
        1
    );
}

/// The next run reads the list from the first job on that this one could not place.
#[test]
fn a_list_makes_known_what_is_older_than_its_first_unknown_job() {
    let settle = SignedDuration::from_secs(75);
    let listing = |jobs: Vec<JobDetail>, date| Listing {
        jobs,
        date,
        pages: 1,
    };
    let date = Some(at(1_000));
    let whole = at(1_000) - settle - MARGIN;
    assert_eq!(known_until(&listing(vec![], date), settle), Some(whole));
    let unknown = listed("b1", "x", at(100));
    let with = |job: &JobDetail| listing(vec![job.clone()], date);
    assert_eq!(known_until(&with(&unknown), settle), Some(at(100)));
    let late = listed("b1", "x", at(990));
    assert_eq!(known_until(&with(&late), settle), Some(whole));
    let timeless = JobDetail {
        created: None,
        ..unknown
    };
    assert_eq!(known_until(&with(&timeless), settle), None);
    assert_eq!(known_until(&listing(vec![], None), settle), None);
}
