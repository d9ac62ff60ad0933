//! The pipeline for GitLab: its scripts, joined as its runner joins them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use serde_yaml::Value as Yaml;

use super::repository::{Cloud, Repository};
use crate::support::raw::{RawServer, Reply};
use crate::support::text::assert_contains;
use crate::support::workspace::{BINARY, CREDENTIALS, Run, jobs};

fn repository(endpoint: impl Display) -> Repository {
    let repository = Repository::new(endpoint, &["--ci", "gitlab"]);
    let text = jobs([("视频", "{ prefix: in/a }")]);
    repository.env.write("work/jobs/a.yaml", &text);
    repository.commit("Plan and apply in a pipeline");
    repository
}

/// The lines of a list of scripts, also of lists within it.
fn lines(value: &Yaml) -> String {
    match value {
        Yaml::String(text) => format!("{text}\n"),
        Yaml::Sequence(list) => list.iter().map(lines).collect(),
        Yaml::Null => String::new(),
        other => panic!("{other:?}"),
    }
}

/// Runs a job in a fresh clone: `before_script` and `script` in one shell, `after_script` in another.
fn run(repository: &Repository, name: &str, overrides: &[(&str, String)]) -> (Run, Run) {
    run_with_cache(repository, name, overrides, None)
}

/// The same with a program in the cache.
fn run_with_cache(
    repository: &Repository,
    name: &str,
    overrides: &[(&str, String)],
    cached: Option<&Path>,
) -> (Run, Run) {
    let _ = fs::remove_dir_all(repository.path("run"));
    repository.git(".", &["clone", "--quiet", "origin.git", "run"]);
    if let Some(cached) = cached {
        let folder = repository.path("run/.stocktake/program/bin");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(cached, folder.join("stocktake")).unwrap();
    }
    let text = fs::read_to_string(repository.path("run/.gitlab-ci.yml")).unwrap();
    let pipeline: Yaml = serde_yaml::from_str(&text).unwrap();
    let job = &pipeline[name];
    let base = &pipeline[job["extends"].as_str().unwrap()];
    let main = lines(&base["before_script"]) + &lines(&job["script"]);
    let shell = |script: String| {
        #[expect(clippy::disallowed_methods, reason = "a runner has a path")]
        let path = std::env::var("PATH").unwrap();
        let variables = pipeline["variables"].as_mapping().unwrap().iter();
        let variables =
            variables.map(|(name, value)| (name.as_str().unwrap(), value.as_str().unwrap()));
        let variables: BTreeMap<&str, &str> = variables.collect();
        let mut command = Command::new("bash");
        command
            .args(["-c", &format!("set -eo pipefail\n{script}")])
            .current_dir(repository.path("run"))
            .env_clear()
            .envs(variables)
            .env("PATH", path)
            .env("HOME", repository.env.path())
            .env("CI", "true")
            .env("STOCKTAKE_ALLOWED_HOSTS", "127.0.0.1,demo-1250000000")
            .env("CI_PROJECT_DIR", repository.path("run"))
            .env("CI_PROJECT_URL", repository.path("origin"))
            .env("CI_DEFAULT_BRANCH", "main")
            .env("STOCKTAKE_PUSH_TOKEN", "canary-token")
            .envs(overrides.iter().cloned());
        Run::of(&mut command)
    };
    let ran = (shell(main), shell(lines(&job["after_script"])));
    for run in [&ran.0, &ran.1] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("canary"));
    }
    ran
}

/// The binary under test, as a released one.
fn released() -> Vec<(&'static str, String)> {
    let sum = Command::new("sha256sum").arg(BINARY).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    vec![
        ("STOCKTAKE_URL", format!("file://{BINARY}")),
        ("STOCKTAKE_SHA256", sum),
    ]
}

fn with_secrets() -> Vec<(&'static str, String)> {
    let secrets = CREDENTIALS.map(|(name, value)| (name, value.to_owned()));
    [released(), secrets.to_vec()].concat()
}

