//! Every file under `valid/` is accepted; the two syntaxes mean the same jobs, and a second reader
//! reads the same YAML.

use std::collections::BTreeMap;

use serde_json::Value;
use stocktake::api::wire::{WorkflowRequest, encode_workflow_request};
use stocktake::document::{self, Syntax};
use stocktake::job::Job;
use stocktake::jobfile::discover::{self, FoundFile};
use stocktake::workflow::{DeclaredWorkflow, Digest};

use super::{files, load, seen};

#[test]
fn both_syntaxes_expand_to_the_same_jobs() {
    let mut by_name: BTreeMap<String, Vec<FoundFile>> = BTreeMap::new();
    for file in files("valid") {
        let name = file
            .path
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        by_name.entry(name).or_default().push(file);
    }
    let pairs = by_name.values().filter(|files| files.len() == 2);
    assert!(pairs.count() >= 9);
    for (name, files) in by_name {
        let jobs: Vec<Vec<String>> = files.iter().map(|file| jobs(&name, file)).collect();
        for other in &jobs[1..] {
            assert_eq!(&jobs[0], other, "{name}");
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("snapshots/valid");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, jobs[0].join("\n\n")));
    }
}

fn jobs(name: &str, file: &FoundFile) -> Vec<String> {
    let loaded = load(std::slice::from_ref(file));
    assert!(!loaded.has_errors(), "{name}: {}", seen(&loaded));
    let mut jobs: Vec<String> = loaded.jobs.iter().map(|job| describe(job)).collect();
    jobs.sort();
    jobs.extend(
        loaded
            .workflows
            .iter()
            .map(|workflow| describe_workflow(workflow)),
    );
    jobs
}

/// All that a workflow says, as it is sent.
fn describe_workflow(workflow: &DeclaredWorkflow) -> String {
    let request = WorkflowRequest {
        definition: workflow.definition.clone(),
        active: Some(workflow.active),
    };
    let body = encode_workflow_request(&request).unwrap();
    let (key, bucket, region) = (&workflow.key, &workflow.bucket, &workflow.region);
    let digest = Digest::of(&workflow.definition).short();
    let description = &workflow.description;
    format!("workflow {key} in {bucket} {region}: {digest} {description:?}\n  {body}")
}

/// All that a job says, its place left out.
fn describe(job: &Job) -> String {
    let work = serde_json::to_string(&job.work).unwrap();
    format!(
        "{}: {work}\n  {} {:?} {:?} {:?}",
        job.key,
        job.fingerprint.short(),
        job.description,
        job.on_failure,
        job.overlap
    )
}

#[test]
fn a_second_reader_of_yaml_reads_the_same() {
    let mut compared = 0;
    for file in files("valid")
        .into_iter()
        .filter(|file| file.syntax == Syntax::Yaml)
    {
        let source = discover::open(&file).unwrap();
        let ours = document::parse(&source, file.syntax).unwrap();
        let ours = ours.to_json(ours.root());
        let theirs: serde_yaml::Value = serde_yaml::from_str(source.text()).unwrap();
        assert_eq!(ours, plain(theirs), "{}", file.shown.display());
        compared += 1;
    }
    assert!(compared >= 13);
}

/// Keys as text, which is what a job file takes them for.
fn plain(value: serde_yaml::Value) -> Value {
    match value {
        serde_yaml::Value::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let key = match key {
                    serde_yaml::Value::String(key) => key,
                    other => serde_yaml::to_string(&other).unwrap().trim().to_owned(),
                };
                (key, plain(value))
            });
            Value::Object(entries.collect())
        }
        serde_yaml::Value::Sequence(elements) => elements.into_iter().map(plain).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

#[test]
fn words_that_older_readers_take_for_something_else_are_warned_of() {
    let mut files = files("valid");
    files.retain(|file| file.shown.ends_with("plain_words.yaml"));
    let loaded = load(&files);
    assert!(!loaded.has_errors());
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("yaml_1_1_warnings", seen(&loaded)));
}

#[test]
fn the_name_of_a_workflow_is_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprint = |operation: &str| {
        let path = folder.path().join("a.yaml");
        let text =
            format!("jobs:\n  a:\n    input: {{ prefix: a/ }}\n    operation: {operation}\n");
        std::fs::write(&path, text).unwrap();
        let loaded = load(&[FoundFile {
            shown: "a.yaml".into(),
            path,
            syntax: Syntax::Yaml,
        }]);
        assert!(!loaded.has_errors(), "{}", seen(&loaded));
        loaded.jobs[0].fingerprint
    };
    let by_id = fingerprint("{ workflow_ids: w0f1e2d3c4b5a49687786a5b4c3d2e1f0 }");
    assert_eq!(fingerprint("{ workflow: thumbnails }"), by_id);
}
