//! Temporary credentials that end in the middle of an apply.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::cloud::{self, OIDC_TOKEN, issue, refusal, token_holds};
use crate::support::raw::{RawServer, Reply, accepted, answer, error, header};
use crate::support::target::Target;
use crate::support::workspace::{Run, Workspace, jobs};

const JOBS: usize = 200;

/// A service that takes every job whose token holds.
async fn service() -> RawServer {
    let taken = Arc::new(AtomicUsize::new(0));
    RawServer::start(move |_, request| {
        if !token_holds(request) {
            return Reply::Bytes(error("403 Forbidden", "", "ExpiredToken"));
        }
        let number = taken.fetch_add(1, Ordering::SeqCst);
        Reply::Bytes(accepted(&format!("b{number}")))
    })
    .await
}

fn workspace(service: &RawServer) -> Workspace {
    let target = super::with_role(Target::at(service.address));
    let target = target.set("rate", 40).set("max_submissions", 1000);
    let workspace = Workspace::new().target("far", &target);
    let inputs: Vec<(String, String)> = (0..JOBS)
        .map(|number| {
            (
                format!("job-{number:03}"),
                format!("{{ prefix: in-{number:03}/ }}"),
            )
        })
        .collect();
    let pairs = inputs
        .iter()
        .map(|(key, input)| (key.as_str(), input.as_str()));
    workspace.write("jobs/all.yaml", &jobs(pairs));
    workspace.run(&["-t", "far", "state", "init"]).expect(0);
    workspace
}

fn apply(workspace: &Workspace, sts: &RawServer) -> Run {
    let mut command = workspace.command(&["-v", "-t", "far", "apply", "--auto-approve"]);
    command
        .env("STOCKTAKE_ID_TOKEN", OIDC_TOKEN)
        .env("STOCKTAKE_STS_ENDPOINT", format!("http://{}", sts.address));
    tokio::task::block_in_place(|| Run::of(&mut command))
}

/// The names of the jobs that were asked for, each once.
fn submitted(service: &RawServer) -> BTreeSet<String> {
    let requests = service.requests();
    let names = requests
        .iter()
        .filter(|request| request.starts_with("POST "));
    let names: Vec<String> = names
        .map(|request| {
            let (_, rest) = request.split_once("<Name>").unwrap();
            rest.split_once("</Name>").unwrap().0.to_owned()
        })
        .collect();
    let once: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(once.len(), names.len(), "a job was asked for twice");
    once
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_jobs_while_credentials_end_three_times() {
    let service = service().await;
    let workspace = workspace(&service);
    let sts = cloud::sts(Duration::from_millis(1500)).await;
    let run = apply(&workspace, &sts).expect(0);
    assert!(run.stdout.contains("200 submitted"), "{}", run.stdout);
    assert!(sts.requests().len() > 3, "{}", sts.requests().len());
    assert_eq!(submitted(&service).len(), JOBS);
    assert!(!run.stderr.contains("canary"));
    assert!(!workspace.read("far.state.jsonl").contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_stops_new_submissions_and_forgets_nothing() {
    let service = service().await;
    let workspace = workspace(&service);
    let lifetime = Duration::from_secs(2);
    let sts = cloud::sts_with(move |number, request| match number {
        0 => issue(request, lifetime),
        _ => refusal("AuthFailure", "canary.oidc.token is not taken any more"),
    })
    .await;
    let run = apply(&workspace, &sts).expect(1);
    let said = "the credentials have ended and cannot be renewed";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
    let first = submitted(&service).len();
    assert!((1..JOBS).contains(&first), "{first}");
    let state = workspace.read("far.state.jsonl");
    assert!(!state.contains("canary"));
    let listed = workspace.run(&["-t", "far", "state", "list"]).expect(0);
    assert_eq!(
        listed.stdout.matches("Submitted").count(),
        first,
        "{}",
        listed.stdout
    );

    let sts = cloud::sts(Duration::from_hours(2)).await;
    apply(&workspace, &sts).expect(0);
    assert_eq!(submitted(&service).len(), JOBS);
}

/// What STS said of the lifetime does not count against the service's word: a role that is taken back, or
/// a clock that is off.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_the_service_calls_ended_are_renewed_at_once() {
    let (tokens, taken) = (Arc::new(Mutex::new(Vec::new())), AtomicUsize::new(0));
    let taken = Arc::new(taken);
    let service = RawServer::start_with_jobs(move |_, request| {
        let presented = header(request, "x-ci-security-token").unwrap();
        let mut tokens = tokens.lock().unwrap();
        if !tokens.contains(&presented) {
            tokens.push(presented.clone());
        }
        let number = tokens.iter().position(|known| *known == presented).unwrap();
        let is_read = request.starts_with("GET ");
        // Reads take the second token, submissions the third.
        if number < if is_read { 1 } else { 2 } {
            return Reply::Bytes(error("403 Forbidden", "", "ExpiredToken"));
        }
        if is_read {
            return Reply::Bytes(answer("200 OK", "", "<Response></Response>"));
        }
        let number = taken.fetch_add(1, Ordering::SeqCst);
        Reply::Bytes(accepted(&format!("b{number}")))
    })
    .await;
    let target = super::with_role(Target::at(service.address));
    let workspace = Workspace::new().target("far", &target);
    let pairs: Vec<String> = (0..20).map(|number| format!("job-{number:02}")).collect();
    let inputs: Vec<String> = pairs
        .iter()
        .map(|key| format!("{{ prefix: {key}/ }}"))
        .collect();
    let pairs = pairs
        .iter()
        .map(String::as_str)
        .zip(inputs.iter().map(String::as_str));
    workspace.write("jobs/all.yaml", &jobs(pairs));
    workspace.run(&["-t", "far", "state", "init"]).expect(0);
    let sts = cloud::sts(Duration::from_hours(2)).await;
    let run = apply(&workspace, &sts).expect(0);
    assert!(run.stdout.contains("20 submitted"), "{}", run.stdout);
    assert_eq!(sts.requests().len(), 3, "one for each token");
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
}
