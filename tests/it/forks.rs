//! What a request from outside may not decide: where signed calls go, and which files are shown.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::raw::{RawServer, Reply, error};
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::{CREDENTIALS, Run, Workspace, jobs};

const SECRET: &str = "canary-of-a-secret";

fn workspace() -> Workspace {
    let env = Workspace::small();
    env.write("jobs/a.yaml", &jobs([("a", "{ prefix: a/ }")]));
    env
}

/// Validates and plans; both have to fail without showing the secret.
fn refused(env: &Workspace, code: &str) {
    for arguments in [
        &["validate"][..],
        &["validate", "--format", "json"],
        &["plan"],
    ] {
        let run = env.run(arguments).expect(1);
        let output = run.stdout + &run.stderr;
        assert!(output.contains(code), "{arguments:?}: {output}");
        assert!(!output.contains(SECRET), "{arguments:?}: {output}");
    }
}

#[test]
fn a_workspace_file_that_links_out_of_the_workspace_is_not_shown() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), format!("secretKey = {SECRET} x")).unwrap();
    let env = workspace();
    let file = env.path().join("stocktake.toml");
    fs::remove_file(&file).unwrap();
    symlink(outside.path(), &file).unwrap();
    refused(&env, "link-leaves-workspace");
}

#[test]
fn links_into_hidden_folders_are_not_shown() {
    let env = workspace();
    env.write(".git/config", &format!("token = {SECRET}"));
    symlink("../.git/config", env.path().join("jobs/leak.yaml")).unwrap();
    refused(&env, "link-to-hidden");
}

#[test]
fn a_folder_of_jobs_that_links_outside_is_not_read() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.yaml"), format!("jobs: {SECRET}")).unwrap();
    let env = workspace();
    fs::remove_dir_all(env.path().join("jobs")).unwrap();
    symlink(outside.path(), env.path().join("jobs")).unwrap();
    refused(&env, "link-leaves-workspace");
}

#[test]
fn a_link_to_a_visible_file_of_the_workspace_is_followed() {
    let env = workspace();
    env.write("shared/b.yaml", &jobs([("b", "{ prefix: b/ }")]));
    symlink("../shared/b.yaml", env.path().join("jobs/b.yaml")).unwrap();
    let run = env.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("2 jobs to submit"), "{}", run.stdout);
}

