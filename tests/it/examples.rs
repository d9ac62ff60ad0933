//! The main job on the project's own examples: what the README promises.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{FILTERS, PROJECT, Workspace};

#[test]
fn the_examples_are_applied_once_and_leave_results() {
    let env = Workspace::example();
    let first = env.run(&["apply"]).expect(0);
    assert!(first.stdout.ends_with("7 submitted\n"), "{}", first.stdout);
    for line in [
        "Success    demo",
        "Success    welcome",
        "Success    outlines[folder=sg]",
        "7 jobs ended: 7 Success; objects: ",
    ] {
        assert!(first.stderr.contains(line), "{}", first.stderr);
    }
    let again = env.run(&["apply"]).expect(0);
    assert!(
        again.stdout.starts_with("Nothing to submit to `local`\n"),
        "{}",
        again.stdout
    );
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
}

/// The request of the API's own page reads what was uploaded in its quarter, and nothing else.
#[test]
fn the_demo_job_reads_its_quarter() {
    let env = Workspace::example();
    env.run(&["apply"]).expect(0);
    let shown = env.run(&["state", "show", "demo", "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown.expect(0).stdout).unwrap();
    let id = shown["records"][0]["job_id"].as_str().unwrap();
    let results = env
        .path()
        .join(".stocktake/local/results")
        .join(id)
        .join("input");
    let mut found = Vec::new();
    for folder in [results.clone(), results.join("images")] {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                found.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    found.sort();
    assert_eq!(found, ["checks.png", "readme.txt", "rings.png"]);
    let sum = fs::read_to_string(results.join("readme.txt")).unwrap();
    assert!(
        sum.ends_with("jobs/bucket/input/readme.txt\n") && sum.len() > 64,
        "{sum}"
    );
}

#[test]
fn every_example_file_is_loaded() {
    let jobs = Path::new(PROJECT).join("jobs");
    let is_job_file = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml" || extension == "toml")
    };
    let count = fs::read_dir(jobs)
        .unwrap()
        .filter(|entry| is_job_file(&entry.as_ref().unwrap().path()))
        .count();
    let run = Workspace::example().run(&["validate"]).expect(0);
    assert_eq!(
        run.stdout,
        format!("7 jobs in {count} files, no mistakes\n")
    );
}

#[test]
fn plan_and_status_of_the_examples() {
    let env = Workspace::example();
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("examples_plan", env.run(&["plan"]).shown());
        env.run(&["apply"]).expect(0);
        insta::assert_snapshot!("examples_plan_all_after", env.run(&["plan", "--all"]).shown());
        insta::assert_snapshot!("examples_status", env.run(&["status"]).shown());
    });
}

const ONE: &str =
    "jobs:\n  one:\n    input: { prefix: video/ }\n    operation: { workflow_ids: w1 }\n";

#[test]
fn a_new_job_alone_is_shown_and_submitted() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", ONE);
    env.run(&["plan", "--detailed-exitcode"]).expect(2);
    env.run(&["apply"]).expect(0);
    env.write("jobs/two.toml", "[jobs.two]\ninput = { object = 'video/a.txt' }\noperation = { workflow_ids = 'w1' }\noverlap = 'allow'\n");
    let plan = env.run(&["plan", "--detailed-exitcode"]).expect(2);
    insta::assert_snapshot!(plan.shown());
    let apply = env.run(&["apply"]).expect(0);
    assert!(apply.stdout.ends_with("1 submitted\n"), "{}", apply.stdout);
}

#[test]
fn renaming_moving_and_rewriting_submit_nothing() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", ONE);
    env.run(&["apply"]).expect(0);
    fs::rename(
        env.path().join("jobs/one.yaml"),
        env.path().join("jobs/moved.yml"),
    )
    .unwrap();
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    fs::remove_file(env.path().join("jobs/moved.yml")).unwrap();
    env.write(
        "jobs/one.toml",
        "[jobs.one]\ninput.prefix = 'video/'\noperation.workflow_ids = ['w1']\n",
    );
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    env.write(
        "jobs/one.toml",
        "[jobs.uno]\nname = 'other'\ninput.prefix = 'video/'\noperation.workflow_ids = ['w1']\n",
    );
    let plan = env.run(&["plan", "--detailed-exitcode"]).expect(0);
    insta::assert_snapshot!(plan.shown());
    env.run(&["apply"]).expect(0);
    let after = env.run(&["plan"]).expect(0);
    assert_eq!(
        after.stdout,
        "Nothing to submit to `local`\n  1 unchanged\n"
    );
}

#[test]
fn a_changed_job_shows_what_changed() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", ONE);
    env.run(&["apply"]).expect(0);
    env.write("jobs/one.yaml", &format!("{ONE}    rerun: \"2026-11\"\n"));
    insta::assert_snapshot!(env.run(&["plan"]).expect(0).shown());
    env.run(&["apply"]).expect(0);
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_workflow_that_fails_ends_with_7_and_is_left_alone() {
    let env = Workspace::new()
        .target("local", &Target::embedded(&["false"]))
        .object("video/a.txt", "a\n");
    env.write("jobs/one.yaml", ONE);
    env.run(&["apply"]).expect(7);
    let plan = env.run(&["plan", "--all"]).expect(0);
    insta::assert_snapshot!(plan.shown());
    env.run(&["apply"]).expect(0);
}

#[test]
fn apply_uses_a_serve_that_runs() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", ONE);
    let serve = Serve::start_with(&env, &["-v"]);
    env.run(&["apply"]).expect(0);
    let log = serve.log().join("\n");
    assert!(log.contains("POST"), "{log}");
}
