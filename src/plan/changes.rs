//! The fields in which two works differ.

use std::fmt;

use jiff::Timestamp;

use super::model::Change;
use crate::api::request::WorkflowIds;
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
            before: before.map(|value| value.to_string()),
            after: after.map(|value| value.to_string()),
        })
        .collect()
}

/// A field's value, formatted only if it differs.
#[derive(PartialEq)]
enum Value<'work> {
    Text(&'work str),
    Workflows(&'work WorkflowIds),
    /// In seconds since 1970, as the service counts.
    Moment(i64),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Workflows(ids) => formatter.write_str(&ids.joined()),
            Self::Moment(second) => {
                let moment = Timestamp::from_second(*second).map_err(|_| fmt::Error)?;
                formatter.write_str(&time::format(moment))
            }
        }
    }
}

/// Every field that the fingerprint covers, in the words of a job file.
fn fields(work: &Work) -> [(&'static str, Option<Value<'_>>); 11] {
    let request = &work.request;
    let interval = request.operation.time_interval;
    let text = |text| Some(Value::Text(text));
    let input = |field| {
        let is_it = request.input.field() == field;
        is_it.then(|| Value::Text(request.input.value()))
    };
    let moment = |moment: Option<Timestamp>| moment.map(|moment| Value::Moment(moment.as_second()));
    [
        ("bucket", text(work.bucket.as_str())),
        ("region", text(work.region.as_str())),
        ("type", text(request.kind.as_str())),
        ("input.prefix", input("prefix")),
        ("input.object", input("object")),
        ("input.manifest", input("manifest")),
        ("input.url_file", input("url_file")),
        (
            "operation.workflow_ids",
            Some(Value::Workflows(&request.operation.workflow_ids)),
        ),
        ("operation.time_interval.start", moment(interval.start)),
        ("operation.time_interval.end", moment(interval.end)),
        ("rerun", work.rerun.as_deref().map(Value::Text)),
    ]
}
