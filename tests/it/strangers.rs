//! A state that is behind pays nothing twice: what the service has already is asked for before anything
//! is sent.

use std::fs;

use serde_json::Value;
use stocktake::api::client::ListQuery;
use stocktake::api::time;

use crate::support::raw::{RawServer, Reply, accepted, answer, error};
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::{FILTERS, Run, Workspace};

const STATE: &str = "prod.state.jsonl";

/// A workspace whose target `prod` is a service beside it, with its state begun.
fn with_prod(local: &Target) -> (Workspace, Serve) {
    let env = Workspace::new()
        .target("local", local)
        .object("in/a", "a")
        .job("spring", "{ prefix: in/ }");
    let serve = Serve::start(&env);
    env.add_target("prod", &Target::at(serve.address));
    prod(&env, &["state", "init"]).expect(0);
    (env, serve)
}

fn prod(env: &Workspace, arguments: &[&str]) -> Run {
    env.run_signed(&[&["-t", "prod"], arguments].concat())
}

/// What the state knows before and after an apply that another clone makes; it is left behind.
fn behind(env: &Workspace) -> (String, String) {
    let before = env.read(STATE);
    prod(env, &["apply", "--auto-approve", "--wait"]);
    let after = env.read(STATE);
    env.write(STATE, &before);
    (before, after)
}

