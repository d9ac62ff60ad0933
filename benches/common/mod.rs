//! The large workspace that several measurements are about.
#![expect(unreachable_pub, reason = "each measurement is a program of its own")]

use std::fs;
use std::path::{Path, PathBuf};

/// How many job files there are.
pub const FILES: usize = 10_000;
/// How many jobs each of them has.
pub const JOBS_PER_FILE: usize = 10;

/// Writes the workspace once; later runs find it.
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workspace-10000x10");
    if root.join("stocktake.toml").exists() {
        return root;
    }
    for file in 0..FILES {
        let folder = root.join("jobs").join(format!("team-{:02}", file % 100));
        let jobs: Vec<String> = (0..JOBS_PER_FILE).map(|job| spec(file, job)).collect();
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{error}"));
        let text = format!("jobs:\n{}", jobs.concat());
        fs::write(folder.join(format!("batch-{file:05}.yaml")), text)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let settings = "[targets.local]\nservice = 'embedded'\nbucket = 'demo-1250000000'\nregion = 'ap-beijing'\n";
    fs::write(root.join("stocktake.toml"), settings).unwrap_or_else(|error| panic!("{error}"));
    root
}

fn spec(file: usize, job: usize) -> String {
    format!(
        "  batch-{file:05}-{job}:\n    description: Thumbnails of folder {job}\n    input: {{ prefix: video/{file:05}/{job}/ }}\n    \
         operation:\n      workflow_ids: w7476ff3564ee45b7b490d64bccaba6cc\n      \
         time_interval: {{ start: 2022-02-01T12:00:00+0800, end: 2022-05-01T12:00:00+0800 }}\n"
    )
}
