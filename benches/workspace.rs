//! A workspace of 10,000 files with 10 jobs each: reading its files into bare trees is the reference,
//! a whole plan is what people wait for.

mod common;

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use rayon::prelude::*;
use stocktake::document;
use stocktake::expand::ExpandContext;
use stocktake::job::Job;
use stocktake::jobfile::discover::{self, FoundFile};
use stocktake::load;
use stocktake::plan::{Limits, Origin, PlanDocument, plan};
use stocktake::report::{PlanView, plan_human};
use stocktake::state::Records;
use stocktake::workspace::{LOCAL, Workspace};

use common::{FILES, JOBS_PER_FILE, workspace};

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

/// What `validate` does: every job, complete.
fn validate(workspace: &Workspace) -> Vec<Arc<Job>> {
    let Ok(target) = workspace.target(LOCAL) else {
        return Vec::new();
    };
    let context = ExpandContext {
        target: target.name.clone(),
        bucket: target.bucket.clone(),
        region: target.region.clone(),
        workflows: None,
        workflow_names: [].into(),
        private_callbacks: false,
        variables: workspace.variables(LOCAL),
        now: Timestamp::UNIX_EPOCH,
    };
    load::load(workspace, &[], context).jobs
}

fn whole_plan(workspace: &Workspace) -> usize {
    let jobs = validate(workspace);
    let plan = plan(jobs, &Records::default(), Limits::default());
    let origin = Origin {
        created: Timestamp::UNIX_EPOCH,
        target: LOCAL.to_owned(),
        lineage: None,
        commit: None,
        files: None,
        workspace: None,
        log: None,
        holder: None,
    };
    let view = PlanView {
        plan: &PlanDocument::new(&plan, origin),
        all: false,
        details: false,
        rest: "--all",
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
    group.bench_function("validate", |bencher| {
        bencher.iter(|| validate(&workspace).len());
    });
    group.bench_function("plan", |bencher| bencher.iter(|| whole_plan(&workspace)));
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
