//! Whole files in, jobs and findings out.

use std::sync::Arc;

use super::model::{MatrixValue, WorkflowIdsSpec};
use super::{JobFile, Reader};
use crate::diagnostic::Diagnostic;
use crate::document::Field;
use crate::document::Syntax;
use crate::source::SourceFile;

const YAML: &str = r#"# yaml-language-server: $schema=../schema/jobfile.schema.json
version: 1
defaults:
  operation: { workflow_ids: "${ vars.thumbnails }" }
  on_failure: resubmit
  max_attempts: 3

jobs:
  spring-uploads:
    description: 春季上传的缩略图
    input: { prefix: input/ }
    operation:
      time_interval: { start: 2022-02-01T12:00:00+0800, end: 2022-05-01T12:00:00+0800 }
  archive:
    matrix:
      region_folder: [cn, sg, us]
      size: [1, 2]
      draft: [true, false]
      exclude: [{ region_folder: us, size: 2 }]
    name: archive_${ matrix.region_folder }
    type: Workflow
    input: { prefix: "archive/${ matrix.region_folder }/" }
    operation: { workflow_ids: [w1, w2] }
    overlap: allow
"#;

const TOML: &str = r#"#:schema ../schema/jobfile.schema.json
version = 1

[defaults]
operation.workflow_ids = "${ vars.thumbnails }"
on_failure = "resubmit"
max_attempts = 3

[jobs.spring-uploads]
description = "春季上传的缩略图"
input = { prefix = "input/" }
[jobs.spring-uploads.operation.time_interval]
start = "2022-02-01T12:00:00+0800"
end = "2022-05-01T12:00:00+0800"

[jobs.archive]
name = "archive_${ matrix.region_folder }"
type = "Workflow"
input.prefix = "archive/${ matrix.region_folder }/"
operation.workflow_ids = ["w1", "w2"]
overlap = "allow"
[jobs.archive.matrix]
region_folder = ["cn", "sg", "us"]
size = [1, 2]
draft = [true, false]
exclude = [{ region_folder = "us", size = 2 }]
"#;

fn load(text: &str, syntax: Syntax) -> (Option<JobFile>, Vec<Diagnostic>) {
    let file = Arc::new(SourceFile::new("jobs/a", text.to_owned()));
    Reader::new().load(&file, syntax)
}

fn valid<T>(field: &Field<T>) -> &T {
    &field.valid().unwrap().value
}

#[test]
fn both_syntaxes_read_to_the_same_jobs_with_their_own_places() {
    for (text, syntax) in [(YAML, Syntax::Yaml), (TOML, Syntax::Toml)] {
        let (jobs, findings) = load(text, syntax);
        assert!(findings.is_empty(), "{syntax:?}: {findings:?}");
        let jobs = jobs.unwrap();
        let keys: Vec<&str> = jobs
            .job_specs()
            .iter()
            .map(|(key, _)| key.value.as_str())
            .collect();
        assert_eq!(keys, ["spring-uploads", "archive"]);
        for (key, _) in jobs.job_specs() {
            assert_eq!(text.get(key.span.range()), Some(key.value.as_str()));
        }
        let archive = valid(&jobs.job_specs()[1].1);
        let name = archive.name.as_ref().unwrap().valid().unwrap();
        assert_eq!(name.value, "archive_${ matrix.region_folder }");
        assert!(text[name.span.range()].contains(&name.value));
        let matrix = valid(archive.matrix.as_ref().unwrap());
        assert_eq!(matrix.lists.0.len(), 3);
        assert_eq!(valid(matrix.exclude.as_ref().unwrap()).len(), 1);
        let sizes = matrix.lists.0.iter().find(|(name, _)| name.value == "size");
        assert_eq!(valid(&sizes.unwrap().1)[1].value, MatrixValue::Integer(2));
        let ids = &valid(archive.operation.as_ref().unwrap()).workflow_ids;
        let WorkflowIdsSpec::Several(ids) = valid(ids.as_ref().unwrap()) else {
            panic!("{ids:?}");
        };
        assert_eq!(ids.len(), 2);
    }
}

#[test]
fn every_mistake_is_found_in_one_run() {
    let text = "jobs:\n  a:\n    inptu: {}\n    name: 12\n    overlap: alow\n    input: { prefix: a, object: b }\n    type: Job\n  b:\n    windows: { every: 1 month }\n";
    let (jobs, findings) = load(text, Syntax::Yaml);
    let jobs = jobs.unwrap().jobs.unwrap().0;
    let a = valid(&jobs[0].1);
    assert!(matches!(a.input, Some(Field::Invalid(_))), "{a:?}");
    assert!(matches!(a.overlap, Some(Field::Invalid(_))), "{a:?}");
    assert!(a.windows.is_none() && a.operation.is_none(), "{a:?}");
    let windows = valid(valid(&jobs[1].1).windows.as_ref().unwrap());
    assert!(windows.every.valid().is_some() && windows.from.valid().is_none());
    let found: Vec<_> = findings
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref().unwrap();
            (finding.code, place.file.slice(place.span))
        })
        .collect();
    for expected in [
        ("unknown-field", "inptu"),
        ("wrong-value", "12"),
        ("wrong-value", "alow"),
        ("several-choices", "object"),
        ("wrong-value", "Job"),
        ("missing-field", "windows"),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
}
