//! Job files as people write them: each mistake is shown at its place, and a correct file means
//! the same in both syntaxes.

mod discovery;
mod invalid;
mod mutations;
mod noise;
mod page;
mod public_validator;
mod valid;

use std::path::{Path, PathBuf};

use stocktake::api::time;
use stocktake::document::Syntax;
use stocktake::expand::ExpandContext;
use stocktake::jobfile::discover::FoundFile;
use stocktake::load::{Loaded, load_files};
use stocktake::report::diagnostics::{Totals, human, summary};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/jobs")
        .join(name)
}

/// The job files of a folder, in the order of their names.
fn files(name: &str) -> Vec<FoundFile> {
    let entries = std::fs::read_dir(folder(name)).unwrap();
    let found = entries.filter_map(|entry| {
        let path = entry.unwrap().path();
        let shown = Path::new("jobs").join(path.file_name()?);
        let syntax = Syntax::of(&path)?;
        Some(FoundFile {
            shown,
            path,
            syntax,
        })
    });
    let mut found: Vec<FoundFile> = found.collect();
    found.sort();
    found
}

fn context() -> ExpandContext {
    let variables = [
        ("folder", "cn"),
        ("thumbnails", "w7476ff3564ee45b7b490d64bccaba6cc"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ExpandContext {
        target: "local".to_owned(),
        bucket: Some("demo-1250000000".parse().unwrap()),
        region: Some("ap-beijing".parse().unwrap()),
        workflows: None,
        workflow_names: [(
            "thumbnails".to_owned(),
            "w0f1e2d3c4b5a49687786a5b4c3d2e1f0".parse().unwrap(),
        )]
        .into(),
        private_callbacks: false,
        variables: variables.into_iter().collect(),
        now: time::parse("2022-06-15T00:00:00+0800").unwrap(),
    }
}

/// What a person sees of a loaded workspace, in a terminal without colour.
fn seen(loaded: &Loaded) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    human(&mut out, &loaded.diagnostics, 80).unwrap();
    let totals = Totals {
        files: loaded.files,
        jobs: loaded.jobs.len(),
    };
    summary(&mut out, &loaded.diagnostics, totals).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

fn load(found: &[FoundFile]) -> Loaded {
    let mut loaded = load_files(found, context());
    stocktake::diagnostic::sort(&mut loaded.diagnostics);
    loaded
}
