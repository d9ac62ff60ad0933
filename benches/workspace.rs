//! A workspace of 10,000 files with 10 jobs each: reading its files into bare trees is the reference,
//! a whole plan is what people wait for.

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use rayon::prelude::*;
use stocktake::jobfile::discover::{self, FoundFile};
use stocktake::jobfile::document;
use stocktake::load;
use stocktake::plan::{Limits, Origin, PlanDocument, plan};
use stocktake::report::{PlanView, plan_human};
use stocktake::resolve::Surroundings;
use stocktake::state::Records;
use stocktake::workspace::{LOCAL, Workspace};

const FILES: usize = 10_000;
const JOBS_PER_FILE: usize = 10;

/// Writes the workspace once; later runs find it.
fn workspace() -> PathBuf {
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

fn bare_trees(found: &[FoundFile]) -> usize {
    let parse = |found: &FoundFile| {
        let source = discover::open(found).ok()?;
        document::parse(&source, found.syntax).ok()
    };
    found
        .par_iter()
        .filter_map(parse)
        .map(|tree| black_box(tree).file().text().len())
        .sum()
}

fn whole_plan(workspace: &Workspace) -> usize {
    let Ok(target) = workspace.target(LOCAL) else {
        return 0;
    };
    let surroundings = Surroundings {
        target: target.name.clone(),
        bucket: target.bucket.clone(),
        region: target.region.clone(),
        variables: workspace.variables(LOCAL),
        now: Timestamp::UNIX_EPOCH,
    };
    let loaded = load::load(workspace, &[], surroundings);
    let plan = plan(loaded.jobs, &Records::default(), Limits::default());
    let origin = Origin {
        created: Timestamp::UNIX_EPOCH,
        target: target.name,
        lineage: None,
        commit: None,
        files: None,
    };
    let plan = PlanDocument::new(plan, origin);
    let view = PlanView {
        plan: &plan,
        all: false,
        details: false,
        next: None,
        width: 80,
    };
    let _ = plan_human(&mut io::sink(), &view);
    plan.summary.submit
}

fn benchmark(criterion: &mut Criterion) {
    let root = workspace();
    let Ok(workspace) = Workspace::open(&root) else {
        return;
    };
    let (found, _) = discover::discover(&root, Path::new("jobs"), &[]);
    assert_eq!(found.len(), FILES);
    assert_eq!(whole_plan(&workspace), FILES * JOBS_PER_FILE);
    let mut group = criterion.benchmark_group("workspace 10000x10");
    group.sample_size(10);
    group.bench_function("reference: bare trees", |bencher| {
        bencher.iter(|| bare_trees(&found));
    });
    group.bench_function("plan", |bencher| bencher.iter(|| whole_plan(&workspace)));
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
