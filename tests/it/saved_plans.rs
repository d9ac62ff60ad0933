//! Plans that are kept, shown, applied, and refused when they no longer hold.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::text::assert_contains;
use crate::support::workspace::{FILTERS, PROJECT, Workspace};

const TWO_JOBS: &str = "jobs:
  first:
    input: { object: video/a.txt }
    operation: { workflow_ids: w1 }
  second:
    input: { object: video/b.txt }
    operation: { workflow_ids: w1 }
";

fn two_jobs() -> Workspace {
    let env = Workspace::small();
    env.write("jobs/two.yaml", TWO_JOBS);
    env
}

fn change_plan(env: &Workspace, change: impl FnOnce(&mut Value)) {
    let mut plan: Value = serde_json::from_str(&env.read("plan.json")).unwrap();
    change(&mut plan);
    env.write("plan.json", &plan.to_string());
}

#[test]
fn a_saved_plan_is_applied_once_and_then_stale() {
    let env = two_jobs();
    env.run(&["plan", "--out", "plan.json"]).expect(0);
    let applied = env.run(&["apply", "plan.json"]).expect(0);
    assert!(applied.stdout.contains("2 submitted"), "{}", applied.stdout);
    let again = env.run(&["apply", "plan.json"]).expect(6);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("saved_plan_stale", again.shown());
    });
    let status = env.run(&["status"]).expect(0);
    assert_eq!(status.stdout.matches("Success").count(), 2);
}

#[test]
fn what_happens_to_other_jobs_does_not_spoil_a_plan() {
    let env = two_jobs();
    env.run(&["plan", "--only", "first", "--out", "plan.json"])
        .expect(0);
    env.run(&["apply", "--only", "second"]).expect(0);
    let applied = env.run(&["apply", "plan.json"]).expect(0);
    assert!(applied.stdout.contains("1 submitted"), "{}", applied.stdout);
    let plan = env.run(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("2 unchanged"), "{}", plan.stdout);
}

#[test]
fn a_plan_applies_what_was_reviewed_whatever_the_files_say_now() {
    let env = two_jobs();
    env.run(&["plan", "--only", "first", "--out", "plan.json"])
        .expect(0);
    env.write("jobs/two.yaml", &TWO_JOBS.replace("a.txt", "other.txt"));
    env.run(&["apply", "plan.json"]).expect(0);
    let show = env.run(&["plan", "--only", "first"]).expect(0);
    assert_contains(&show.stdout, "input.object  video/a.txt -> video/other.txt");
}

#[test]
fn a_plan_of_another_target_state_or_version_is_refused() {
    let env = two_jobs();
    env.run(&["plan", "--out", "plan.json"]).expect(0);
    let other = env
        .run(&["apply", "plan.json", "-t", "elsewhere"])
        .expect(6);
    assert!(other.stderr.contains("`local`"), "{}", other.stderr);

    change_plan(&env, |plan| plan["stocktake"] = "99.0.0".into());
    env.run(&["apply", "plan.json"]).expect(6);
    change_plan(&env, |plan| plan["format"] = "stocktake.plan/2".into());
    let newer = env.run(&["apply", "plan.json"]).expect(6);
    assert_contains(&newer.stderr, "stocktake.plan/2");

    env.run(&["apply", "--only", "first"]).expect(0);
    env.run(&["plan", "--out", "plan.json"]).expect(0);
    // A state that was begun again.
    fs::remove_dir_all(env.path().join(".stocktake")).unwrap();
    env.run(&["apply", "--only", "first"]).expect(0);
    let other = env.run(&["apply", "plan.json"]).expect(6);
    assert!(other.stderr.contains("lineage"), "{}", other.stderr);
}

#[test]
fn work_that_is_not_what_was_reviewed_is_refused() {
    let env = two_jobs();
    env.run(&["plan", "--out", "plan.json"]).expect(0);
    change_plan(&env, |plan| {
        plan["jobs"][0]["request"]["input"]["object"] = "secret/x".into();
    });
    let run = env.run(&["apply", "plan.json"]).expect(6);
    assert!(run.stderr.contains("`first`"), "{}", run.stderr);
    assert!(env.run(&["status"]).stdout.contains("Nothing is recorded"));
    for broken in ["", "{", "[]", "{\"format\":7}"] {
        env.write("plan.json", broken);
        env.run(&["apply", "plan.json"]).expect(6);
        env.run(&["show", "plan.json"]).expect(6);
    }
    env.run(&["show", "missing.json"]).expect(1);
}

