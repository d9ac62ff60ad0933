//! A state that two branches of a repository went on with.

use std::process::{Command, Stdio};

use crate::support::raw::{RawServer, Reply, accepted};
use crate::support::text::assert_contains;
use crate::support::workspace::Workspace;

const STATE: &str = "test.state.jsonl";

/// Git in a workspace; false when it does not succeed.
pub fn git(env: &Workspace, arguments: &[&str]) -> bool {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
    git.args(arguments).current_dir(env.path());
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    git.stdout(Stdio::null()).stderr(Stdio::null());
    git.status().is_ok_and(|status| status.success())
}

fn job(env: &Workspace, name: &str) {
    let job = format!("input: {{ prefix: {name}/ }}, operation: {{ workflow_ids: w1 }}");
    env.write(
        &format!("jobs/{name}.yaml"),
        &format!("jobs: {{ {name}: {{ {job} }} }}\n"),
    );
}

fn run(env: &Workspace, arguments: &[&str]) -> crate::support::workspace::Run {
    let mut command = env.command(arguments);
    command
        .env("TENCENTCLOUD_SECRET_ID", "id")
        .env("TENCENTCLOUD_SECRET_KEY", "key");
    let output = command.output().unwrap();
    crate::support::workspace::Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Two branches, each of which submitted a job; then merged. `None` where there is no git.
async fn merged(attributes: &str) -> Option<(Workspace, RawServer, bool)> {
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let env = Workspace::new();
    if !git(&env, &["init", "-b", "main"]) {
        return None;
    }
    let target = format!(
        "default_target = \"test\"\n[targets.test]\nbucket = \"media-1250000000\"\n\
         region = \"ap-beijing\"\nendpoint = \"http://{}\"\n",
        server.address
    );
    env.write("stocktake.toml", &target);
    env.write(".gitignore", "*.lock\n");
    env.write(".gitattributes", attributes);
    run(&env, &["state", "init"]).expect(0);
    let submit = |name: &str| {
        job(&env, name);
        run(&env, &["apply", "--auto-approve"]).expect(0);
        assert!(git(&env, &["add", "-A"]) && git(&env, &["commit", "-m", name]));
    };
    submit("base");
    assert!(git(&env, &["branch", "other"]));
    submit("ours");
    assert!(git(&env, &["switch", "other"]));
    submit("theirs");
    assert!(git(&env, &["switch", "main"]));
    let is_clean = git(&env, &["merge", "other"]);
    Some((env, server, is_clean))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_union_of_two_branches_is_a_state() {
    let Some((env, server, is_clean)) = merged("*.state.jsonl merge=union\n").await else {
        return;
    };
    assert!(is_clean);
    run(&env, &["state", "verify"]).expect(0);
    run(&env, &["plan", "--detailed-exitcode"]).expect(0);
    run(&env, &["apply", "--auto-approve"]).expect(0);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn conflict_markers_are_an_error_until_they_are_removed() {
    let Some((env, server, is_clean)) = merged("").await else {
        return;
    };
    assert!(!is_clean);
    let refused = run(&env, &["apply", "--auto-approve"]).expect(1);
    assert_contains(&refused.stderr, "git conflict");
    let state = env.read("test.state.jsonl");
    let is_line = |line: &&str| line.starts_with('{');
    let lines: Vec<&str> = state.lines().filter(is_line).collect();
    env.write("test.state.jsonl", &format!("{}\n", lines.join("\n")));
    run(&env, &["plan", "--detailed-exitcode"]).expect(0);
    assert_eq!(server.requests().len(), 3);
}

/// Both branches submitted the same work: a person says which job counts.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_jobs_that_did_the_same_a_person_keeps_one() {
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let env = Workspace::new();
    let target = format!(
        "default_target = \"test\"\n[targets.test]\nbucket = \"media-1250000000\"\n\
         region = \"ap-beijing\"\nendpoint = \"http://{}\"\n",
        server.address
    );
    env.write("stocktake.toml", &target);
    job(&env, "same");
    run(&env, &["state", "init"]).expect(0);
    let begun = env.read(STATE);
    run(&env, &["apply", "--auto-approve"]).expect(0);
    let ours = env.read(STATE);
    env.write(STATE, &begun);
    run(&env, &["apply", "--auto-approve"]).expect(0);
    let merged = ours + &env.read(STATE);
    env.write(STATE, &merged);
    let refused = run(&env, &["plan"]).expect(1);
    for word in ["b0", "b1", "resolve KEY --keep JOBID"] {
        let said: Vec<&str> = refused.stderr.split_whitespace().collect();
        assert!(said.join(" ").contains(word), "{}", refused.stderr);
    }
    for wrong in [["other", "b1"], ["same", "b7"]] {
        run(&env, &["resolve", wrong[0], "--keep", wrong[1]]).expect(1);
        assert_eq!(env.read(STATE), merged);
    }
    let kept = run(&env, &["resolve", "same", "--keep", "b1"]).expect(0);
    assert_contains(&kept.stdout, "job b0 counts no longer");
    run(&env, &["state", "verify"]).expect(0);
    let listed = run(&env, &["state", "list"]).expect(0);
    assert!(listed.stdout.contains("b1") && !listed.stdout.contains("b0"));
    run(&env, &["plan", "--detailed-exitcode"]).expect(0);
    // The other branch may come once more.
    env.write(STATE, &(env.read(STATE) + &merged));
    run(&env, &["plan", "--detailed-exitcode"]).expect(0);
}
