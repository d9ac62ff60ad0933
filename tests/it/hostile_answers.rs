//! What a service that is not to be trusted may answer, what names of objects may hold, and what the
//! logs of a run may not.

use std::time::{Duration, Instant};

use crate::support::raw::{RawServer, Reply, answer, error};
use crate::support::target::Target;
use crate::support::workspace::{Run, Workspace, jobs};

/// A workspace whose target is at the server, with its state begun.
fn at(server: &RawServer) -> Workspace {
    let target = Target::at(server.address)
        .set("timeout", "5s")
        .set("window", "2s")
        .set("settle", "0s");
    let env = Workspace::new().target("prod", &target);
    env.write("jobs/a.yaml", &jobs([("a", "{ prefix: a/ }")]));
    env.run(&["-t", "prod", "state", "init"]).expect(0);
    env
}

fn apply(env: &Workspace) -> Run {
    env.run_signed(&["-t", "prod", "apply", "--auto-approve"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_none_leaves_the_job_unresolved_and_is_not_shown() {
    for id in [
        "../../x".to_owned(),
        "b1&#27;[2Jcanary".to_owned(),
        "b1&#10;canary".to_owned(),
        "b1 canary".to_owned(),
        "c".repeat(1024 * 1024),
        String::new(),
    ] {
        let body = format!("<Response><JobsDetail><JobId>{id}</JobId></JobsDetail></Response>");
        let reply = Reply::Bytes(answer("200 OK", "", &body));
        let server = RawServer::start(move |_, _| reply.clone()).await;
        let env = at(&server);
        let run = apply(&env).expect(3);
        let posts = server.requests();
        let posts = posts.iter().filter(|request| request.starts_with("POST"));
        assert_eq!(posts.count(), 1);
        for text in [run.stdout, run.stderr, env.read("prod.state.jsonl")] {
            assert!(
                !text.contains("canary") && !text.contains('\u{1b}'),
                "{text:?}"
            );
            assert!(text.len() < 16 * 1024, "{} bytes", text.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let other = RawServer::start(|_, _| Reply::Close).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: http://{}/stolen\r\n", other.address);
        let reply = Reply::Bytes(error(status, &location, "Redirect"));
        let server = RawServer::start(move |_, _| reply.clone()).await;
        let env = at(&server);
        let run = apply(&env);
        assert_ne!(run.code, Some(0), "{}", run.shown());
        env.run_signed(&["-t", "prod", "plan", "--estimate"])
            .expect(1);
    }
    assert!(other.requests().is_empty(), "{:?}", other.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_would_never_end_is_not_taken() {
    let busy = Reply::Bytes(error(
        "503 Busy",
        "Retry-After: 99999999999\r\n",
        "SlowDown",
    ));
    let server = RawServer::start(move |_, _| busy.clone()).await;
    let env = at(&server);
    let begun = Instant::now();
    apply(&env).expect(1);
    assert!(
        begun.elapsed() < Duration::from_secs(50),
        "{:?}",
        begun.elapsed()
    );
    assert!(!env.read("prod.state.jsonl").contains("unresolved"));
}

/// Every page goes on behind the one before, and names one object more.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_pages_never_end_is_given_up() {
    let server = RawServer::start(|number, _| {
        let key = format!("a/{number:012}");
        Reply::KeepOpen(answer(
            "200 OK",
            "",
            &format!(
                "<ListBucketResult><Name>demo-1250000000</Name><IsTruncated>true</IsTruncated>\
                 <NextMarker>{key}</NextMarker><Contents><Key>{key}</Key><Size>1</Size>\
                 <LastModified>2022-02-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
            ),
        ))
    })
    .await;
    let env = at(&server);
    let run = env
        .run_signed(&["-t", "prod", "plan", "--estimate"])
        .expect(1);
    assert!(run.stdout.contains("does not end"), "{}", run.shown());
    let pages = server.requests().len();
    assert!((1001..1100).contains(&pages), "{pages}");
}

#[test]
fn no_name_of_an_object_is_a_command_or_a_template() {
    let names = [
        "in/$(touch pwned)",
        "in/`touch pwned`",
        "in/; touch pwned #",
        "in/-rf",
        "in/{{ 7 * 7 }}${ 7 * 7 }{key}{object}",
        "in/%{key}\\n",
    ];
    let env = Workspace::new()
        .target(
            "local",
            &Target::embedded(&["printf", "%s|%s", "{key}", "{bucket}"]),
        )
        .job("all", "{ prefix: in/ }");
    let env = names.iter().fold(env, |env, name| env.object(name, "x"));
    env.run(&["apply"]).expect(0);
    assert!(!env.path().join("pwned").exists());
    let results = env.path().join(".stocktake/local/results");
    let job = std::fs::read_dir(results).unwrap().next().unwrap().unwrap();
    for name in names {
        let result = std::fs::read_to_string(job.path().join(name)).unwrap();
        assert_eq!(result, format!("{name}|demo-1250000000"));
    }
    let page = env.run(&["status", "--format", "html"]).expect(0).stdout;
    assert!(!page.contains("in/49"), "a template was filled in");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_of_any_level_holds_a_secret() {
    let reply = Reply::Bytes(error("403 Forbidden", "", "SignatureDoesNotMatch"));
    let server = RawServer::start(move |_, _| reply.clone()).await;
    let env = at(&server);
    let secrets = [
        "canary-of-a-key",
        "canary-of-a-token",
        "canary-of-a-password",
    ];
    for arguments in [
        &["apply", "--auto-approve", "-vv"][..],
        &["apply", "--auto-approve", "--format", "json"],
        &["plan", "--estimate", "--format", "json"],
        &["doctor", "--format", "json"],
        &["adopt"],
        &["status"],
    ] {
        let mut command = env.command(&["-t", "prod"]);
        command
            .args(arguments)
            .env("TENCENTCLOUD_SECRET_ID", "id")
            .env("TENCENTCLOUD_SECRET_KEY", secrets[0])
            .env("TENCENTCLOUD_TOKEN", secrets[1])
            .env(
                "HTTPS_PROXY",
                format!("http://ada:{}@127.0.0.1:9", secrets[2]),
            )
            .env("STOCKTAKE_LOG", "trace");
        let run = Run::of(&mut command);
        let said = run.stdout + &run.stderr;
        for secret in secrets {
            assert!(!said.contains(secret), "{arguments:?}: {said}");
        }
    }
    let state = env.read("prod.state.jsonl");
    assert!(!state.contains("canary"), "{state}");
}