#[test]
fn a_request_gets_findings_counts_and_a_page() {
    let repository = repository("127.0.0.1:9");
    let (planned, _) = run(&repository, "plan", &released());
    planned.expect(0);
    let counts: Value = serde_json::from_str(&repository.env.read("run/plan-counts.json")).unwrap();
    assert_eq!(
        counts,
        serde_json::json!({ "create": 1, "update": 0, "delete": 0 })
    );
    assert_contains(repository.env.read("run/plan.md"), "1 job to submit");
    let findings: Value =
        serde_json::from_str(&repository.env.read("run/codequality.json")).unwrap();
    assert_eq!(findings, serde_json::json!([]));

    repository.env.write("work/jobs/b.yaml", "jobs: 7\n");
    repository.commit("Break it");
    let (broken, _) = run(&repository, "plan", &released());
    assert!(broken.stderr.contains("jobs/b.yaml"), "{}", broken.stderr);
    broken.expect(1);
    let findings: Value =
        serde_json::from_str(&repository.env.read("run/codequality.json")).unwrap();
    assert_eq!(findings.as_array().unwrap().len(), 1);
}

#[test]
fn what_reaches_main_is_submitted_once_and_recorded_in_the_repository() {
    let cloud = Cloud::start();
    let repository = repository(&cloud.serve.address);
    let (applied, after) = run(&repository, "apply", &with_secrets());
    assert!(applied.stdout.contains("1 submitted"), "{}", applied.stdout);
    applied.expect(0);
    assert!(after.expect(0).stdout.contains("nothing new is recorded"));
    assert_contains(
        repository.in_origin("prod.state.jsonl"),
        "\"outcome\":\"accepted\"",
    );
    assert_contains(
        repository.env.read("run/.stocktake/state/prod.state.jsonl"),
        "accepted",
    );
    let (again, _) = run(&repository, "apply", &with_secrets());
    assert!(!again.stdout.contains("1 submitted"), "{}", again.stdout);
    again.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_into_the_dark_is_recorded_before_the_run_fails_with_3() {
    let silent = RawServer::start(|_, _| Reply::Close).await;
    let repository = repository(silent.address);
    let (applied, _) = tokio::task::block_in_place(|| run(&repository, "apply", &with_secrets()));
    assert_contains(&applied.stdout, "Run this again");
    applied.expect(3);
    assert_contains(
        repository.in_origin("prod.state.jsonl"),
        "\"outcome\":\"unresolved\"",
    );
}

#[test]
fn another_sum_is_another_program() {
    let repository = repository("127.0.0.1:9");
    let mut wrong = released();
    wrong[1].1 = "0".repeat(64);
    let (planned, _) = run(&repository, "plan", &wrong);
    assert!(planned.code != Some(0), "{}", planned.stdout);
    assert!(planned.stdout.contains("FAILED"), "{}", planned.stdout);
    let (nothing, _) = run(&repository, "plan", &[]);
    assert!(nothing.code != Some(0), "{}", nothing.stdout);
}

/// Writes a program into the place of the cached one, in the repository.
fn plant(repository: &Repository) {
    let planted = repository.env.write(
        "work/.stocktake/program/bin/stocktake",
        "#!/bin/sh\necho owned; touch \"$CI_PROJECT_DIR/owned\"\n",
    );
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o755)).unwrap();
    repository.git("work", &["add", "--force", ".stocktake/program"]);
    repository.commit("Bring a program along");
}

#[test]
fn a_program_that_the_repository_brings_along_is_not_run() {
    let repository = repository("127.0.0.1:9");
    plant(&repository);
    let revision = [
        ("STOCKTAKE_GIT", "https://example.com/x.git".to_owned()),
        ("STOCKTAKE_REVISION", "0".repeat(40)),
    ];
    for program in [released(), revision.to_vec(), Vec::new()] {
        let (planned, _) = run(&repository, "plan", &program);
        assert_ne!(planned.code, Some(0), "{}", planned.shown());
        assert!(
            planned.stdout.contains("remove it there"),
            "{}",
            planned.shown()
        );
        assert!(!repository.path("run/owned").exists());
    }
}

/// The cache is restored before the scripts run.
#[test]
fn a_cached_program_with_another_sum_is_fetched_again() {
    let repository = repository("127.0.0.1:9");
    let cached = repository.env.write(
        "cached",
        "#!/bin/sh\necho owned; touch \"$CI_PROJECT_DIR/owned\"\n",
    );
    fs::set_permissions(&cached, fs::Permissions::from_mode(0o755)).unwrap();
    let (planned, _) = run_with_cache(&repository, "plan", &released(), Some(&cached));
    planned.expect(0);
    assert!(!repository.path("run/owned").exists());
    let program = fs::read(repository.path("run/.stocktake/program/bin/stocktake")).unwrap();
    assert!(program == fs::read(BINARY).unwrap());
}