#[test]
fn whatever_is_changed_in_a_saved_plan_it_is_refused() {
    let env = two_jobs();
    env.run(&["plan", "--out", "plan.json"]).expect(0);
    let plan = env.read("plan.json");
    let changes: [fn(&mut Value); 9] = [
        |plan| plan["jobs"][0]["key"] = "ax".into(),
        |plan| plan["jobs"][0]["request"]["name"] = "other".into(),
        |plan| plan["jobs"][0]["source"]["line"] = 9.into(),
        |plan| plan["jobs"][0]["max_attempts"] = 9.into(),
        |plan| plan["files"] = "0".repeat(64).into(),
        |plan| plan["commit"] = "0".repeat(40).into(),
        |plan| plan["summary"]["submit"] = 1.into(),
        |plan| _ = plan["jobs"].as_array_mut().unwrap().pop(),
        |plan| plan["digest"] = Value::Null,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        env.write("plan.json", &plan);
        change_plan(&env, change);
        let run = env.run(&["apply", "plan.json"]).expect(6);
        assert!(
            run.stderr.contains("was changed by hand"),
            "{number}: {}",
            run.stderr
        );
    }
    // Spaces say nothing.
    env.write("plan.json", &plan);
    change_plan(&env, |_| ());
    env.run(&["apply", "plan.json"]).expect(0);
}

#[test]
fn a_plan_is_applied_with_the_workspace_file_that_it_was_made_with() {
    let env = two_jobs();
    env.run(&["plan", "--out", "plan.json"]).expect(0);
    let text = env.read("stocktake.toml");
    for changed in [format!("default_target = \"local\"\n{text}"), String::new()] {
        env.write("stocktake.toml", &changed);
        let run = env.run(&["apply", "plan.json"]).expect(6);
        assert!(run.stderr.contains("stocktake.toml"), "{}", run.stderr);
    }
    assert!(!env.path().join(".stocktake/local.state.jsonl").exists());
    env.write("stocktake.toml", &text);
    env.run(&["apply", "plan.json"]).expect(0);
}

#[test]
fn guards_are_asked_again_when_a_saved_plan_is_applied() {
    let env = two_jobs();
    env.run(&["plan", "--only", "first", "--out", "plan.json"])
        .expect(0);
    env.write(
        "jobs/three.yaml",
        "jobs:\n  wide:\n    input: { prefix: video/ }\n    overlap: allow\n    \
         operation: { workflow_ids: w1 }\n",
    );
    env.run(&["apply", "--only", "wide"]).expect(0);
    fs::remove_file(env.path().join("jobs/three.yaml")).unwrap();
    let blocked = env.run(&["apply", "plan.json"]).expect(4);
    assert!(blocked.stdout.contains("wide"), "{}", blocked.stdout);
    assert!(
        env.run(&["apply", "plan.json", "--max-submissions", "0"])
            .expect(4)
            .stdout
            .contains("1 submissions")
    );
}

#[test]
fn a_plan_shows_the_same_from_its_file() {
    let env = two_jobs();
    let planned = env.run(&["plan", "--all", "--out", "plan.json"]).expect(0);
    let shown = env.run(&["show", "--all", "plan.json"]).expect(0);
    assert!(
        planned.stdout.starts_with(&shown.stdout),
        "{}",
        shown.stdout
    );
    let json = env
        .run(&["show", "plan.json", "--format", "json"])
        .expect(0);
    assert_eq!(json.stdout, env.read("plan.json"));
    let markdown = env
        .run(&["show", "plan.json", "--format", "markdown"])
        .expect(0);
    assert!(markdown.stdout.contains("<details"), "{}", markdown.stdout);
    insta::assert_snapshot!(
        "plan_only",
        env.run(&["plan", "--only", "first"]).expect(0).stdout
    );
}

#[test]
fn a_name_that_stands_for_no_job_is_a_mistake() {
    let env = two_jobs();
    let run = env.run(&["plan", "--only", "frist"]).expect(1);
    assert_contains(&run.stderr, "did you mean `first`");
    env.run(&["apply", "plan.json", "--only", "first"])
        .expect(64);
}

#[test]
fn plans_are_what_their_schema_says() {
    let env = two_jobs();
    env.run(&["apply", "--only", "first"]).expect(0);
    env.write("jobs/two.yaml", &TWO_JOBS.replace("b.txt", "c.txt"));
    let plan = env.run(&["plan", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let schema = Path::new(PROJECT).join("schema/plan.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&plan)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut broken = plan;
    broken["jobs"][0]["action"] = "explode".into();
    assert!(!validator.is_valid(&broken));
}
