use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::{Strategy, proptest};
use proptest::{collection, option, sample};

use super::requests::{self, Source};
use crate::api::name::{BucketName, JobName, Region, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use crate::estimate::{Count, Counts};
use crate::job::{Job, JobKey, OnFailure, Overlap, Work};
use crate::source::{Place, SourceFile, Span};

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(1_640_966_400 + second).unwrap()
}

fn job(number: usize, input: Input, ids: &[&str], start: Option<i64>, end: Option<i64>) -> Job {
    let ids = ids.iter().map(|id| WorkflowId::new(id).unwrap()).collect();
    let work = Work {
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
        // Two jobs of one plan are never the same work.
        rerun: Some(number.to_string()),
    };
    let file = Arc::new(SourceFile::new("jobs/a.yaml", String::new()));
    Job {
        key: JobKey::new(&format!("job{number}")),
        fingerprint: work.fingerprint(),
        work: Arc::new(work),
        description: None,
        on_failure: OnFailure::Leave,
        overlap: Overlap::Deny,
        source: Place::new(&file, Span::new(0, 0)),
    }
}

/// An object: its upload time, if the list gives one, and its size.
type Objects = BTreeMap<String, (Option<i64>, u64)>;

fn any_job() -> impl Strategy<Value = (Input, Vec<&'static str>, Option<i64>, Option<i64>)> {
    let text = sample::select(vec![
        "", "a", "a/", "a/b", "a/b/", "ab", "b", "视", "视频/x",
    ]);
    let input = (0..3_u8, text).prop_map(|(kind, text)| match kind {
        0 if !text.is_empty() => Input::Object(text.to_owned()),
        _ => Input::Prefix(text.to_owned()),
    });
    let ids = sample::subsequence(vec!["w1", "w2"], 1..=2);
    (input, ids, option::of(0..5_i64), option::of(0..8_i64))
}

fn any_objects() -> impl Strategy<Value = Objects> {
    let key = sample::select(vec![
        "a", "a/", "a-", "a/b", "a/b/c", "a/b/视", "a0", "ab", "b", "c", "视", "视频/x",
    ]);
    collection::btree_map(
        key.prop_map(str::to_owned),
        (option::weighted(0.95, 0..8_i64), 0..100_u64),
        0..12,
    )
}

/// Asks every request of the bucket, as the counter does.
fn count(jobs: &[Job], objects: &Objects) -> (Counts, usize) {
    let mut counts = Counts::default();
    let requests = requests::of(jobs.iter());
    let number = requests.len();
    for mut request in requests {
        let wanted = |key: &str| match &request.source {
            Source::Prefix(prefix) => key.starts_with(prefix),
            Source::Object(wanted) => key == wanted,
            Source::Manifest(_) | Source::UrlFile(_) => false,
        };
        let found = objects.iter().filter(|(key, _)| wanted(key));
        for (key, (second, size)) in found.collect::<Vec<_>>() {
            let second = second.map(|second| moment(second).as_second());
            request.tally.object(key, second, Some(*size));
        }
        request.tally.finish(&mut counts);
    }
    (counts, number)
}

fn takes(job: &Job, key: &str) -> bool {
    match &job.work.request.input {
        Input::Prefix(prefix) => key.starts_with(prefix.as_str()),
        Input::Object(wanted) => key == wanted,
        Input::Manifest(_) | Input::UrlFile(_) => false,
    }
}

/// The definition, object by object and job by job.
fn one_by_one(job: &Job, objects: &Objects) -> Option<Count> {
    let interval = job.work.request.operation.time_interval;
    let taken = objects.iter().filter(|(key, _)| takes(job, key));
    let taken: Vec<_> = taken.map(|(_, object)| object).collect();
    let is_absent = matches!(job.work.request.input, Input::Object(_)) && taken.is_empty();
    let is_unclear = !interval.is_unbounded() && taken.iter().any(|(second, _)| second.is_none());
    if is_absent || is_unclear {
        return None;
    }
    let mut count = Count::default();
    for (second, size) in taken {
        if second.is_none_or(|second| interval.contains(moment(second))) {
            count.add(Some(*size));
        }
    }
    Some(count)
}

fn covering(jobs: &[Job], objects: &Objects, id: Option<&str>) -> u64 {
    let covers = |job: &&Job, key: &str, second: Option<i64>| {
        let operation = &job.work.request.operation;
        let mut ids = operation.workflow_ids.as_slice().iter();
        let is_meant = id.is_none_or(|id| ids.any(|own| own.as_str() == id));
        let contains = |second| operation.time_interval.contains(moment(second));
        is_meant && takes(job, key) && second.is_some_and(contains)
    };
    let twice = objects.iter().filter(|(key, (second, _))| {
        let covering = jobs.iter().filter(|job| covers(job, key, *second));
        covering.count() > 1
    });
    twice.count() as u64
}

proptest! {
    #[test]
    fn streaming_counts_what_looking_at_each_object_for_each_job_does(
        jobs in collection::vec(any_job(), 0..10),
        objects in any_objects(),
    ) {
        let jobs = jobs.into_iter().enumerate();
        let jobs: Vec<Job> = jobs
            .filter(|(_, (_, _, start, end))| start.zip(*end).is_none_or(|(start, end)| start < end))
            .map(|(number, (input, ids, start, end))| job(number, input, &ids, start, end))
            .collect();
        let (counts, _) = count(&jobs, &objects);
        assert_eq!(counts.jobs.len(), jobs.len());
        for job in &jobs {
            let counted = counts.jobs[&job.fingerprint].as_ref().ok();
            assert_eq!(counted, one_by_one(job, &objects).as_ref(), "{:?}", job.work);
        }
        assert_eq!(counts.covered_twice, covering(&jobs, &objects, None));
        for id in ["w1", "w2"] {
            let twice = counts.processed_twice.get(&WorkflowId::new(id).unwrap());
            assert_eq!(twice.copied().unwrap_or(0), covering(&jobs, &objects, Some(id)), "{id}");
        }
    }
}

#[test]
fn windows_and_nested_prefixes_share_one_list() {
    let prefix = |text: &str| Input::Prefix(text.to_owned());
    let mut jobs: Vec<Job> = (0_u32..100)
        .map(|number| {
            let (start, number) = (i64::from(number) * 10, number as usize);
            job(number, prefix("a/"), &["w1"], Some(start), Some(start + 10))
        })
        .collect();
    jobs.push(job(100, prefix("a/b/"), &["w2"], None, None));
    jobs.push(job(
        101,
        Input::Object("a/c".to_owned()),
        &["w2"],
        None,
        None,
    ));
    jobs.push(job(102, prefix("a0"), &["w2"], None, None));
    // On the border of two windows, and within one.
    let objects = [("a/b/c", 20), ("a/c", 25), ("a0", 20)];
    let objects = objects.map(|(key, second)| (key.to_owned(), (Some(second), 1)));
    let (counts, requests) = count(&jobs, &BTreeMap::from(objects));
    assert_eq!(requests, 2);
    let windows = &jobs[1..3];
    for (job, objects) in windows.iter().zip([1, 2]) {
        let counted = counts.jobs[&job.fingerprint].as_ref().unwrap();
        assert_eq!(counted.objects, objects, "{}", job.key);
    }
    let w1 = WorkflowId::new("w1").unwrap();
    assert_eq!(counts.covered_twice, 2);
    assert_eq!(counts.processed_twice, BTreeMap::from([(w1, 1)]));
}
