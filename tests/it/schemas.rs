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
