//! What programs read, in the hands of public validators and against public schemas.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::documents::documents;
use crate::forms::{apply_workspace, broken, json_lines, rich};
use crate::support::tools::{public_schemas, python};
use crate::support::workspace::{PROJECT, Run, Workspace};

fn schema(name: &str) -> PathBuf {
    Path::new(PROJECT).join("schema").join(name)
}

/// Runs check-jsonschema over files of `env`.
#[track_caller]
fn check_json(python: &OsString, schema: &Path, env: &Workspace, files: &[String]) {
    let mut command = Command::new(python);
    command
        .args(["-m", "check_jsonschema", "--regex-variant", "nonunicode"])
        .arg("--schemafile")
        .arg(schema)
        .args(files)
        .current_dir(env.path());
    Run::of(&mut command).expect(0);
}

/// Findings of every kind, and none at all.
fn workspaces() -> [Workspace; 3] {
    let warned = Workspace::small();
    warned.write(
        "jobs/a.yaml",
        "jobs:\n  a:\n    description: no\n    input: { object: video/a.txt }\n    operation:\n      \
         workflow_ids: w1\n      time_interval: { start: 2022-02-01T12:00:00+0800 }\n",
    );
    [broken(), warned, rich()]
}

#[test]
#[ignore = "needs the Python of .ci/run"]
fn findings_are_what_the_schemas_of_their_readers_say() {
    let (python, schemas) = (python(), public_schemas());
    for env in workspaces() {
        for (form, file) in [("sarif", "a.sarif"), ("json", "a.json"), ("junit", "a.xml")] {
            let found = env.run(&["validate", "--format", form]);
            env.write(file, &found.stdout);
        }
        check_json(
            &python,
            &schemas.join("sarif.json"),
            &env,
            &["a.sarif".to_owned()],
        );
        let own = schema("diagnostics.schema.json");
        check_json(&python, &own, &env, &["a.json".to_owned()]);
        let mut command = Command::new(&python);
        let script =
            "import sys, xmlschema; xmlschema.XMLSchema(sys.argv[1]).validate(sys.argv[2])";
        command
            .args(["-c", script])
            .arg(schemas.join("junit.xsd"))
            .arg(env.path().join("a.xml"));
        Run::of(&mut command).expect(0);
    }
}

#[test]
#[ignore = "needs the Python of .ci/run"]
fn plans_records_and_events_are_what_their_schemas_say() {
    let python = python();
    let env = rich();
    let plan = env.run(&["plan", "--format", "json"]).expect(4);
    env.write("plan.json", &plan.stdout);
    check_json(
        &python,
        &schema("plan.schema.json"),
        &env,
        &["plan.json".to_owned()],
    );
    let records = env.run(&["state", "list", "--format", "json"]).expect(0);
    env.write("records.json", &records.stdout);
    check_json(
        &python,
        &schema("state.schema.json"),
        &env,
        &["records.json".to_owned()],
    );
    let env = apply_workspace();
    let applied = env.run(&["apply", "--format", "json"]).expect(1);
    let lines: Vec<String> = applied
        .stdout
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let name = format!("line-{number}.json");
            env.write(&name, line);
            name
        })
        .collect();
    check_json(&python, &schema("apply.schema.json"), &env, &lines);
}

#[test]
#[ignore = "needs the Python of .ci/run"]
fn documents_about_jobs_are_what_their_schemas_say() {
    let python = python();
    let env = Workspace::new();
    for (name, documents) in documents() {
        let mut files = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            let file = format!("{name}-{number}.json");
            env.write(&file, document);
            files.push(file);
        }
        check_json(
            &python,
            &schema(&format!("{name}.schema.json")),
            &env,
            &files,
        );
    }
}

/// The same without anything that has to be installed.
#[test]
#[ignore = "needs the Python of .ci/run"]
fn every_line_and_every_finding_is_what_its_schema_says() {
    let validator = |name| {
        let text = fs::read_to_string(schema(name)).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    };
    let findings = validator("diagnostics.schema.json");
    for env in workspaces() {
        let found = env.run(&["validate", "--format", "json"]);
        findings
            .validate(&serde_json::from_str(&found.stdout).unwrap())
            .unwrap();
    }
    let lines = validator("apply.schema.json");
    let workspaces = [apply_workspace(), rich(), broken()];
    for env in workspaces {
        for line in json_lines(&env.run(&["apply", "--format", "json"]).stdout) {
            lines.validate(&line).unwrap();
            let mut unknown = line;
            unknown["type"] = "explosion".into();
            assert!(!lines.is_valid(&unknown));
        }
    }
}