#[test]
fn pipes_and_devices_are_refused_at_once() {
    let env = workspace();
    let pipe = env.path().join("jobs/pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    symlink("pipe", env.path().join("jobs/b.yaml")).unwrap();
    env.run(&["validate"]).expect(0);
    let file = env.path().join("stocktake.toml");
    fs::remove_file(&file).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    let run = env.run(&["validate"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let env = workspace();
    let mut command = env.command(&["plan"]);
    let run = Run::of(command.env("STOCKTAKE_STATE", "/dev/zero")).expect(1);
    assert_contains(&run.stderr, "a device, not a file");
}

#[test]
fn only_the_environment_names_a_state_outside_the_workspace() {
    for state in ["/tmp/elsewhere.jsonl", "../elsewhere.jsonl"] {
        let env = workspace();
        env.set_target(&Target::small().set("state", state));
        let run = env.run(&["plan"]).expect(1);
        assert!(run.stderr.contains("STOCKTAKE_STATE"), "{}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_automation_signed_calls_go_where_the_environment_allows() {
    let reply = Reply::Bytes(error("403 Forbidden", "", "AccessDenied"));
    let server = RawServer::start(move |_, _| reply.clone()).await;
    let address = server.address.to_string();
    let env = Workspace::new().target("prod", &Target::at(&address));
    env.write("jobs/a.yaml", &jobs([("a", "{ prefix: a/ }")]));
    env.run(&["-t", "prod", "state", "init"]).expect(0);
    let estimate = |allowed: &str| {
        let mut command = env.command(&["-t", "prod", "plan", "--estimate"]);
        command.envs(CREDENTIALS).env("CI", "true");
        Run::of(command.env("STOCKTAKE_ALLOWED_HOSTS", allowed))
    };
    for allowed in ["", "other-1250000000", "demo-1250000000", &address] {
        let run = estimate(allowed);
        let output = run.stdout + &run.stderr;
        assert!(
            output.contains("STOCKTAKE_ALLOWED_HOSTS"),
            "{allowed}: {output}"
        );
        assert!(server.requests().is_empty(), "{allowed}");
    }
    let run = estimate(&format!("demo-1250000000,{address}"));
    let first = run.stderr.lines().next().unwrap_or_default();
    assert!(first.contains(&address), "{}", run.stderr);
    assert!(!server.requests().is_empty(), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_bucket_needs_consent_of_its_own() {
    let reply = Reply::Bytes(error("403 Forbidden", "", "AccessDenied"));
    let server = RawServer::start(move |_, _| reply.clone()).await;
    let env = Workspace::new().target("prod", &Target::at(server.address));
    let job = |key: &str, bucket: &str| {
        format!(
            "  {key}:\n    bucket: {bucket}\n    input: {{ prefix: {key}/ }}\n    \
             operation: {{ workflow_ids: w1 }}\n"
        )
    };
    let two = job("a", "demo-1250000000") + &job("b", "payroll-1250000000");
    env.write("jobs/a.yaml", &format!("jobs:\n{two}"));
    env.run(&["-t", "prod", "state", "init"]).expect(0);
    let allowed = format!("demo-1250000000,{}", server.address);
    let run = |arguments: &[&str]| {
        let mut command = env.command(&["-t", "prod"]);
        command.args(arguments).envs(CREDENTIALS).env("CI", "true");
        Run::of(command.env("STOCKTAKE_ALLOWED_HOSTS", &allowed))
    };
    let hosts = || server.requests().join("\n").contains("payroll");
    let applied = run(&["apply", "--auto-approve"]).expect(1);
    let help = "STOCKTAKE_ALLOWED_HOSTS=payroll-1250000000";
    assert!(applied.stderr.contains(help), "{}", applied.stderr);
    assert!(server.requests().is_empty(), "nothing is sent for either");
    run(&["plan", "--estimate"]);
    run(&["adopt"]).expect(1);
    let doctor = run(&["doctor"]).expect(1);
    assert!(doctor.stdout.contains(help), "{}", doctor.stdout);
    assert!(!hosts(), "{:?}", server.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_for_the_same_consent() {
    let reply = Reply::Bytes(error("403 Forbidden", "", "AccessDenied"));
    let server = RawServer::start(move |_, _| reply.clone()).await;
    let env = Workspace::new().target("prod", &Target::at(server.address));
    env.write("jobs/a.yaml", &jobs([("a", "{ prefix: a/ }")]));
    env.run(&["-t", "prod", "state", "init"]).expect(0);
    let doctor = |allowed: &str| {
        let mut command = env.command(&["-t", "prod", "doctor"]);
        command.envs(CREDENTIALS).env("CI", "true");
        Run::of(command.env("STOCKTAKE_ALLOWED_HOSTS", allowed)).expect(1)
    };
    let address = server.address.to_string();
    for allowed in ["", "demo-1250000000", &address] {
        let run = doctor(allowed);
        assert_contains(&run.stdout, "STOCKTAKE_ALLOWED_HOSTS=");
        assert!(server.requests().is_empty(), "{allowed}");
    }
    doctor(&format!("demo-1250000000,{address}"));
    assert!(!server.requests().is_empty());
}

#[test]
fn an_estimate_shows_no_word_of_what_objects_hold() {
    let env = Workspace::small();
    let canary = "alice-SALARY-90000";
    let manifests = [
        format!("{canary},{canary}"),
        format!("\"{canary}\""),
        format!("{{\"{canary}\": 1, \"fileFormat\": \"CSV\"}}"),
        format!("{{\"fileFormat\": \"{canary}\", \"fileSchema\": \"Key\", \"files\": []}}"),
        format!("{{\"fileFormat\": \"CSV\", \"fileSchema\": \"{canary}\", \"files\": []}}"),
        format!("{{\"fileFormat\": \"CSV\", \"fileSchema\": \"Key\", \"files\": \"{canary}\"}}"),
        format!(
            "{{\"sourceAppid\": \"1\", \"sourceBucket\": \"{canary}\", \"fileFormat\": \"CSV\", \
             \"fileSchema\": \"Key\", \"files\": []}}"
        ),
        format!(
            "{{\"fileFormat\": \"CSV\", \"fileSchema\": \"Key\", \"files\": \
             [{{\"key\": \"{canary}\"}}, {{\"key\": \"{canary}\"}}]}}"
        ),
        format!(
            "{{\"fileFormat\": \"CSV\", \"fileSchema\": \"Key\", \"files\": [{{\"key\": \"{canary}\"}}]}}"
        ),
        "{\"fileFormat\": \"CSV\", \"fileSchema\": \"Key\", \"files\": [{\"key\": \"payroll\"}]}"
            .to_owned(),
    ];
    env.write("bucket/payroll", &format!("{canary}\n{canary},{canary}\n"));
    for (number, text) in manifests.iter().enumerate() {
        env.write(&format!("bucket/{number}.json"), text);
        let input = format!("{{ manifest: {number}.json }}");
        env.write(
            &format!("jobs/{number}.yaml"),
            &jobs([(&*format!("m{number}"), &*input)]),
        );
    }
    env.write("jobs/list.yaml", &jobs([("list", "{ url_file: payroll }")]));
    for form in ["human", "json", "markdown", "gitlab"] {
        let run = env
            .run(&["plan", "--all", "--estimate", "--format", form])
            .expect(1);
        let output = run.stdout + &run.stderr;
        assert!(!output.contains("SALARY"), "{form}: {output}");
    }
    let json = env
        .run(&["plan", "--estimate", "--format", "json"])
        .expect(1)
        .stdout;
    assert_eq!(
        json.matches("\"problem\"").count(),
        manifests.len() + 1,
        "{json}"
    );
}
