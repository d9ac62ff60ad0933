//! What the compiler does not hold: who may import whom, and what no file may speak of.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workspace::PROJECT;

/// A room, and what its files must not mention.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "src/document",
        &[
            "tokio",
            "crate::jobfile",
            "reqwest",
            "crate::api::client",
            "crate::report",
            "crate::cli",
        ],
    ),
    (
        "src/jobfile",
        &[
            "tokio",
            "reqwest",
            "crate::api::client",
            "crate::report",
            "crate::cli",
        ],
    ),
    (
        "src/expand",
        &[
            "tokio",
            "reqwest",
            "crate::api::client",
            "crate::report",
            "crate::cli",
        ],
    ),
    (
        "src/plan",
        &[
            "tokio",
            "reqwest",
            "crate::api::client",
            "crate::report",
            "crate::cli",
            "Timestamp::now",
        ],
    ),
    (
        "src/job.rs",
        &[
            "tokio",
            "reqwest",
            "crate::api::client",
            "crate::report",
            "crate::cli",
        ],
    ),
    (
        "src/diagnostic.rs",
        &["crate::report", "crate::cli", "tokio"],
    ),
    (
        "src/state",
        &["crate::plan", "crate::report", "crate::cli", "reqwest"],
    ),
    (
        "src/apply",
        &["crate::service", "crate::report", "crate::cli"],
    ),
    (
        "src/adopt.rs",
        &["crate::service", "crate::report", "crate::cli"],
    ),
    (
        "src/estimate",
        &["crate::service", "crate::report", "crate::cli"],
    ),
    (
        "src/status",
        &["crate::service", "crate::report", "crate::cli"],
    ),
    (
        "src/service",
        &[
            "crate::state",
            "crate::plan",
            "crate::job::",
            "crate::jobfile",
            "crate::workspace",
            "crate::apply",
            "crate::report",
            "crate::cli",
        ],
    ),
    (
        "src/page",
        &[
            "tokio",
            "reqwest",
            "crate::state",
            "crate::plan",
            "crate::status",
            "crate::service",
            "crate::report",
            "crate::cli",
            "Timestamp::now",
        ],
    ),
    (
        "src/api",
        &[
            "crate::state",
            "crate::plan",
            "crate::service",
            "crate::apply",
            "crate::report",
            "crate::cli",
        ],
    ),
    (
        "src/watch",
        &["crate::report", "crate::cli", "crate::apply", "reqwest"],
    ),
    (
        "src/load",
        &["crate::report", "crate::cli", "tokio", "reqwest"],
    ),
    ("src/report", &["crate::cli", "reqwest", "clap"]),
];

#[test]
fn rooms_keep_their_doors_shut() {
    for (room, forbidden) in FORBIDDEN {
        for file in rust_files(&Path::new(PROJECT).join(room)) {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let found = forbidden.iter().find(|word| code.contains(*word));
                assert!(
                    found.is_none(),
                    "{}:{} uses {}",
                    file.display(),
                    number + 1,
                    found.unwrap()
                );
            }
        }
    }
}

/// Printing, the environment and the end of the process each have one place; clippy holds that, as
/// long as nobody switches it off elsewhere.
#[test]
fn exceptions_stand_where_they_belong() {
    for file in rust_files(&Path::new(PROJECT).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        // Crash points are not in the program that people build.
        let allowed = file.ends_with("src/cli/settings.rs") || file.ends_with("src/crash.rs");
        let found = text.contains("clippy::disallowed_methods") || text.contains("clippy::print_");
        assert!(allowed || !found, "{}", file.display());
    }
}

#[test]
fn every_test_file_is_compiled() {
    let folder = Path::new(PROJECT).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_module =
            path.extension().is_some_and(|extension| extension == "rs") && name != "main";
        assert!(
            !is_module || main.contains(&format!("mod {name};")),
            "{name} is not in main.rs"
        );
    }
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_path_buf()];
    }
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_rust = |path: &PathBuf| {
        path.is_dir() || path.extension().is_some_and(|extension| extension == "rs")
    };
    entries
        .filter(is_rust)
        .flat_map(|path| rust_files(&path))
        .collect()
}
