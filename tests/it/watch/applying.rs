//! What is applied, when, and what is said before.

use std::fs;
use std::time::Duration;

use super::{Watch, job, workspace};
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, Workspace};

#[test]
fn apply_runs_what_is_new_after_each_good_plan() {
    let env = workspace();
    let mut watch = Watch::start(&env, &["--apply"]);
    watch.wait_for("submitted");
    watch.wait_for("Success");
    env.write("jobs/b.yaml", "jobs: { b: { inptu: 1 } }\n");
    watch.wait_for("last good plan stands:\n");
    env.write("jobs/b.yaml", "jobs: { b: { input: { object: video/a.txt }, operation: { workflow_ids: w1 }, overlap: allow } }\n");
    watch.wait_for("submitted");
    watch.wait_for("Success");
    // An apply beside it finds nothing left, and no job was sent twice.
    let run = env.run(&["apply", "--lock-timeout", "20s"]).expect(0);
    assert!(run.stdout.contains("Nothing to submit"), "{}", run.stdout);
    let (code, _) = watch.interrupt();
    assert_eq!(code, Some(130));
    let state = env.read(".stocktake/local.state.jsonl");
    assert_eq!(state.matches("\"accepted\"").count(), 2, "{state}");
}

#[test]
fn what_is_half_written_is_never_applied() {
    let env = workspace();
    env.write("bucket/whole", "whole\n");
    let mut watch = Watch::start(&env, &["--apply", "--quiet-time", "1s"]);
    watch.wait_for("Success    videos");
    // Each of these is valid, and none is what is meant. They are looked at all the same.
    let mut text = String::new();
    let mut number = 0;
    while !text.contains("+  half-") {
        number += 1;
        env.write("jobs/b.yaml", &job(&format!("half-{number}")));
        text += &watch.written(Duration::from_millis(20));
    }
    env.write("jobs/b.yaml", &job("whole"));
    text += &watch.wait_for("submitted  whole");
    assert!(!text.contains("submitted  half"), "{text}");
    let (_, _) = watch.interrupt();
    let state = env.read(".stocktake/local.state.jsonl");
    assert_eq!(state.matches("\"accepted\"").count(), 2, "{state}");
}

#[test]
fn a_limit_on_objects_holds_back_what_a_save_would_apply() {
    let env = Workspace::small();
    let limit = |objects: u32| {
        env.set_target(&Target::small().set("max_objects", objects));
    };
    limit(1);
    let job =
        "jobs:\n  both:\n    input: { prefix: video/ }\n    operation: { workflow_ids: w1 }\n";
    env.write("jobs/a.yaml", job);
    let mut watch = Watch::start(&env, &["--apply"]);
    watch.wait_for("raise `max_objects` in stocktake.toml; nothing was submitted");
    limit(2);
    watch.wait_for("1 submitted");
    watch.interrupt();
}

#[test]
fn a_target_that_costs_money_is_not_applied_to_unasked() {
    let env = workspace();
    env.add_target("prod", &Target::of("media-1250000000"));
    let run = env.run(&["-t", "prod", "watch", "--apply"]).expect(1);
    assert!(run.stderr.contains("--auto-approve"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

/// A workspace with a target that costs money, at a service of this machine.
fn costly() -> (Workspace, Serve) {
    let env = workspace();
    env.write("bucket/b", "b\n");
    let serve = Serve::start(&env);
    env.add_target("far", &Target::at(serve.address));
    env.run(&["-t", "far", "state", "init"]).expect(0);
    (env, serve)
}

fn accepted(env: &Workspace) -> usize {
    env.read("far.state.jsonl").matches("\"accepted\"").count()
}

#[test]
fn what_costs_money_is_said_before_it_is_submitted() {
    let (env, _serve) = costly();
    let mut command = env.command(&["-t", "far", "watch", "--apply", "--auto-approve"]);
    command.envs(CREDENTIALS);
    let mut watch = Watch::spawn(command);
    let before = watch.wait_for("Submit 1 job to `far`: videos\n");
    assert!(!before.contains("submitted"), "{before}");
    watch.wait_for("submitted  videos");
    env.write("jobs/b.yaml", "jobs: { b: { overlap: 1 } }");
    watch.wait_for("last good plan stands:\n");
    env.write("jobs/b.yaml", &job("b"));
    let before = watch.wait_for("Submit 1 job to `far`: b\n");
    assert!(!before.contains("submitted"), "{before}");
    watch.wait_for("submitted  b");
    watch.interrupt();
    assert_eq!(accepted(&env), 2);
}

#[test]
fn a_key_asks_before_it_costs_money() {
    let (env, _serve) = costly();
    let mut watch =
        Watch::on_terminal_with(&env, &CREDENTIALS, "stocktake -t far watch --color never");
    watch.wait_for("+  videos  new");
    watch.press("a");
    watch.wait_for("Submit 1 job to `far`: videos? `y` does it, any other key does not");
    watch.press("n");
    watch.wait_for("not submitted");
    // What was agreed to is what is submitted: not another plan.
    watch.press("a");
    watch.wait_for("any other key does not");
    env.write("jobs/b.yaml", &job("b"));
    watch.wait_for("2 new");
    watch.press("y");
    watch.press("a");
    let text = watch.wait_for("Submit 2 jobs to `far`: b, videos?");
    assert!(!text.contains("submitted"), "{text}");
    assert_eq!(accepted(&env), 0);
    watch.press("y");
    let text = watch.wait_for("2 submitted");
    for key in ["b", "videos"] {
        assert!(text.contains(&format!("submitted  {key}  ")), "{text}");
    }
    watch.press("a");
    watch.wait_for("there is nothing to apply");
    watch.press("q");
    watch.end();
    assert_eq!(accepted(&env), 2);
}

#[test]
fn a_key_does_not_apply_what_cannot_be_applied() {
    let (env, _serve) = costly();
    let config = env.read("stocktake.toml");
    env.write("stocktake.toml", &format!("{config}confirm = \"name\"\n"));
    let mut watch =
        Watch::on_terminal_with(&env, &CREDENTIALS, "stocktake -t far watch --color never");
    watch.wait_for("+  videos  new");
    watch.press("a");
    watch.wait_for("this target asks for its word: run `stocktake -t far apply`");
    env.write("jobs/b.yaml", "jobs: [\n");
    watch.wait_for("last good plan stands:");
    watch.press("a");
    watch.wait_for("mend the mistakes first; nothing was submitted");
    fs::remove_file(env.path().join("jobs/b.yaml")).unwrap();
    watch.wait_for("No other plan than before");
    env.write("stocktake.toml", &format!("{config}max_submissions = 0\n"));
    watch.wait_for("1 blocked");
    watch.press("a");
    watch.wait_for("the plan is blocked; nothing was submitted");
    watch.press("q");
    watch.end();
    assert_eq!(accepted(&env), 0);
}
