//! Documents that programs read beside plans and records: failed objects, what was adopted, and what
//! the check of a state found.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::adopt::{forget, jobs, with_jobs};
use crate::support::target::Target;
use crate::support::workspace::{FILTERS, PROJECT, Workspace};

/// Each format by the name of its schema, with documents of every kind that the program prints.
pub fn documents() -> [(&'static str, Vec<String>); 3] {
    [
        ("failures", failures()),
        ("adoption", adoptions()),
        ("verified", verifications()),
    ]
}

#[test]
fn programs_find_every_byte_where_it_was() {
    let mut filters = vec![
        (r"[0-9a-f]{64}", "<fingerprint>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "<uuid>"),
        (r"i[0-9a-f]{32}", "<run id>"),
    ];
    filters.extend(FILTERS);
    insta::with_settings!({ filters => filters }, {
        for (name, documents) in documents() {
            insta::assert_snapshot!(format!("documents_{name}"), documents.concat());
        }
    });
}

/// What the schema says, no less and no more.
#[test]
fn each_document_is_what_its_schema_says() {
    for (name, mut documents) in documents() {
        if name == "failures" {
            documents.push(unexplained());
        }
        let path = Path::new(PROJECT).join(format!("schema/{name}.schema.json"));
        let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        close(&mut schema);
        let validator = jsonschema::validator_for(&schema).unwrap();
        for text in documents {
            let document: Value = serde_json::from_str(&text).unwrap();
            validator.validate(&document).unwrap();
            let format = document["format"].as_str().unwrap();
            assert_eq!(format, format!("stocktake.{name}/1"));
            for member in document.as_object().unwrap().keys() {
                let mut other = document.clone();
                other[member] = Value::from(0.5);
                assert!(
                    !validator.is_valid(&other),
                    "{name}: {member} may be anything"
                );
                other.as_object_mut().unwrap().remove(member);
                assert!(
                    !validator.is_valid(&other),
                    "{name}: {member} may be absent"
                );
            }
        }
    }
}

/// Lets no object have a member that the schema does not name, which its readers must.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            keywords.values_mut().for_each(close);
            if keywords.contains_key("properties") {
                keywords.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => (),
    }
}

fn print(env: &Workspace, arguments: &[&str]) -> String {
    let json = [arguments, &["--format", "json"]].concat();
    env.run(&json).expect(0).stdout
}

/// An object that failed, and none.
fn failures() -> Vec<String> {
    let says = ["sh", "-c", "echo no: $1 >&2; exit 3", "sh", "{key}"];
    let env = Workspace::new()
        .target("local", &Target::embedded(&says))
        .object("in/a 视频.txt", "a")
        .job("all", "{ prefix: in/ }")
        .job("none", "{ prefix: none/ }");
    env.run(&["apply"]).expect(7);
    let failed = |key| print(&env, &["status", key, "--failed"]);
    vec![failed("all"), failed("none")]
}

/// More objects than the service is asked to explain.
fn unexplained() -> String {
    let env = Workspace::new().target("local", &Target::embedded(&["false"]));
    for number in 0..=100 {
        env.write(&format!("bucket/in/{number}"), "a");
    }
    let env = env.job("all", "{ prefix: in/ }");
    env.run(&["apply"]).expect(7);
    let failed = print(&env, &["status", "all", "--failed"]);
    assert!(failed.contains("\"message\": null"), "{failed}");
    failed
}

/// What is listed: the work of a job, the same work again, other work. Then the one that is recorded
/// already, a file of the rest, and nothing that is new.
fn adoptions() -> Vec<String> {
    let env = with_jobs(&["one", "other"], &["one"]);
    env.run(&["apply"]).expect(0);
    forget(&env);
    let listed = print(&env, &["adopt"]);
    let found: Value = serde_json::from_str(&listed).unwrap();
    let job_id = found["adopted"][0]["job_id"].as_str().unwrap();
    let known = print(&env, &["adopt", &format!("one={job_id}")]);
    let written = print(&env, &["adopt", "--file", "jobs/found.yaml"]);
    vec![listed, known, written, print(&env, &["adopt"])]
}

/// A state that is right, and one whose last writer was killed.
fn verifications() -> Vec<String> {
    let env = Workspace::small();
    env.write("jobs/a.yaml", &jobs(&["one", "two"]));
    env.run(&["apply"]).expect(0);
    let right = print(&env, &["state", "verify"]);
    let state = ".stocktake/local.state.jsonl";
    env.write(state, &(env.read(state) + "{\"torn"));
    vec![right, print(&env, &["state", "verify"])]
}
