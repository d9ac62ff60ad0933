//! The fields in which two works differ.

use super::model::Change;
use crate::api::time;
use crate::job::Work;

/// The fields of `after` that differ from `before`, in the order of a job file.
pub fn changes(before: &Work, after: &Work) -> Vec<Change> {
    let before = fields(before);
    let after = fields(after);
    let both = before.into_iter().zip(after);
    both.filter(|((_, before), (_, after))| before != after)
        .map(|((path, before), (_, after))| Change {
            path: path.to_owned(),
            before,
            after,
        })
        .collect()
}

/// Every field that the fingerprint covers, in the words of a job file.
fn fields(work: &Work) -> [(&'static str, Option<String>); 11] {
    let request = &work.request;
    let interval = request.operation.time_interval;
    let input = |field| (request.input.field() == field).then(|| request.input.value().to_owned());
    [
        ("bucket", Some(work.bucket.to_string())),
        ("region", Some(work.region.to_string())),
        ("type", Some(request.kind.as_str().to_owned())),
        ("input.prefix", input("prefix")),
        ("input.object", input("object")),
        ("input.manifest", input("manifest")),
        ("input.url_file", input("url_file")),
        (
            "operation.workflow_ids",
            Some(request.operation.workflow_ids.joined()),
        ),
        (
            "operation.time_interval.start",
            interval.start.map(time::format),
        ),
        (
            "operation.time_interval.end",
            interval.end.map(time::format),
        ),
        ("rerun", work.rerun.clone()),
    ]
}
