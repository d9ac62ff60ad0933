//! The committed schema in the hands of public validators comes to the same verdicts as ours.
//!
//! Left out is what no schema can say, since a job file in its own right may hold it: an expression
//! without a value, a moment that is not in the calendar, two jobs of the same work.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use stocktake::diagnostic::Diagnostic;
use stocktake::document::{self, Syntax};
use stocktake::jobfile::Reader;
use stocktake::jobfile::discover::{self, FoundFile};

use super::files;
use crate::support::tools::python;
use crate::support::workspace::{PROJECT, Workspace};

fn schema() -> PathBuf {
    Path::new(PROJECT).join("schema/jobfile.schema.json")
}

#[test]
#[ignore = "needs the Python of .ci/run"]
fn check_jsonschema_agrees() {
    let python = python();
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

/// Also what is no TOML at all is refused by both.
#[test]
#[ignore = "needs the Python of .ci/run"]
fn taplo_agrees() {
    let python = python();
    let reader = Reader::new();
    let mut files = [files("valid"), files("invalid")].concat();
    files.retain(|file| file.syntax == Syntax::Toml);
    assert!(files.len() >= 20, "{}", files.len());
    let schema = format!("file://{}", schema().display());
    for file in files {
        let source = discover::open(&file).unwrap();
        let (_, findings) = reader.load(&source, file.syntax);
        let accepted = !findings.iter().any(Diagnostic::is_error);
        let run = taplo(&python, &["--schema", &schema], &file.path);
        assert_eq!(run.status.success(), accepted, "{}", file.shown.display());
    }
}

#[test]
#[ignore = "needs the Python of .ci/run"]
fn the_schema_line_that_init_writes_is_found_by_taplo() {
    let python = python();
    let env = Workspace::new();
    env.run(&["init"]).expect(0);
    let path = env.path().join("stocktake.toml");
    let run = taplo(&python, &[], &path);
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let misspelt = env.read("stocktake.toml").replace("region =", "regoin =");
    env.write("stocktake.toml", &misspelt);
    let run = taplo(&python, &[], &path);
    let words = String::from_utf8_lossy(&run.stderr);
    assert!(
        !run.status.success() && words.contains("'regoin' was unexpected"),
        "{words}"
    );
}

fn taplo(python: &OsStr, options: &[&str], file: &Path) -> Output {
    Command::new(Path::new(python).with_file_name("taplo"))
        .args(["check", "--no-auto-config"])
        .args(options)
        .arg(file)
        .output()
        .unwrap()
}

/// The files that the public validator does not accept.
fn refused<'a>(python: &OsStr, files: impl Iterator<Item = &'a FoundFile>) -> HashSet<PathBuf> {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "check_jsonschema",
        "--output-format",
        "json",
        "--schemafile",
    ]);
    let run = command
        .arg(schema())
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
    let (_, findings) = reader.load(&source, file.syntax);
    Some(!findings.iter().any(Diagnostic::is_error))
}
