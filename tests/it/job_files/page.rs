//! The pages about job files and workflows: their examples work, and they leave nothing out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stocktake::document::Syntax;
use stocktake::jobfile::discover::FoundFile;
use stocktake::jobfile::schema_json;

use super::{load, seen};

const PAGES: [&str; 2] = ["docs/job-files.md", "docs/workflows.md"];

fn read(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    std::fs::read_to_string(path).unwrap()
}

fn page() -> String {
    PAGES.map(read).concat()
}

#[test]
fn every_example_is_a_job_file_without_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let mut examples = 0;
    for (language, syntax) in [("yaml", Syntax::Yaml), ("toml", Syntax::Toml)] {
        let page = page();
        let fence = format!("```{language}\n");
        for block in page.split(&fence).skip(1) {
            let text = block.split("```").next().unwrap();
            let path = folder.path().join(format!("{examples}.{language}"));
            std::fs::write(&path, text).unwrap();
            let shown = PathBuf::from(format!("docs, {language} {examples}"));
            let loaded = load(&[FoundFile {
                shown,
                path,
                syntax,
            }]);
            assert!(loaded.diagnostics.is_empty(), "{}\n{text}", seen(&loaded));
            let is_empty = loaded.jobs.is_empty() && loaded.workflows.is_empty();
            assert!(!is_empty, "{text}");
            examples += 1;
        }
    }
    assert!(examples >= 8, "{examples} examples");
}

#[test]
fn every_field_of_the_schema_is_on_the_page() {
    let page = page();
    let mut fields = BTreeSet::new();
    collect_fields(&schema_json(), &mut fields);
    assert!(fields.contains("url_file") && fields.contains("every"));
    for field in fields {
        assert!(
            page.contains(&format!("`{field}`")),
            "`{field}` is not on the page"
        );
    }
}

fn collect_fields(schema: &Value, fields: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keywords) => {
            if let Some(properties) = keywords.get("properties").and_then(Value::as_object) {
                fields.extend(properties.keys().cloned());
            }
            keywords
                .values()
                .for_each(|value| collect_fields(value, fields));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_fields(value, fields)),
        _ => {}
    }
}
