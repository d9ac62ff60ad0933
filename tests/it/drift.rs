//! `--refresh`: what other hands did at the service is seen before anything is decided.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use stocktake::api::name::JobId;

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::wait::eventually;
use crate::support::workspace::{FILTERS, Run, Workspace, jobs};

const STATE: &str = ".stocktake/local.state.jsonl";

fn plan(env: &Workspace, more: &[&str]) -> Value {
    let run = env.run(&[&["plan", "--format", "json"], more].concat());
    serde_json::from_str(&run.expect(0).stdout).unwrap()
}

fn only_job_id(env: &Workspace) -> JobId {
    let listed = env.run(&["state", "list", "--format", "json"]).expect(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let id = listed["records"][0]["job_id"].as_str().unwrap();
    JobId::new(id).unwrap()
}

#[track_caller]
fn snapshot(name: &str, run: &Run) {
    let mut filters = FILTERS.to_vec();
    // The apply that submitted it was killed before or after it saw the job begin.
    filters.push(("recorded as (Submitted|Running)", "recorded as <state>"));
    insta::with_settings!({filters => filters}, {
        insta::assert_snapshot!(name, run.shown());
    });
}

#[tokio::test]
async fn a_job_that_other_hands_cancelled_is_shown_and_nothing_is_written() {
    let env = Workspace::gated();
    let serve = Serve::start(&env);
    env.submit();
    let agreed = plan(&env, &["--refresh"]);
    assert_eq!(agreed["drift"], Value::Array(Vec::new()), "{agreed:#}");
    serve.client().cancel(&only_job_id(&env)).await.unwrap();
    let state = env.read(STATE);
    assert!(plan(&env, &[]).get("drift").is_none());
    let refreshed = plan(&env, &["--refresh"]);
    let drift = &refreshed["drift"][0];
    assert_eq!(drift["kind"], "cancelled", "{refreshed:#}");
    assert_eq!(drift["seen"], "Cancel");
    assert_eq!(drift["key"], "slow");
    assert_eq!(refreshed["jobs"][0]["reason"], "left_failed");
    let shown = env.run(&["plan", "--refresh", "--detailed-exitcode"]);
    assert_contains(&shown.stdout, "!  slow  cancelled");
    shown.expect(0);
    let markdown = env.run(&["plan", "--refresh", "--format", "markdown"]);
    assert!(markdown.stdout.contains("- <code>slow</code>: cancelled"));
    assert_eq!(env.read(STATE), state);
}

/// A job that fails when the test says so.
fn failing(more: &str) -> Workspace {
    let env = Workspace::gated();
    let command = "until [ -e gate ] || [ ! -d jobs ]; do sleep 0.02; done; exit 1";
    env.set_target(&Target::embedded(&["sh", "-c", command]));
    env.write(
        "jobs/slow.yaml",
        &(jobs([("again", "{ prefix: in/ }")]) + more),
    );
    env
}

fn fail(env: &Workspace) {
    env.write("gate", "");
    eventually(|| {
        let plan = plan(env, &["--refresh"]);
        plan["drift"][0]["kind"] == "failed"
    });
}

#[test]
fn a_failure_that_was_only_just_seen_is_planned_and_applied_as_one() {
    let env = failing("    on_failure: resubmit\n    max_attempts: 3\n");
    let _serve = Serve::start(&env);
    env.submit();
    fail(&env);
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    snapshot("drift_failed", &env.run(&["plan", "--refresh"]));
    env.run(&[
        "plan",
        "--refresh",
        "--detailed-exitcode",
        "--out",
        "plan.json",
    ])
    .expect(2);
    // The plan rests on a failure that only the service knows: it is asked again, and believed.
    let applied = env.run(&["apply", "plan.json"]).expect(7);
    assert!(applied.stdout.contains("1 submitted"), "{}", applied.stdout);
    let stale = env.run(&["apply", "plan.json"]).expect(6);
    assert!(stale.stderr.contains("`again`"), "{}", stale.stderr);
}

#[test]
fn an_apply_that_asks_first_records_what_it_heard() {
    let env = failing("    on_failure: resubmit\n    max_attempts: 2\n");
    let _serve = Serve::start(&env);
    env.submit();
    fail(&env);
    let applied = env
        .run(&["apply", "--refresh", "--format", "json"])
        .expect(7);
    let lines = applied.stdout.lines();
    let types: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        types.iter().any(|line| line["type"] == "drift"),
        "{types:?}"
    );
    let completed = types.iter().filter(|line| line["type"] == "apply_complete");
    assert_eq!(completed.count(), 1);
    // Used up: what failed twice is left at that, asked or not.
    env.run(&["apply", "--refresh"]).expect(0);
}

