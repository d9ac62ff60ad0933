//! The workflow and the action for GitHub.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::repository::{Cloud, Repository};
use super::runner::{Ended, Runner, binary};
use crate::support::raw::{RawServer, Reply, answer};
use crate::support::text::assert_contains;
use crate::support::workspace::{BINARY, CREDENTIALS, Run, jobs};

/// Text that tries to be a workflow command wherever it appears.
const HOSTILE: &str = "    description: \"x\\n::error::owned\\n::set-output name=a::b\"\n";

fn repository(endpoint: impl Display) -> Repository {
    Repository::new(endpoint, &["--ci", "github"])
}

fn add_job(repository: &Repository, key: &str) {
    let text = jobs([(key, &*format!("{{ prefix: in/{key} }}"))]) + HOSTILE;
    repository
        .env
        .write(&format!("work/jobs/{key}.yaml"), &text);
}

fn push_runner(repository: &Repository) -> Runner<'_> {
    Runner {
        repository,
        github: json!({
            "event_name": "push", "ref": "refs/heads/main", "ref_name": "main",
            "repository": "ada/media", "actor": "ada",
        }),
        secrets: BTreeMap::from(CREDENTIALS),
        inputs: binary(),
        before: ("", &|| {}),
    }
}

fn request_runner<'a>(repository: &'a Repository, api: &RawServer, head: &str) -> Runner<'a> {
    Runner {
        github: json!({
            "event_name": "pull_request", "ref": "refs/pull/7/merge", "ref_name": "7/merge",
            "head_ref": "change", "repository": "ada/media", "actor": "ada", "token": "canary-token",
            "api_url": format!("http://{}", api.address),
            "event": { "pull_request": { "number": 7, "head": { "repo": { "full_name": head } } } },
        }),
        // A request sees none.
        secrets: BTreeMap::new(),
        ..push_runner(repository)
    }
}

/// The part of GitHub that keeps the comments of a request: full pages first, then ours.
async fn api(comments: Arc<Mutex<Vec<String>>>) -> RawServer {
    RawServer::start(move |_, request| {
        let mut comments = comments.lock().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let posted = || {
            let body: Value = serde_json::from_str(body).unwrap();
            body["body"].as_str().unwrap().to_owned()
        };
        let line = head.lines().next().unwrap();
        let answered = if line.starts_with("GET ") && line.contains("&page=1 ") {
            let other = json!({ "id": 1, "user": { "type": "User" }, "body": "<!-- stocktake plan prod -->" });
            Value::Array(vec![other; 100])
        } else if line.starts_with("GET ") {
            let one = |(index, body): (usize, &String)| {
                json!({ "id": 100 + index, "user": { "type": "Bot" }, "body": body })
            };
            comments.iter().enumerate().map(one).collect()
        } else if line.starts_with("PATCH /repos/ada/media/issues/comments/100 ") {
            comments[0] = posted();
            json!({})
        } else if line.starts_with("POST /repos/ada/media/issues/7/comments ") {
            comments.push(posted());
            json!({})
        } else {
            return Reply::Bytes(answer("404 Not Found", "", "{}"));
        };
        Reply::Bytes(answer("200 OK", "", &answered.to_string()))
    })
    .await
}

fn run(runner: &Runner<'_>, job: &str) -> Ended {
    tokio::task::block_in_place(|| runner.run(job))
}

