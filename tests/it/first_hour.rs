//! What a new user tries, and what leads on.

use std::fs;

use serde_json::Value;

use crate::support::target::Target;
use crate::support::workspace::{Workspace, jobs};

/// Fails for the folder `b` until there is a file `mended`.
const FRAGILE: &[&str] = &[
    "sh",
    "-c",
    r#"case "$1" in b/*) test -e mended;; *) true;; esac"#,
    "sh",
    "{key}",
];

fn matrix() -> Workspace {
    let env = Workspace::new()
        .target("local", &Target::embedded(FRAGILE))
        .object("a/1", "x")
        .object("b/1", "x")
        .object("c/1", "x");
    let job = "jobs:\n  all:\n    matrix: { folder: [a, b, c] }\n    \
               input: { prefix: '${ matrix.folder }/' }\n    operation: { workflow_ids: w1 }\n";
    env.write("jobs/all.yaml", job);
    env
}

#[test]
fn one_failed_element_of_a_matrix_is_found_and_run_again() {
    let env = matrix();
    env.run(&["apply"]).expect(7);
    let plan = env.run(&["plan"]).expect(0).stdout;
    assert!(plan.contains("1 job failed and left"), "{plan}");
    assert!(plan.contains("2 unchanged, 1 failed and left"), "{plan}");
    assert!(plan.contains("stocktake retry 'all[folder=b]'"), "{plan}");
    let json: Value = serde_json::from_str(&env.run(&["plan", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(json["summary"]["failed"], 1);
    let failed = env.run(&["status", "--state", "failed"]).expect(0).stdout;
    assert!(failed.contains("all[folder=b]"), "{failed}");
    assert!(!failed.contains("all[folder=a]"), "{failed}");
    let objects = env.run(&["status", "--failed"]).expect(0).stdout;
    assert!(objects.contains("b/1"), "{objects}");
    let chosen = env
        .run(&["status", "all[folder=*]", "--no-refresh"])
        .expect(0);
    for folder in ["a", "b", "c"] {
        let key = format!("all[folder={folder}]");
        assert!(chosen.stdout.contains(&key), "{}", chosen.stdout);
    }
    let refused = env.run(&["retry", "all[folder=a]"]).expect(1).stderr;
    assert!(refused.contains("none of these jobs failed"), "{refused}");
    env.write("mended", "");
    let again = env.run(&["retry", "all"]).expect(0);
    assert!(again.stdout.contains("1 job to submit"), "{}", again.stdout);
    assert!(again.stdout.contains("1 submitted"), "{}", again.stdout);
    let plan = env.run(&["plan"]).expect(0).stdout;
    assert!(plan.contains("3 unchanged"), "{plan}");
}

#[test]
fn a_job_over_nothing_says_so() {
    let env = Workspace::small().job("typo", "{ prefix: 2002/ }");
    let applied = env.run(&["apply"]).expect(0);
    let words = "0 objects: nothing matched prefix `2002/`";
    assert!(applied.stderr.contains(words), "{}", applied.stderr);
    let status = env.run(&["status"]).expect(0).stdout;
    assert!(status.contains(words), "{status}");
    let env = Workspace::small().job("glob", "{ prefix: 'a/*.png' }");
    let found = env.run(&["validate"]).expect(0).stderr;
    assert!(found.contains("input-matches-nothing"), "{found}");
}

#[test]
fn the_bucket_of_an_embedded_target_is_one_of_its_buckets() {
    let env = Workspace::small();
    let text = env.read("stocktake.toml");
    let renamed = text.replacen(
        "bucket = \"demo-1250000000\"",
        "bucket = \"photos-1250000000\"",
        1,
    );
    assert_ne!(text, renamed);
    env.write("stocktake.toml", &renamed);
    env.write("jobs/a.yaml", &jobs([("a", "{ prefix: in/ }")]));
    let refused = env.run(&["validate"]).expect(1).stderr;
    assert!(refused.contains("unknown-bucket"), "{refused}");
}

#[test]
fn words_of_other_tools_lead_on() {
    let env = Workspace::new();
    for (arguments, tip) in [
        (&["import"][..], "stocktake adopt"),
        (&["destroy"], "stocktake cancel"),
        (&["logs"], "--failed"),
        (&["ls"], "stocktake status"),
        (&["rerun"], "stocktake retry"),
        (&["apply", "--dry-run"], "stocktake plan"),
        (&["status", "--follow"], "stocktake status --wait"),
        (&["plan", "-o", "json"], "--format json"),
    ] {
        let run = env.run(arguments).expect(64);
        assert!(run.stderr.contains(tip), "{arguments:?}: {}", run.stderr);
    }
    let version = env.run(&["version"]).expect(0).stdout;
    assert_eq!(version, env.run(&["--version"]).expect(0).stdout);
    let help = env.run(&["help", "plan"]).expect(0).stdout;
    assert!(help.contains("stocktake plan --estimate"), "{help}");
}

/// What a message names can be pasted: it is about the same target and the same folder.
#[test]
fn commands_in_messages_repeat_target_and_folder() {
    let env = Workspace::new();
    env.write("w/jobs/a.yaml", &jobs([("a", "{ prefix: in/ }")]));
    env.write(
        "w/stocktake.toml",
        "[targets.prod]\nbucket = \"demo-1250000000\"\nregion = \"ap-beijing\"\n",
    );
    let refused = env.run(&["-C", "w", "-t", "prod", "plan"]).expect(1).stderr;
    let command = "`stocktake -C w -t prod state init`";
    let one_line = refused.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains(command), "{refused}");
    env.run(&["-C", "w", "-t", "prod", "state", "init"])
        .expect(0);
    env.run(&["-C", "w", "-t", "prod", "plan"]).expect(0);
}

#[test]
fn only_a_workspace_file_is_found_on_the_way_up() {
    let env = Workspace::small().job("a", "{ prefix: video/ }");
    fs::create_dir_all(env.path().join("deep/er")).unwrap();
    let run = env.run(&["-C", "deep/er", "plan"]).expect(0);
    assert!(run.stderr.contains("workspace ../.."), "{}", run.stderr);
    fs::remove_file(env.path().join("stocktake.toml")).unwrap();
    let here = env.run(&["validate"]).expect(1);
    assert!(here.stderr.contains("no-bucket"), "{}", here.stderr);
}
