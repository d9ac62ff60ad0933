//! The committed schemas are what the program prints and checks files against.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::workspace::{PROJECT, Workspace};

#[test]
fn every_schema_that_is_printed_is_committed() {
    let env = Workspace::new();
    let refusal = env.run(&["schema", "none"]).expect(64).stderr;
    let (_, names) = refusal.split_once("possible values: ").unwrap();
    let (names, _) = names.split_once(']').unwrap();
    let folder = Path::new(PROJECT).join("schema");
    let mut files = Vec::new();
    for name in names.split(',').map(str::trim) {
        let file = format!("{name}.schema.json");
        compare(
            &folder.join(&file),
            &env.run(&["schema", name]).expect(0).stdout,
        );
        files.push(file);
    }
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(files.contains(&file), "nothing prints {file}");
    }
}

/// `UPDATE_SCHEMAS=1 cargo test` writes the file instead.
fn compare(path: &Path, schema: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, not of the program"
    )]
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(path, schema).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == schema,
        "{} is out of date: run UPDATE_SCHEMAS=1 cargo test",
        path.display()
    );
}

#[test]
fn editors_can_explain_every_field() {
    for schema in [
        stocktake::jobfile::schema_json(),
        stocktake::workspace::schema_json(),
    ] {
        for (name, field) in fields(&schema) {
            for keyword in ["title", "description"] {
                let text = field[keyword].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "`{name}` has no {keyword}");
            }
            let choices = |keyword: &str| field.get(keyword).is_some();
            let is_taught = ["examples", "default", "enum"].into_iter().any(choices);
            assert!(
                is_taught || matches!(name.as_str(), "targets" | "workflows" | "prices"),
                "`{name}` shows no value"
            );
        }
    }
    // What programs read: there, the only field of a choice is explained by the choice.
    for schema in [
        stocktake::plan::schema_json(),
        stocktake::report::records_schema_json(),
        stocktake::report::failures_schema_json(),
        stocktake::report::adoption_schema_json(),
        stocktake::report::verified_schema_json(),
        stocktake::report::lock_schema_json(),
    ] {
        for (name, field) in fields(&schema) {
            let is_choice = matches!(name.as_str(), "prefix" | "object" | "manifest" | "url_file");
            let is_described = field.get("description").is_some() || is_choice;
            assert!(is_described, "`{name}` has no description");
        }
    }
}

/// Name and schema of every field in a schema.
fn fields(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let inner: Vec<&Value> = match schema {
        Value::Object(keywords) => {
            let properties = keywords.get("properties").and_then(Value::as_object);
            found.extend(
                properties
                    .into_iter()
                    .flatten()
                    .map(|(name, field)| (name.clone(), field)),
            );
            keywords.values().collect()
        }
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    found.extend(inner.into_iter().flat_map(fields));
    found
}
