//! The committed schema in the hands of a public validator comes to the same verdicts as ours.
//!
//! Needs the Python that `.ci/run` installs; without `STOCKTAKE_CONFORMANCE_PYTHON` it is skipped.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stocktake::jobfile::discover::{self, FoundFile};
use stocktake::jobfile::{Reader, document};

use super::files;

#[test]
fn check_jsonschema_agrees() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, not of the program"
    )]
    let Some(python) = std::env::var_os("STOCKTAKE_CONFORMANCE_PYTHON") else {
        return;
    };
    let reader = Reader::new();
    let files = [files("valid"), files("invalid")].concat();
    let ours = files
        .iter()
        .filter_map(|file| Some((file, our_verdict(&reader, file)?)));
    let ours: Vec<(&FoundFile, bool)> = ours.collect();
    assert!(ours.len() >= 60, "{}", ours.len());
    let refused = refused(&python, ours.iter().map(|(file, _)| *file));
    for (file, accepted) in ours {
        let shown = file.shown.display();
        assert_eq!(!refused.contains(&file.path), accepted, "{shown}");
    }
}

/// The files that the public validator does not accept.
fn refused<'a>(python: &OsStr, files: impl Iterator<Item = &'a FoundFile>) -> HashSet<PathBuf> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/jobfile.schema.json");
    let mut command = Command::new(python);
    command.args([
        "-m",
        "check_jsonschema",
        "--output-format",
        "json",
        "--schemafile",
    ]);
    let run = command
        .arg(schema)
        .args(files.map(|file| &file.path))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let lists = ["errors", "parse_errors"].map(|list| report[list].as_array().unwrap());
    let names = lists
        .into_iter()
        .flatten()
        .map(|error| error["filename"].as_str().unwrap());
    names.map(PathBuf::from).collect()
}

/// Whether the schema accepts the file; `None` where the two readers see different values, because
/// one of them refuses the text, or reads times into something else than text.
fn our_verdict(reader: &Reader, file: &FoundFile) -> Option<bool> {
    let source = discover::open(file).ok()?;
    let tree = document::parse(&source, file.syntax).ok()?;
    let is_empty = tree
        .to_json(tree.root())
        .as_object()
        .is_some_and(serde_json::Map::is_empty);
    if is_empty {
        return None;
    }
    let (job_file, _) = reader.load(&source, file.syntax);
    Some(job_file.is_some())
}
