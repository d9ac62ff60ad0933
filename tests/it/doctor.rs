//! `doctor` against a real service with each fault: the check that fails, and its remedy.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HOST};
use serde_json::Value;
use stocktake::api::credentials::Credentials;
use stocktake::api::signature::{KeyTime, SignedRequest};

use crate::support::cloud;
use crate::support::raw::{RawServer, Reply, answer};
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, PROJECT, Run, Workspace};

/// A workspace whose target `far` is a `serve` process with these faults.
fn far(faults: &str) -> (Workspace, Serve) {
    let workspace = Workspace::small().job("all", "{ prefix: video/ }");
    workspace.write("faults.toml", faults);
    let serve = Serve::start_with(&workspace, &["--faults", "faults.toml"]);
    workspace.add_target("far", &Target::at(serve.address));
    workspace.run(&["-t", "far", "state", "init"]).expect(0);
    (workspace, serve)
}

fn refuse(method: &str, path: &str, status: u16, code: &str) -> String {
    format!(
        "[[faults]]\nmethod = '{method}'\npath = '{path}'\nevery = 1\nfault = 'refuse'\n\
         status = {status}\ncode = '{code}'\n"
    )
}

/// The checks of the target `far`, which hold against the schema.
fn examined(workspace: &Workspace, variables: &[(&str, &str)], exit: i32) -> Vec<Value> {
    let mut command = workspace.command(&["-t", "far", "doctor", "--format", "json"]);
    let run = Run::of(command.envs(variables.iter().copied())).expect(exit);
    assert!(!run.stdout.contains("canary"), "{}", run.stdout);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema = Path::new(PROJECT).join("schema/doctor.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    jsonschema::validate(&schema, &document).unwrap();
    document["targets"][0]["checks"].as_array().unwrap().clone()
}

#[track_caller]
fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {checks:#?}"))
}

#[track_caller]
fn outcome(checks: &[Value], name: &str, outcome: &str, remedy: &str) {
    let check = check(checks, name);
    assert_eq!(check["outcome"], outcome, "{check:#}");
    let said = check["remedy"].as_str().unwrap_or_default();
    assert!(said.contains(remedy), "no `{remedy}` in {check:#}");
}

#[test]
fn a_target_that_is_ready_has_no_remedy_and_nothing_is_changed() {
    let (workspace, serve) = far("");
    let before = workspace.read("far.state.jsonl");
    let checks = examined(&workspace, &CREDENTIALS, 0);
    let names: Vec<&str> = checks
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    let expected = [
        "job-files",
        "state",
        "credentials",
        "name-resolution",
        "keys",
        "clock",
        "media-bucket",
        "picture-bucket",
        "queue",
        "role",
        "workflow",
        "input",
    ];
    assert_eq!(names, expected);
    for check in &checks {
        assert_eq!(check["outcome"], "ok", "{check:#}");
    }
    assert_eq!(workspace.read("far.state.jsonl"), before);
    let log = serve.log().concat();
    assert!(!log.contains("POST"), "{log}");
    let listed = workspace.run_signed(&["-t", "far", "adopt"]).expect(0);
    assert!(!listed.stdout.contains("all"), "{}", listed.stdout);
}

#[test]
fn each_fault_of_the_service_is_named_with_its_remedy() {
    let policy = r#""resource":["qcs::ci:ap-beijing:uid/1250000000:bucket/demo-1250000000/*"]"#;
    let jobs = "/inventorytriggerjob";
    let table = [
        (
            "GET",
            "/mediabucket",
            400,
            "MediaBucketUnBinded",
            "media-bucket",
            "failed",
            "POST /mediabucket",
        ),
        (
            "GET",
            "/picbucket",
            400,
            "PicBucketUnBinded",
            "picture-bucket",
            "warning",
            "POST /picbucket",
        ),
        (
            "GET",
            "/queue",
            400,
            "CIRoleNotExist",
            "role",
            "failed",
            "CI_QCSRole",
        ),
        (
            "GET",
            "/queue",
            401,
            "AccessDenied",
            "role",
            "failed",
            "QcloudCOSDataFullControl",
        ),
        ("GET", jobs, 403, "AccessDenied", "keys", "failed", policy),
        (
            "GET",
            jobs,
            403,
            "InvalidAccessKeyId",
            "keys",
            "failed",
            "cam/capi",
        ),
        (
            "GET",
            jobs,
            403,
            "RequestTimeTooSkewed",
            "keys",
            "failed",
            "timedatectl",
        ),
        (
            "GET",
            "/workflow",
            403,
            "AccessDenied",
            "workflow",
            "failed",
            policy,
        ),
        (
            "GET",
            "/queue",
            402,
            "PaymentRequired",
            "queue",
            "failed",
            "arrears",
        ),
    ];
    for (method, path, status, code, name, expected, remedy) in table {
        let (workspace, _serve) = far(&refuse(method, path, status, code));
        let exit = i32::from(expected == "failed");
        let checks = examined(&workspace, &CREDENTIALS, exit);
        outcome(&checks, name, expected, remedy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_holds_everything() {
    let (workspace, serve) = far("");
    set_queue(&serve, "Paused").await;
    let checks = tokio::task::block_in_place(|| examined(&workspace, &CREDENTIALS, 1));
    outcome(&checks, "queue", "failed", "<State>Active</State>");
    set_queue(&serve, "Active").await;
    tokio::task::block_in_place(|| examined(&workspace, &CREDENTIALS, 0));
}

async fn set_queue(serve: &Serve, state: &str) {
    let host = "demo-1250000000.ci.ap-beijing.myqcloud.com";
    let path = "/queue/p-demo-1250000000";
    let now = Timestamp::now().as_second();
    let signed = SignedRequest {
        method: "put",
        path,
        parameters: &[],
        headers: &[("host", host)],
    };
    let window = KeyTime {
        start: now - 60,
        end: now + 60,
    };
    let (_, key) = CREDENTIALS[1];
    let authorization = signed.authorization(&Credentials::permanent(key, key), window);
    let body = format!("<Request><Name>queue-1</Name><State>{state}</State></Request>");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .put(format!("http://{}{path}", serve.address))
        .header(HOST, host)
        .header(AUTHORIZATION, authorization)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn what_jobs_name_is_looked_for() {
    let (workspace, _serve) = far("");
    workspace.write(
        "jobs/more.yaml",
        "jobs:\n  gone:\n    input: { object: video/gone.txt }\n    operation: { workflow_ids: w9 }\n  \
         empty:\n    input: { prefix: nothing/ }\n    operation: { workflow_ids: w1 }\n",
    );
    let checks = examined(&workspace, &CREDENTIALS, 1);
    let of = |subject: &str| {
        let found = checks.iter().find(|check| check["subject"] == subject);
        found.unwrap()["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("video/gone.txt"), "failed");
    assert_eq!(of("nothing/"), "warning");
    assert_eq!(of("video/"), "ok");
    assert_eq!(of("w9"), "failed");
    assert_eq!(of("w1"), "ok");
}

#[test]
fn state_and_credentials_that_are_missing() {
    let (workspace, _serve) = far("");
    fs::remove_file(workspace.path().join("far.state.jsonl")).unwrap();
    let checks = examined(&workspace, &[("TENCENTCLOUD_SECRET_ID", "canary")], 1);
    outcome(&checks, "state", "failed", "stocktake -t far state init");
    outcome(
        &checks,
        "credentials",
        "failed",
        "unset TENCENTCLOUD_SECRET_ID",
    );
    let pasted = [
        CREDENTIALS[0],
        ("TENCENTCLOUD_SECRET_KEY", " stocktake-local"),
    ];
    workspace.run(&["-t", "far", "state", "init"]).expect(0);
    let checks = examined(&workspace, &pasted, 0);
    outcome(&checks, "credentials", "warning", "store it without them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_or_is_not_there_is_one_failure_and_soon() {
    let hanging = RawServer::start(|_, _| Reply::Silence).await;
    let page = RawServer::start(|_, _| Reply::Bytes(answer("200 OK", "", "<html>"))).await;
    let closed = {
        let server = RawServer::start(|_, _| Reply::Close).await;
        server.address
    };
    for address in [hanging.address, page.address, closed] {
        let workspace = Workspace::small().job("all", "{ prefix: video/ }");
        workspace.add_target("far", &Target::at(address));
        workspace.run(&["-t", "far", "state", "init"]).expect(0);
        let begun = Instant::now();
        let checks = tokio::task::block_in_place(|| examined(&workspace, &CREDENTIALS, 1));
        assert!(begun.elapsed() < Duration::from_secs(20));
        outcome(&checks, "keys", "failed", "");
        let failed = checks.iter().filter(|check| check["outcome"] == "failed");
        assert_eq!(failed.count(), 1, "{checks:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told_by_how_much() {
    let date = "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n";
    let server = RawServer::start(move |_, _| {
        let body = "<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>";
        Reply::Bytes(answer("403 Forbidden", date, body))
    })
    .await;
    let workspace = Workspace::small().job("all", "{ prefix: video/ }");
    workspace.add_target("far", &Target::at(server.address));
    let checks = tokio::task::block_in_place(|| examined(&workspace, &CREDENTIALS, 1));
    let clock = check(&checks, "clock");
    assert_eq!(clock["outcome"], "failed");
    assert!(
        clock["found"]
            .as_str()
            .unwrap()
            .ends_with(" s ahead of the service"),
        "{clock}"
    );
}

#[test]
fn every_target_with_an_embedded_one_among_them() {
    let (workspace, serve) = far("");
    serve.kill();
    let target = Target::embedded(&["no-such-program", "{object}"]);
    workspace.set_target(&target);
    workspace.add_target("broken", &Target::small().set("bucket", "no bucket"));
    let run = workspace.run(&["doctor", "--all-targets"]).expect(1);
    let words = [
        "target broken\nfailed   workspace",
        "target local\n",
        "there is no program `no-such-program`",
        "the service can listen on this machine",
        "bucket-folder demo-1250000000",
    ];
    for word in words {
        assert!(run.stdout.contains(word), "no `{word}` in {}", run.stdout);
    }
    assert!(
        !workspace
            .path()
            .join(".stocktake/local/service.sqlite")
            .exists()
    );
}

#[test]
fn apply_status_and_refresh_give_the_same_remedy() {
    let jobs = "/inventorytriggerjob";
    let remedy = "bind the bucket to media processing: `POST /mediabucket`";
    let (workspace, serve) = far(&refuse("POST", jobs, 400, "MediaBucketUnBinded"));
    let apply = workspace
        .run_signed(&["-t", "far", "apply", "--auto-approve"])
        .expect(1);
    assert!(
        apply.stdout.contains(remedy),
        "{}\n{}",
        apply.stdout,
        apply.stderr
    );
    drop(serve);

    let (workspace, serve) = far("");
    workspace
        .run_signed(&["-t", "far", "apply", "--auto-approve"])
        .expect(0);
    serve.kill();
    workspace.write(
        "faults.toml",
        &refuse("GET", &format!("{jobs}*"), 403, "InvalidAccessKeyId"),
    );
    let serve = Serve::start_with(&workspace, &["--faults", "faults.toml"]);
    let text = workspace.read("stocktake.toml");
    let endpoint = text
        .lines()
        .find(|line| line.starts_with("endpoint"))
        .unwrap();
    let moved = text.replace(endpoint, &format!("endpoint = 'http://{}'", serve.address));
    workspace.write("stocktake.toml", &moved);
    let remedy = "the SecretId is not known: copy it again";
    for arguments in [
        &["-t", "far", "status"][..],
        &["-t", "far", "plan", "--refresh"],
    ] {
        let run = workspace.run_signed(arguments).expect(1);
        let words = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(remedy), "{}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_credentials_are_named_with_their_end() {
    let (workspace, _serve) = far("");
    let sts = cloud::sts(Duration::from_hours(1)).await;
    let endpoint = format!("http://{}", sts.address);
    let variables = [
        ("TENCENTCLOUD_SECRET_ID", cloud::SIGNER.0),
        ("TENCENTCLOUD_SECRET_KEY", cloud::SIGNER.1),
        ("TENCENTCLOUD_ROLE_ARN", cloud::ROLE),
        ("STOCKTAKE_STS_ENDPOINT", &endpoint),
    ];
    let checks = tokio::task::block_in_place(|| examined(&workspace, &variables, 0));
    let found = check(&checks, "credentials")["found"].as_str().unwrap();
    assert!(
        found.contains("for the role qcs::cam") && found.contains(", until "),
        "{found}"
    );
}
