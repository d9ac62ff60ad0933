//! The committed schemas are what the program prints and checks files against.

use std::path::Path;

use serde_json::Value;

#[test]
fn the_committed_schema_of_job_files_is_the_one_in_use() {
    compare("jobfile.schema.json", &stocktake::jobfile::schema_json());
}

#[test]
fn the_committed_schema_of_the_workspace_file_is_the_one_in_use() {
    compare(
        "workspace.schema.json",
        &stocktake::workspace::schema_json(),
    );
}

#[test]
fn the_committed_schema_of_plans_is_the_one_in_use() {
    compare("plan.schema.json", &stocktake::plan::schema_json());
}

#[test]
fn the_committed_schema_of_an_apply_is_the_one_in_use() {
    compare("apply.schema.json", &stocktake::report::apply_schema_json());
}

#[test]
fn the_committed_schema_of_findings_is_the_one_in_use() {
    compare(
        "diagnostics.schema.json",
        &stocktake::report::diagnostics::schema_json(),
    );
}

#[test]
fn the_committed_schema_of_records_is_the_one_in_use() {
    compare(
        "state.schema.json",
        &stocktake::report::records_schema_json(),
    );
}

/// `UPDATE_SCHEMAS=1 cargo test` writes the files instead.
fn compare(name: &str, schema: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(name);
    let text = format!("{schema:#}\n");
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, not of the program"
    )]
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
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
