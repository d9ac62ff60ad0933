//! A change from its branch to the record of it: planned, reviewed, merged, applied as it was reviewed.

use std::fs;

use super::repository::{Cloud, Repository};
use crate::support::workspace::jobs;

#[test]
fn a_change_is_planned_reviewed_merged_and_applied_as_it_was_reviewed() {
    let cloud = Cloud::start();
    let repository = Repository::new(&cloud.serve.address, &[]);
    let run = |arguments: &[&str]| repository.run("work", arguments);
    let git = |arguments: &[&str]| repository.git("work", arguments);
    let plan = repository.path("plan.json");
    let stale = repository.path("stale.json");
    let (plan, stale) = (plan.to_str().unwrap(), stale.to_str().unwrap());

    // The request, with a job that main does not have.
    git(&["checkout", "--quiet", "-b", "change"]);
    let jobs = jobs([("视频-a", "{ prefix: in/a }"), ("b", "{ prefix: in/b }")]);
    repository.env.write("work/jobs/new.yaml", &jobs);
    repository.commit("Add two jobs");
    run(&["validate", "--format", "github"]).expect(0);
    run(&["plan", "--out", plan, "--detailed-exitcode"]).expect(2);
    let comment = run(&["show", plan, "--format", "markdown"])
        .expect(0)
        .stdout;
    assert!(comment.contains("2 jobs to submit to"), "{comment}");
    let commit = git(&["rev-parse", "HEAD"]);
    assert!(comment.contains(&commit[..12]), "{comment}");
    // Another plan of the same, which is not applied in time.
    fs::copy(plan, stale).unwrap();

    // Merged, and applied as it was reviewed.
    git(&["checkout", "--quiet", "main"]);
    git(&[
        "merge",
        "--quiet",
        "--no-ff",
        "--message",
        "Merge the change",
        "change",
    ]);
    git(&["push", "--quiet", "origin", "main"]);
    let applied = run(&["apply", plan]).expect(0);
    assert!(applied.stdout.contains("2 submitted"), "{}", applied.stdout);
    repository.commit("Record what was submitted");

    // The other plan is refused, each stale job by its name, and nothing is sent.
    let refused = run(&["apply", stale]).expect(6);
    for key in ["`视频-a`", "`b`", "nothing was sent"] {
        assert!(refused.stderr.contains(key), "{}", refused.stderr);
    }
    let recorded = repository.in_origin("prod.state.jsonl");
    assert_eq!(recorded.matches("\"outcome\":\"accepted\"").count(), 2);
    assert_eq!(repository.env.read("work/prod.state.jsonl"), recorded);
    run(&["plan", "--detailed-exitcode"]).expect(0);

    // Nor in a fresh clone, on another machine.
    repository.git(".", &["clone", "--quiet", "origin.git", "elsewhere"]);
    repository
        .run("elsewhere", &["plan", "--detailed-exitcode"])
        .expect(0);
}
