//! What has to be asked so that the objects of all jobs are counted, each list once.

use std::collections::BTreeMap;

use super::tally::{Pattern, Tally};
use crate::api::name::{BucketName, Region};
use crate::api::request::Input;
use crate::job::Job;

/// One list of objects, and the jobs that it is counted for.
#[derive(Debug)]
pub(super) struct ListRequest {
    pub(super) bucket: BucketName,
    pub(super) region: Region,
    pub(super) source: Source,
    pub(super) tally: Tally,
}

/// Where a list comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The bucket's list of the keys that begin with this.
    Prefix(String),
    /// One object.
    Object(String),
    /// An inventory, as the job names it.
    Manifest(String),
    /// A list of URLs, as the job names it.
    UrlFile(String),
}

/// The requests about jobs that may be of several buckets.
pub(super) fn of<'a>(jobs: impl Iterator<Item = &'a Job>) -> Vec<ListRequest> {
    let mut buckets: BTreeMap<(&BucketName, &Region), Vec<&Job>> = BTreeMap::new();
    for job in jobs {
        let bucket = (&job.work.bucket, &job.work.region);
        buckets.entry(bucket).or_default().push(job);
    }
    let mut requests = Vec::new();
    for ((bucket, region), jobs) in buckets {
        let lists = lists(&jobs).into_iter();
        requests.extend(lists.map(|(source, jobs)| ListRequest {
            bucket: bucket.clone(),
            region: region.clone(),
            source,
            tally: Tally::new(jobs.into_iter()),
        }));
    }
    requests
}

/// The jobs of one bucket by the list that they are counted with.
fn lists<'a>(jobs: &[&'a Job]) -> BTreeMap<Source, Vec<(Pattern, &'a Job)>> {
    let roots = roots(jobs);
    // The root that a key or a prefix lies under, if there is one, is the last in front of it.
    let root = |text: &str| {
        let behind = roots.partition_point(|root| *root <= text);
        let root = roots.get(behind.checked_sub(1)?)?;
        text.starts_with(root).then(|| (*root).to_owned())
    };
    let mut lists: BTreeMap<Source, Vec<(Pattern, &'a Job)>> = BTreeMap::new();
    for job in jobs {
        let input = &job.work.request.input;
        let (source, text) = match input {
            Input::Prefix(prefix) => {
                let root = root(prefix).unwrap_or_else(|| prefix.clone());
                (Source::Prefix(root), prefix.as_str())
            }
            Input::Object(key) => {
                let root = root(key).map(Source::Prefix);
                let alone = || Source::Object(key.clone());
                (root.unwrap_or_else(alone), key.as_str())
            }
            Input::Manifest(name) => (Source::Manifest(name.clone()), ""),
            Input::UrlFile(name) => (Source::UrlFile(name.clone()), ""),
        };
        let pattern = Pattern {
            text: text.to_owned(),
            is_key: matches!(input, Input::Object(_)),
        };
        lists.entry(source).or_default().push((pattern, job));
    }
    lists
}

/// The prefixes that lie in no other one, in order.
fn roots<'a>(jobs: &[&'a Job]) -> Vec<&'a str> {
    let prefixes = jobs.iter().filter_map(|job| match &job.work.request.input {
        Input::Prefix(prefix) => Some(prefix.as_str()),
        _ => None,
    });
    let mut prefixes: Vec<&str> = prefixes.collect();
    prefixes.sort_unstable();
    let mut roots: Vec<&str> = Vec::new();
    for prefix in prefixes {
        if !roots.last().is_some_and(|root| prefix.starts_with(root)) {
            roots.push(prefix);
        }
    }
    roots
}
