//! Jobs that were triggered by other means come into the account.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::serve::Serve;
use crate::support::tools::python;
use crate::support::workspace::{FILTERS, PROJECT, Workspace};

/// A job file with a job for each of these folders.
pub fn jobs(folders: &[&str]) -> String {
    let job = |folder: &&str| {
        format!(
            "  {folder}: {{ input: {{ prefix: video/{folder} }}, operation: {{ workflow_ids: w1 }} }}\n"
        )
    };
    let jobs: String = folders.iter().map(job).collect();
    format!("jobs:\n{jobs}")
}

/// Loses the record of everything that was submitted.
pub fn forget(env: &Workspace) {
    for entry in fs::read_dir(env.path().join(".stocktake")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".state.jsonl") {
            fs::remove_file(path).unwrap();
        }
    }
}

/// A workspace whose service did `done`, and whose files ask for `asked`; nothing is recorded.
pub fn with_jobs(done: &[&str], asked: &[&str]) -> Workspace {
    let env = Workspace::small();
    env.write("jobs/a.yaml", &jobs(done));
    env.run(&["apply"]).expect(0);
    forget(&env);
    env.write("jobs/a.yaml", &jobs(asked));
    env
}

fn json(env: &Workspace, arguments: &[&str]) -> Value {
    serde_json::from_str(&env.run(arguments).expect(0).stdout).unwrap()
}

fn state(env: &Workspace) -> String {
    env.read(".stocktake/local.state.jsonl")
}

#[test]
fn jobs_of_a_lost_state_are_adopted_once_and_nothing_is_submitted() {
    let env = with_jobs(&["one", "two", "other"], &["one", "two"]);
    env.run(&["plan", "--detailed-exitcode"]).expect(2);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        insta::assert_snapshot!("adopt_listed", env.run(&["adopt"]).expect(0).shown());
    });
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    let before = state(&env);
    let again = env.run(&["adopt"]).expect(0).stdout;
    assert!(again.contains("0 adopted, 1 of other work"), "{again}");
    assert_eq!(state(&env), before);
}

#[test]
fn every_bucket_that_the_files_name_is_asked() {
    let env = Workspace::small();
    let second = "[targets.local.buckets]\nsecond-1250000000 = \"second\"\n";
    let target = env.read("stocktake.toml");
    env.write(
        "stocktake.toml",
        &target.replace("[targets.local.buckets]\n", second),
    );
    env.write("second/a.txt", "a");
    let elsewhere = "  far: { bucket: second-1250000000, input: { prefix: a }, \
                     operation: { workflow_ids: w1 } }\n";
    env.write("jobs/a.yaml", &(jobs(&["one"]) + elsewhere));
    env.run(&["apply"]).expect(0);
    forget(&env);
    let found = json(&env, &["adopt", "--format", "json"]);
    assert_eq!(found["adopted"].as_array().unwrap().len(), 2, "{found:#}");
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    // What no file asks for is written down for the target's own bucket alone.
    forget(&env);
    fs::remove_file(env.path().join("jobs/a.yaml")).unwrap();
    env.run(&["adopt", "--file", "jobs/found.yaml"]).expect(0);
    let text = env.read("jobs/found.yaml");
    assert!(text.contains("one") && !text.contains("far"), "{text}");
}

#[test]
fn states_filter_what_is_adopted() {
    let env = with_jobs(&["one"], &["one"]);
    let none = env.run(&["adopt", "--state", "failed,Cancel"]).expect(0);
    assert!(none.stdout.contains("0 adopted"), "{}", none.stdout);
    let unknown = env.run(&["adopt", "--state", "Done"]).expect(64).stderr;
    assert!(unknown.contains("Submitted, Running"), "{unknown}");
    let found = env.run(&["adopt", "--state", "success"]).expect(0);
    assert!(found.stdout.contains("1 adopted"), "{}", found.stdout);
}

#[test]
fn a_named_job_is_recorded_if_it_is_the_work() {
    let env = with_jobs(&["one", "two", "three"], &["one", "two"]);
    // It is the work of no job of the files, so that looking for it records nothing.
    let found = json(&env, &["adopt", "--name", "three", "--format", "json"]);
    let three = found["others"][0]["job_id"].as_str().unwrap();
    let refused = env.run(&["adopt", &format!("one={three}")]).expect(1);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        insta::assert_snapshot!("adopt_named_different", refused.shown());
    });
    let unknown = env.run(&["adopt", "one=bnone"]).expect(1);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        insta::assert_snapshot!("adopt_named_unknown", unknown.shown());
    });
    let misspelt = env.run(&["adopt", &format!("onne={three}")]).expect(1);
    let help = "did you mean `one`?";
    assert!(misspelt.stderr.contains(help), "{}", misspelt.stderr);
    env.run(&["adopt", "one"]).expect(64);
    let listed = env.run(&["state", "list"]).expect(0).stdout;
    assert_eq!(listed, "Nothing is recorded yet.\n");

    // The files come to ask for what it did.
    env.write("jobs/a.yaml", &jobs(&["one", "three"]));
    let pair = format!("three={three}");
    // One that is refused keeps the other from being recorded.
    env.run(&["adopt", &pair, "one=bnone"]).expect(1);
    let adopted = env.run(&["adopt", &pair]).expect(0).stdout;
    assert!(
        adopted.contains(three) && adopted.contains("1 adopted"),
        "{adopted}"
    );
    let again = env.run(&["adopt", &pair]).expect(0).stdout;
    assert!(again.contains("0 adopted, 1 known"), "{again}");
    // Neither gets the key another job, nor the job another key.
    let other = env.run(&["adopt", "three=b1"]).expect(1).stderr;
    assert!(other.contains("`three` is recorded already"), "{other}");
    let taken = env
        .run(&["adopt", &format!("one={three}")])
        .expect(1)
        .stderr;
    assert!(
        taken.contains("`three`") && !taken.contains("`one`"),
        "{taken}"
    );
    let plan = json(&env, &["plan", "--format", "json"]);
    assert_eq!(plan["summary"]["submit"], 1, "{plan:#}");
}