/// The service begins with an empty folder and knows nothing.
fn forget(env: &Workspace, serve: Serve) -> Serve {
    serve.kill();
    fs::remove_dir_all(data(env)).unwrap();
    Serve::start(env)
}

fn data(env: &Workspace) -> PathBuf {
    env.path().join(".stocktake/local")
}

#[test]
fn a_job_that_the_service_forgot_is_shown_and_never_resubmitted_by_itself() {
    let env = Workspace::gated();
    let resubmit = "    on_failure: resubmit\n    max_attempts: 9\n";
    env.write(
        "jobs/slow.yaml",
        &(jobs([("slow", "{ prefix: in/ }")]) + resubmit),
    );
    let serve = Serve::start(&env);
    env.submit();
    let _serve = forget(&env, serve);
    let fresh = plan(&env, &["--refresh"]);
    assert_eq!(fresh["drift"][0]["kind"], "not_yet_known", "{fresh:#}");
    let later = ["--refresh", "--now", "2099-01-01T00:00:00Z"];
    let unknown = plan(&env, &later);
    assert_eq!(unknown["drift"][0]["kind"], "unknown");
    assert_eq!(unknown["drift"][0]["seen"], Value::Null);
    assert_eq!(unknown["summary"]["resubmit"], 0);
    snapshot("drift_unknown", &env.run(&[&["plan"], &later[..]].concat()));
    let out = [&["plan", "--out", "plan.json"], &later[..]].concat();
    env.run(&out).expect(0);
    let shown = env.run(&["show", "plan.json"]).expect(0);
    assert!(shown.stdout.contains("does not know its job"));
    assert_eq!(unknown["summary"]["unchanged"], 1);
}

#[test]
fn many_jobs_are_asked_for_in_lists_and_ended_ones_that_are_forgotten_are_counted() {
    let mut env = Workspace::small();
    for number in 0..150 {
        env = env.object(&format!("many/{number:03}"), "a").job(
            &format!("j{number:03}"),
            &format!("{{ prefix: many/{number:03} }}"),
        );
    }
    env.run(&["apply"]).expect(0);
    let serve = Serve::start(&env);
    let asked = env.run(&["-v", "plan", "--refresh"]).expect(0);
    let calls = asked.stderr.matches("GET ").count();
    assert!((1..10).contains(&calls), "{calls} calls\n{}", asked.stderr);
    assert!(asked.stdout.contains("agrees with the records"));
    let _serve = forget(&env, serve);
    let shown = env.run(&["plan", "--refresh"]).expect(0);
    assert_contains(
        &shown.stdout,
        "150 jobs that have ended are no longer known",
    );
    let all = plan(&env, &["--refresh"]);
    assert_eq!(all["drift"].as_array().unwrap().len(), 150);
    let one = plan(&env, &["--refresh", "--only", "j007"]);
    assert_eq!(one["drift"].as_array().unwrap().len(), 1);
    let applied = env.run(&["apply", "--refresh"]).expect(0).stdout;
    let rest = "no longer known to the service; plan --refresh --all names them";
    let words: Vec<&str> = applied.split_whitespace().collect();
    assert!(words.join(" ").contains(rest), "{applied}");
}

#[test]
fn a_service_that_is_down_is_an_error_and_not_an_answer() {
    let env = Workspace::gated();
    let serve = Serve::start(&env);
    env.add_target("far", &Target::at(serve.address).set("timeout", "1s"));
    let far = |arguments: &[&str]| env.run_signed(&[&["-t", "far"], arguments].concat());
    far(&["state", "init"]).expect(0);
    far(&["apply", "--auto-approve"]).expect(0);
    env.submit();
    far(&["plan", "--refresh"]).expect(0);
    serve.kill();
    let down = far(&["plan", "--refresh"]).expect(1);
    snapshot("drift_service_down", &down);
    far(&["plan"]).expect(0);
    let ended = env.run(&["plan", "--refresh"]).expect(1);
    assert!(ended.stderr.contains("stocktake serve"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
}