/// The ids of all jobs of the service.
async fn ids(serve: &Serve) -> Vec<String> {
    let listed = serve.client().list(&ListQuery::default()).await.unwrap();
    let ids = listed.iter().map(|job| job.job_id.to_string());
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_is_behind_is_stopped_before_its_first_intent() {
    let (env, serve) = with_prod(&Target::small());
    prod(&env, &["plan", "--out", "plan.json"]).expect(0);
    let (before, _) = behind(&env);
    let ids_before = ids(&serve).await;
    let [id] = ids_before.as_slice() else {
        panic!("{ids_before:?}");
    };
    let stopped = prod(&env, &["apply", "--auto-approve"]).expect(4);
    assert!(stopped.stdout.contains(id.as_str()), "{}", stopped.stdout);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("strangers_apply", stopped.shown());
        let shown = prod(&env, &["plan", "--refresh"]).expect(4);
        insta::assert_snapshot!("strangers_plan", shown.shown());
    });
    prod(&env, &["apply", "plan.json"]).expect(4);
    let json = prod(&env, &["apply", "--auto-approve", "--format", "json"]).expect(4);
    let lines = json.stdout.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line
    });
    let blocked: Vec<Value> = lines.filter(|line| line["type"] == "blocked").collect();
    assert_eq!(blocked[0]["guard"], "unknown_jobs", "{blocked:?}");
    assert_eq!(blocked[0]["job_ids"][0], id.as_str());
    assert_eq!(env.read(STATE), before, "no intent was recorded");
    assert_eq!(ids(&serve).await, ids_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_out_lead_on() {
    let (env, serve) = with_prod(&Target::small());
    let (before, after) = behind(&env);
    let id = ids(&serve).await.remove(0);
    prod(&env, &["adopt", &format!("spring={id}")]).expect(0);
    let applied = prod(&env, &["apply", "--auto-approve"]).expect(0);
    assert!(applied.stdout.contains("Nothing to submit"));
    // The other clone commits after all: what both know is one submission.
    let merged = env.read(STATE) + &after;
    env.write(STATE, &merged);
    prod(&env, &["state", "verify"]).expect(0);
    let listed = prod(&env, &["apply", "--auto-approve"]).expect(0);
    assert!(listed.stdout.contains("1 unchanged"), "{}", listed.stdout);

    env.write(STATE, &before);
    let job = "input: { prefix: in/ }, operation: { workflow_ids: w1 }";
    let with_rerun = |rerun: &str| format!("jobs: {{ spring: {{ {job}, rerun: \"{rerun}\" }} }}\n");
    env.write("jobs/spring.yaml", &with_rerun("2"));
    prod(&env, &["apply", "--auto-approve"]).expect(4);
    env.write("jobs/spring.yaml", &with_rerun(&format!("after {id}")));
    prod(&env, &["apply", "--auto-approve"]).expect(0);
    assert_eq!(ids(&serve).await.len(), 2);
}

/// The colleague has run the failed job again; so does this clone, which does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_another_clone_made_is_not_made_again_and_can_be_adopted() {
    let (env, serve) = with_prod(&Target::embedded(&["false"]));
    prod(&env, &["apply", "--auto-approve", "--wait"]).expect(7);
    let failed = env.read(STATE);
    prod(&env, &["retry", "spring", "-y", "--wait"]).expect(7);
    let shown = prod(&env, &["state", "show", "spring"]).expect(0).stdout;
    assert_eq!(shown.matches("asked for by `retry`").count(), 1, "{shown}");
    env.write(STATE, &failed);
    let stopped = prod(&env, &["retry", "spring", "-y"]).expect(4);
    let second = ids(&serve).await.remove(1);
    assert!(stopped.stdout.contains(&second), "{}", stopped.stdout);
    prod(&env, &["adopt", &format!("spring={second}")]).expect(0);
    prod(&env, &["retry", "spring", "-y", "--wait"]).expect(7);
    assert_eq!(ids(&serve).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_read_from_the_moment_that_the_state_knows() {
    let server = RawServer::start_with_jobs(|number, request| {
        let list = request.starts_with("GET ");
        Reply::Bytes(if list {
            answer("200 OK", "", "<Response></Response>")
        } else {
            accepted(&format!("b{number}"))
        })
    })
    .await;
    let env = Workspace::new().job("spring", "{ prefix: in/ }");
    env.add_target("prod", &Target::at(server.address));
    prod(&env, &["state", "init"]).expect(0);
    assert!(!env.read(STATE).contains("listed_until"));
    prod(&env, &["apply", "--auto-approve"]).expect(0);
    let state = env.read(STATE);
    let header: Value = serde_json::from_str(state.lines().next().unwrap()).unwrap();
    let until = header["listed_until"][0]["until"].as_str().unwrap();
    let until: jiff::Timestamp = until.parse().unwrap();
    env.write(
        "jobs/next.yaml",
        &fs::read_to_string(env.path().join("jobs/spring.yaml"))
            .unwrap()
            .replace("spring", "next")
            .replace("in/", "out/"),
    );
    prod(&env, &["apply", "--auto-approve"]).expect(0);
    let asked = server.requests();
    let lists: Vec<&String> = asked
        .iter()
        .filter(|request| request.starts_with("GET "))
        .collect();
    assert_eq!(lists.len(), 2, "{asked:?}");
    let asks_since = |request: &str, moment: jiff::Timestamp| {
        let moment = time::format(moment).replace(':', "%3A").replace('+', "%2B");
        request.contains(&format!("startCreationTime={moment} "))
    };
    assert!(asks_since(lists[1], until), "{until}: {}", lists[1]);
    assert!(!asks_since(lists[0], until));
    let quarter = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(90 * 24);
    let day = time::format(quarter)[..10].to_owned();
    assert!(lists[0].contains(&day), "{day}: {}", lists[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_had_lets_nothing_be_sent() {
    let server = RawServer::start_with_jobs(|_, request| {
        let list = request.starts_with("GET ");
        Reply::Bytes(if list {
            error("500 Internal Server Error", "", "InternalError")
        } else {
            accepted("b1")
        })
    })
    .await;
    let env = Workspace::new().job("spring", "{ prefix: in/ }");
    env.add_target("prod", &Target::at(server.address).set("timeout", "5s"));
    prod(&env, &["state", "init"]).expect(0);
    let before = env.read(STATE);
    let failed = prod(&env, &["apply", "--auto-approve"]).expect(1);
    assert_contains(&failed.stderr, "nothing was sent");
    assert_eq!(env.read(STATE), before);
    let posts = server
        .requests()
        .iter()
        .filter(|request| request.starts_with("POST "))
        .count();
    assert_eq!(posts, 0);
}