#[track_caller]
fn expect(ended: &Ended, success: bool, exit_code: &str) {
    assert_eq!(ended.success, success, "{}", ended.log);
    assert_eq!(
        ended.outputs["end"]["exit-code"], exit_code,
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("canary"), "{}", ended.log);
    let owned = ended.commands.iter().any(|line| line.contains("owned"));
    assert!(!owned, "{:?}", ended.commands);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_one_comment_that_follows_its_plan() {
    let comments = Arc::default();
    let api = api(Arc::clone(&comments)).await;
    let repository = repository("127.0.0.1:9");
    repository.git("work", &["checkout", "--quiet", "-b", "change"]);
    add_job(&repository, "a");
    repository.commit("Add a");
    let runner = request_runner(&repository, &api, "ada/media");
    let ended = run(&runner, "plan");
    expect(&ended, true, "2");
    assert_eq!(ended.outputs["plan"]["has-changes"], "true");
    assert_contains(&ended.summary, "1 job to submit to");
    add_job(&repository, "b");
    repository.commit("Add b");
    expect(&run(&runner, "plan"), true, "2");
    let comments = comments.lock().unwrap();
    let [comment] = &comments[..] else {
        panic!("{comments:?}");
    };
    assert!(
        comment.starts_with("<!-- stocktake plan prod -->\n"),
        "{comment}"
    );
    assert!(comment.contains("2 jobs to submit to"), "{comment}");
    // Neither the token nor the text was ever an argument, and the token is where it belongs.
    let requests = api.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.contains("Bearer canary-token"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_from_a_fork_gets_a_summary_and_no_comment() {
    let api = api(Arc::default()).await;
    let repository = repository("127.0.0.1:9");
    repository.git("work", &["checkout", "--quiet", "-b", "change"]);
    add_job(&repository, "a");
    repository.commit("Add a");
    let ended = run(&request_runner(&repository, &api, "eve/media"), "plan");
    expect(&ended, true, "2");
    assert!(ended.summary.contains("1 job to submit to"));
    assert_eq!(api.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_become_annotations_and_a_blocked_plan_fails_the_check() {
    let api = api(Arc::default()).await;
    let repository = repository("127.0.0.1:9");
    repository.git("work", &["checkout", "--quiet", "-b", "change"]);
    repository.env.write(
        "work/jobs/a.yaml",
        "jobs:\n  a:\n    inptu: { prefix: x }\n",
    );
    repository.commit("Misspell");
    let runner = request_runner(&repository, &api, "ada/media");
    let ended = run(&runner, "plan");
    expect(&ended, false, "1");
    let annotation = |line: &String| line.starts_with("::error file=jobs/a.yaml,line=3");
    assert!(
        ended.commands.iter().any(annotation),
        "{:?}",
        ended.commands
    );

    let both = jobs([("a", "{ prefix: in/ }"), ("b", "{ prefix: in/a }")]);
    repository.env.write("work/jobs/a.yaml", &both);
    repository.commit("Cover objects twice");
    let ended = run(&runner, "plan");
    expect(&ended, false, "4");
    assert!(ended.summary.contains("Blocked"), "{}", ended.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_main_is_submitted_once_and_recorded_in_the_repository() {
    let cloud = Cloud::start();
    let repository = repository(&cloud.serve.address);
    add_job(&repository, "a");
    repository.commit("Add a");
    let runner = push_runner(&repository);
    let ended = run(&runner, "apply");
    expect(&ended, true, "0");
    assert!(ended.log.contains("1 submitted"), "{}", ended.log);
    assert_contains(
        repository.in_origin("prod.state.jsonl"),
        "\"outcome\":\"accepted\"",
    );
    let subject = repository.git("origin.git", &["log", "-1", "--format=%an: %s", "main"]);
    assert_eq!(
        subject,
        "github-actions[bot]: Record what was submitted [skip ci]\n"
    );
    let again = run(&runner, "apply");
    expect(&again, true, "0");
    assert_contains(&again.log, "nothing new is recorded");
    assert!(!again.log.contains("1 submitted"), "{}", again.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_pushes_in_between_loses_nothing_and_stops_nothing() {
    let cloud = Cloud::start();
    let repository = repository(&cloud.serve.address);
    add_job(&repository, "a");
    repository.commit("Add a");
    // Another machine submits and records another job after ours was checked out.
    let other = || {
        add_job(&repository, "b");
        fs::remove_file(repository.path("work/jobs/a.yaml")).unwrap();
        repository
            .run("work", &["apply", "--auto-approve"])
            .expect(0);
        repository.commit("Add b, remove a");
    };
    let runner = Runner {
        before: ("Commit the state", &other),
        ..push_runner(&repository)
    };
    let ended = run(&runner, "apply");
    expect(&ended, true, "0");
    let state = repository.in_origin("prod.state.jsonl");
    for key in ["\"key\":\"a\"", "\"key\":\"b\""] {
        assert!(state.contains(key), "{state}");
    }
    repository.git("work", &["pull", "--quiet", "--rebase"]);
    repository.run("work", &["state", "verify"]).expect(0);
    repository
        .run("work", &["plan", "--detailed-exitcode"])
        .expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_into_the_dark_is_recorded_before_the_run_fails_with_3() {
    let silent = RawServer::start(|_, _| Reply::Close).await;
    let repository = repository(silent.address);
    add_job(&repository, "a");
    repository.commit("Add a");
    let ended = run(&push_runner(&repository), "apply");
    expect(&ended, false, "3");
    assert_contains(
        repository.in_origin("prod.state.jsonl"),
        "\"outcome\":\"unresolved\"",
    );
    let hint = ended.commands.last().unwrap();
    assert!(hint.contains("run this again"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_job_fails_the_run_after_the_state_is_pushed() {
    let cloud = Cloud::start();
    let repository = repository(&cloud.serve.address);
    add_job(&repository, "a");
    let unknown = jobs([("b", "{ prefix: in/b }")]).replace("w1", "w2");
    repository.env.write("work/jobs/b.yaml", &unknown);
    repository.commit("Add a and b");
    let ended = run(&push_runner(&repository), "apply");
    expect(&ended, false, "1");
    let state = repository.in_origin("prod.state.jsonl");
    assert!(state.contains("\"outcome\":\"accepted\""), "{state}");
    assert!(state.contains("\"outcome\":\"rejected\""), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_pushed_is_kept_and_said() {
    let cloud = Cloud::start();
    let repository = repository(&cloud.serve.address);
    add_job(&repository, "a");
    repository.commit("Add a");
    let hook = repository
        .env
        .write("origin.git/hooks/pre-receive", "#!/bin/sh\nexit 1\n");
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    let ended = run(&push_runner(&repository), "apply");
    expect(&ended, false, "0");
    let [kept] = &ended.artifacts[..] else {
        panic!("{}", ended.log);
    };
    let kept = fs::read_to_string(kept).unwrap();
    assert!(kept.contains("\"outcome\":\"accepted\""), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_outside_git_stops_the_run_before_anything_is_sent() {
    let cloud = Cloud::start();
    let repository = repository(&cloud.serve.address);
    add_job(&repository, "a");
    repository.env.write("work/.gitignore", "*.state.jsonl\n");
    repository.git("work", &["rm", "--quiet", "--cached", "prod.state.jsonl"]);
    repository.commit("Forget the state");
    let ended = run(&push_runner(&repository), "apply");
    expect(&ended, false, "1");
    assert!(ended.log.contains("nothing was sent"), "{}", ended.log);
    assert!(!ended.log.contains("submitted"), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_binary_is_taken_only_with_its_sum() {
    let repository = repository("127.0.0.1:9");
    repository.git("work", &["checkout", "--quiet", "-b", "change"]);
    add_job(&repository, "a");
    repository.commit("Add a");
    let api = api(Arc::default()).await;
    let sum = std::process::Command::new("sha256sum")
        .arg(BINARY)
        .output()
        .unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    let with = |sum: String| Runner {
        inputs: BTreeMap::from([("url", format!("file://{BINARY}")), ("sha256", sum)]),
        ..request_runner(&repository, &api, "eve/media")
    };
    let wrong = run(&with("0".repeat(64)), "plan");
    expect(&wrong, false, "1");
    assert!(wrong.log.contains("FAILED"), "{}", wrong.log);
    let right = run(&with(sum.clone()), "plan");
    expect(&right, true, "2");
    // What is in the cache by now is another program.
    let cache = repository.path(".cache/stocktake");
    let mut planted = 0;
    for entry in fs::read_dir(cache).unwrap() {
        let program = entry.unwrap().path().join("bin/stocktake");
        // The wrong sum has left no program.
        if fs::remove_file(&program).is_err() {
            continue;
        }
        fs::write(&program, "#!/bin/sh\necho ::error::owned\n").unwrap();
        fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
        planted += 1;
    }
    assert_eq!(planted, 1);
    let again = run(&with(sum), "plan");
    expect(&again, true, "2");
    assert!(again.log.contains("fetched again"), "{}", again.log);
    let none = Runner {
        inputs: BTreeMap::from([("git", "https://example.com/x".to_owned())]),
        ..request_runner(&repository, &api, "eve/media")
    };
    let none = run(&none, "plan");
    assert!(
        none.commands[0].contains("git needs revision"),
        "{:?}",
        none.commands
    );
}

/// The action in the project's own repository takes the release of its version.
#[tokio::test(flavor = "multi_thread")]
async fn the_release_of_the_version_of_the_action_is_taken_only_with_its_sum() {
    let repository = repository("127.0.0.1:9");
    repository.git("work", &["checkout", "--quiet", "-b", "change"]);
    add_job(&repository, "a");
    let action = "work/.github/actions/stocktake";
    let file = |path: &str, text: &str| repository.env.write(path, text);
    file(
        &format!("{action}/Cargo.toml"),
        "[package]\nversion = \"9.8.7\"\n",
    );
    file(&format!("{action}/Cargo.lock"), "");
    file(&format!("{action}/src/main.rs"), "");
    repository.commit("Add a");
    let script = format!("#!/bin/sh\nexec {BINARY} \"$@\"\n");
    let machine = std::env::consts::ARCH;
    let name = format!("stocktake-9.8.7-{machine}-unknown-linux-gnu");
    let program = file(&format!("{name}/stocktake"), &script);
    fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
    let releases = "host/ada/stocktake/releases/download/v9.8.7";
    fs::create_dir_all(repository.path(releases)).unwrap();
    let pack = format!(
        "tar czf {releases}/{name}.tar.gz {name}; cd {releases}; sha256sum *.tar.gz > SHA256SUMS"
    );
    Run::of(repository.env.command_of("sh").args(["-c", &pack])).expect(0);
    let api = api(Arc::default()).await;
    let runner = || {
        let mut runner = request_runner(&repository, &api, "eve/media");
        let host = repository.path("host");
        let path = repository.path("run/work/.github/actions/stocktake");
        runner.github["server_url"] = format!("file://{}", host.display()).into();
        runner.github["action_repository"] = "ada/stocktake".into();
        runner.github["action_path"] = path.to_str().unwrap().into();
        runner.inputs.remove("binary");
        runner
    };
    let sums = format!("{releases}/SHA256SUMS");
    let right = repository.env.read(&sums);
    file(&sums, &format!("{}  {name}.tar.gz\n", "0".repeat(64)));
    let wrong = run(&runner(), "plan");
    expect(&wrong, false, "1");
    assert!(wrong.log.contains("FAILED"), "{}", wrong.log);
    file(&sums, &right);
    expect(&run(&runner(), "plan"), true, "2");
}