#[test]
fn jobs_of_other_work_become_a_job_file_that_has_nothing_to_submit() {
    let env = with_jobs(&["one", "视频"], &["one"]);
    let adopted = env.run(&["adopt", "--file", "jobs/found.yaml"]).expect(0);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        insta::assert_snapshot!("adopt_file", adopted.shown());
        insta::assert_snapshot!("adopt_file_text", env.read("jobs/found.yaml"));
    });
    let plan = json(&env, &["plan", "--format", "json"]);
    assert_eq!(plan["summary"]["unchanged"], 2, "{plan:#}");
    assert_eq!(plan["summary"]["submit"], 0, "{plan:#}");
    let (file, before) = (env.read("jobs/found.yaml"), state(&env));
    let again = env.run(&["adopt", "--file", "jobs/more.yaml"]).expect(0);
    assert!(again.stdout.contains("0 adopted"), "{}", again.stdout);
    let there = env.run(&["adopt", "--file", "jobs/found.yaml"]).expect(1);
    assert!(there.stderr.contains("not overwritten"), "{}", there.stderr);
    assert_eq!(env.read("jobs/found.yaml"), file);
    assert_eq!(state(&env), before);
    // Neither an empty file nor a draft is left.
    let left: Vec<_> = fs::read_dir(env.path().join("jobs")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_file_that_would_be_no_job_file_is_refused_before_anything_is_asked() {
    let env = with_jobs(&["one"], &["two"]);
    env.write("jobs/deep/b.yaml", &jobs(&["three"]));
    for (file, words) in [
        ("found.yaml", "is not in the jobs folder"),
        ("../found.yaml", "is not in the jobs folder"),
        ("bucket/found.yaml", "is not in the jobs folder"),
        ("jobs/none/found.yaml", "cannot open the folder"),
        ("jobs/found.json", "is no name of a YAML job file"),
        ("jobs/.found.yaml", "is no name of a YAML job file"),
        ("jobs/a.yaml", "is there already"),
    ] {
        let refused = env.run(&["adopt", "--file", file]).expect(1).stderr;
        let refused = refused.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(refused.contains(words), "{file}: {refused}");
    }
    env.run(&["adopt", "--file", "jobs/deep/found.yaml"])
        .expect(0);
    let text = env.read("jobs/deep/found.yaml");
    assert!(text.contains("$schema=../../schema/"), "{text}");
}

#[test]
fn the_first_job_file_of_a_workspace_may_be_one_that_was_adopted() {
    let env = with_jobs(&["one", "two"], &["one"]);
    fs::remove_file(env.path().join("jobs/a.yaml")).unwrap();
    env.run(&["adopt"]).expect(1);
    env.run(&["adopt", "--file", "jobs/found.yaml"]).expect(0);
    let plan = json(&env, &["plan", "--format", "json"]);
    assert_eq!(plan["summary"]["unchanged"], 2, "{plan:#}");
}

#[test]
#[ignore = "needs the Python of .ci/run"]
fn fifty_jobs_of_the_public_python_sdk_leave_nothing_to_submit() {
    let env = Workspace::small();
    env.write("bucket/in/07/a.txt", "a");
    let serve = Serve::start(&env);
    let mut script = Command::new(python());
    script.arg(format!("{PROJECT}/tests/conformance/python_jobs.py"));
    let made = script
        .args([&serve.address.to_string(), "50"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{stderr}");
    let ids = String::from_utf8(made.stdout).unwrap();
    assert_eq!(ids.lines().count(), 50, "{stderr}");
    // The files ask for some of it, under other names.
    let matrix = "jobs:\n  even:\n    matrix: { folder: ['00', '02', '04'] }\n    \
                  input: { prefix: 'in/${ matrix.folder }/' }\n    \
                  operation: { workflow_ids: w1 }\n";
    env.write("jobs/a.yaml", matrix);
    env.run(&["plan", "--detailed-exitcode"]).expect(2);
    let found = json(
        &env,
        &["adopt", "--file", "jobs/found.yaml", "--format", "json"],
    );
    assert_eq!(found["adopted"].as_array().unwrap().len(), 50, "{found:#}");
    for id in ids.lines() {
        assert!(found.to_string().contains(id), "{id}");
    }
    let arguments = ["plan", "--detailed-exitcode", "--format", "json"];
    let plan = json(&env, &arguments);
    assert_eq!(plan["summary"]["unchanged"], 50, "{plan:#}");
    env.run(&["state", "verify"]).expect(0);
    let again = json(
        &env,
        &["adopt", "--file", "jobs/more.yaml", "--format", "json"],
    );
    assert_eq!(again["adopted"].as_array().unwrap().len(), 0, "{again:#}");
}
