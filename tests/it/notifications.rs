//! What a webhook is told, and what becomes of a run whose webhook is of no use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::raw::{RawServer, Reply, answer, header};
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, PROJECT, Run, Workspace};

/// A receiver that takes everything, and answers as robots do.
async fn receiver() -> RawServer {
    let body = r#"{"errcode":0,"errmsg":"ok"}"#;
    RawServer::start(move |_, _| Reply::Bytes(answer("200 OK", "", body))).await
}

fn url(server: &RawServer) -> String {
    format!("http://{}/hook?key=canary-address", server.address)
}

/// Two jobs, one of which fails; whoever waits for them tells a webhook in this form.
fn workspace(form: &str) -> Workspace {
    let env = Workspace::new();
    env.write("stocktake.toml", &format!("[notify]\nform = \"{form}\"\n"));
    env.add_target(
        "local",
        &Target::embedded(&["sh", "-c", "! grep -q bad \"$1\"", "sh", "{object}"]),
    );
    env.object("in/a", "good")
        .object("other", "bad")
        .job("good", "{ prefix: in/ }")
        .job("坏", "{ object: other }")
}

fn run(env: &Workspace, url: &str, arguments: &[&str]) -> Run {
    let mut command = env.command(arguments);
    command.env("STOCKTAKE_NOTIFY_URL", url);
    command.env("STOCKTAKE_NOTIFY_SECRET", "canary-secret");
    Run::of(&mut command)
}

fn body(request: &str) -> Value {
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// All events of all messages, in the order of their arrival.
fn events(server: &RawServer) -> Vec<Value> {
    let requests = server.requests();
    let events = requests.iter().flat_map(|request| {
        let body = body(request);
        body["events"].as_array().unwrap().clone()
    });
    events.collect()
}

/// The files of events that were not delivered.
fn waiting(env: &Workspace, target: &str) -> usize {
    let folder = env.path().join(".stocktake/outbox").join(target);
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "json"))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_each_job_is_told_once_and_signed() {
    let (env, server) = (workspace("json"), receiver().await);
    let applied = run(&env, &url(&server), &["apply"]).expect(7);
    let told = events(&server);
    let ends: BTreeMap<&str, &str> = told
        .iter()
        .map(|event| {
            let (key, state) = (&event["keys"][0], &event["state"]);
            (key.as_str().unwrap(), state.as_str().unwrap())
        })
        .collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(
        ends,
        BTreeMap::from([("good", "Success"), ("坏", "Failed")])
    );
    let schema = fs::read_to_string(Path::new(PROJECT).join("schema/events.schema.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    for request in server.requests() {
        jsonschema::validate(&schema, &body(&request)).unwrap();
        let (_, text) = request.split_once("\r\n\r\n").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"canary-secret").unwrap();
        mac.update(text.as_bytes());
        let signature = format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()));
        assert_eq!(header(&request, "x-stocktake-signature"), Some(signature));
        assert!(request.starts_with("POST /hook?key=canary-address HTTP/1.1\r\n"));
    }
    assert_eq!(waiting(&env, "local"), 0);
    for text in [&applied.stdout, &applied.stderr] {
        assert!(!text.contains("canary"), "{text}");
    }
    // A second wait has nothing to tell.
    run(&env, &url(&server), &["status", "--wait"]).expect(0);
    assert_eq!(events(&server).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_get_texts_and_dingtalk_a_signature() {
    for form in ["wecom", "dingtalk"] {
        let (env, server) = (workspace(form), receiver().await);
        run(&env, &url(&server), &["apply"]).expect(7);
        let requests = server.requests();
        let texts: String = requests
            .iter()
            .map(|request| {
                let body = body(request);
                assert_eq!(body["msgtype"], "text");
                body["text"]["content"].as_str().unwrap().to_owned()
            })
            .collect();
        assert!(texts.contains("[local] 坏: Failed"), "{texts}");
        assert!(texts.contains("[local] good: Success"), "{texts}");
        let is_signed = |request: &String| {
            let line = request.lines().next().unwrap();
            line.contains("&timestamp=") && line.contains("&sign=")
        };
        let signed = requests.iter().filter(|request| is_signed(request)).count();
        let expected = if form == "dingtalk" {
            requests.len()
        } else {
            0
        };
        assert_eq!(signed, expected, "{requests:#?}");
        assert_eq!(waiting(&env, "local"), 0);
    }
}

/// A webhook that hangs, one that answers 500, and a robot that refuses with a status of 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_no_use_holds_no_run_up_and_is_told_later() {
    let refusal = r#"{"errcode":310000,"errmsg":"sign not match"}"#;
    let replies = [
        ("json", Reply::Silence, "not delivered"),
        (
            "json",
            Reply::Bytes(answer("500 No", "", "")),
            "answered 500",
        ),
        (
            "dingtalk",
            Reply::Bytes(answer("200 OK", "", refusal)),
            "sign not match",
        ),
    ];
    for (form, reply, said) in replies {
        let useless = RawServer::start(move |_, _| reply.clone()).await;
        let env = workspace(form);
        let begun = Instant::now();
        let applied = run(&env, &url(&useless), &["apply"]).expect(7);
        assert!(begun.elapsed() < Duration::from_secs(30), "{form}");
        assert!(applied.stderr.contains(said), "{}", applied.stderr);
        assert!(!applied.stderr.contains("canary"), "{}", applied.stderr);
        assert_eq!(waiting(&env, "local"), 2, "{}", applied.stderr);
        if form == "json" {
            let first: BTreeSet<String> = events(&useless).iter().map(id).collect();
            let server = receiver().await;
            env.write(
                "jobs/more.yaml",
                &crate::support::workspace::jobs([("more", "{ prefix: new/ }")]),
            );
            run(&env, &url(&server), &["apply"]).expect(0);
            let later: BTreeSet<String> = events(&server).iter().map(id).collect();
            assert_eq!(later.len(), 3, "{later:?}");
            assert!(
                !first.is_empty() && first.is_subset(&later),
                "{first:?} {later:?}"
            );
            assert_eq!(waiting(&env, "local"), 0);
        }
    }
}

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

#[test]
fn without_an_address_or_with_one_that_is_none_the_run_goes_on() {
    let env = workspace("json");
    let applied = env.run(&["apply"]).expect(7);
    let note = "nobody is told: STOCKTAKE_NOTIFY_URL is not set";
    assert!(applied.stderr.contains(note), "{}", applied.stderr);
    let env = workspace("json");
    let applied = run(&env, "http://example.com/canary", &["apply"]).expect(7);
    assert!(
        applied.stderr.contains("no https address"),
        "{}",
        applied.stderr
    );
    assert!(!applied.stderr.contains("canary"), "{}", applied.stderr);
    env.write("stocktake.toml", "[notify]\nurl = \"https://x\"\n");
    let refused = env.run(&["validate"]).expect(1);
    assert!(refused.stderr.contains("url"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_leaves_something_unresolved_tells_it_with_one_id() {
    let server = receiver().await;
    // Takes the submission, and never says so; then it cannot be asked either.
    let service = RawServer::start(|_, request| {
        if request.starts_with("POST ") {
            Reply::Close
        } else {
            Reply::Bytes(answer(
                "403 No",
                "",
                "<Error><Code>Odd</Code><Message>m</Message></Error>",
            ))
        }
    })
    .await;
    let env = Workspace::new();
    env.write("stocktake.toml", "[notify]\n");
    let far = Target::at(service.address)
        .set("window", "2s")
        .set("settle", "1s");
    env.add_target("far", &far);
    let env = env.job("lost", "{ prefix: in/ }");
    env.run_signed(&["-t", "far", "state", "init"]).expect(0);
    for _ in 0..2 {
        let mut command = env.command(&["-t", "far", "apply", "--auto-approve"]);
        command.envs(CREDENTIALS);
        command.env("STOCKTAKE_NOTIFY_URL", url(&server));
        Run::of(&mut command).expect(3);
    }
    let told = events(&server);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(told[0]["type"], "run_unresolved");
    assert_eq!(told[0]["keys"][0], "lost");
    assert_eq!(told[0]["id"], told[1]["id"]);
}

/// Jobs end one by one while the process that waits for them is killed again and again.
#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_an_event_and_what_is_told_twice_has_one_id() {
    const KILLS: usize = 50;
    let server = receiver().await;
    let waits = "until [ -e \"gate-$1\" ] || [ ! -d jobs ]; do sleep 0.01; done";
    let env = Workspace::new();
    env.write("stocktake.toml", "[notify]\n");
    env.add_target(
        "local",
        &Target::embedded(&["sh", "-c", waits, "sh", "{key}"]),
    );
    let keys: Vec<String> = (0..KILLS).map(|number| format!("{number:02}")).collect();
    for key in &keys {
        env.write(&format!("bucket/{key}"), "x");
    }
    let inputs: Vec<String> = keys
        .iter()
        .map(|key| format!("{{ object: '{key}' }}"))
        .collect();
    let names: Vec<String> = keys.iter().map(|key| format!("j{key}")).collect();
    let pairs = names
        .iter()
        .map(String::as_str)
        .zip(inputs.iter().map(String::as_str));
    let text = crate::support::workspace::jobs(pairs);
    env.write("jobs/all.yaml", &text);
    let serve = Serve::start(&env);
    env.add_target("far", &Target::at(serve.address).set("rate", 10_000));
    env.run_signed(&["-t", "far", "state", "init"]).expect(0);
    let submit = ["-t", "far", "apply", "--auto-approve", "--parallelism", "1"];
    env.run_signed(&submit).expect(0);
    let command = || {
        let mut command = env.command(&["-t", "far", "status", "--wait", "--timeout", "50s"]);
        command.envs(CREDENTIALS);
        command.env("STOCKTAKE_NOTIFY_URL", url(&server));
        command
    };
    let mut kills = 0;
    for number in 0..KILLS {
        env.write(&format!("gate-{number:02}"), "");
        let quiet = || Stdio::null();
        let mut waiting = command().stdout(quiet()).stderr(quiet()).spawn().unwrap();
        // A moment of its way, another one each time.
        sleep(Duration::from_millis(40 + 7 * (number as u64 % 25)));
        if waiting.try_wait().unwrap().is_none() {
            waiting.kill().unwrap();
            kills += 1;
        }
        waiting.wait().unwrap();
    }
    Run::of(&mut command()).expect(0);
    assert!(kills > KILLS / 2, "{kills}");
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let told = events(&server);
    for event in &told {
        let key = event["keys"][0].as_str().unwrap().to_owned();
        ids.entry(key).or_default().insert(id(event));
    }
    assert_eq!(ids.len(), KILLS, "{ids:?}");
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
    assert!(told.len() <= KILLS + kills, "{} of {KILLS}", told.len());
    assert_eq!(waiting(&env, "far"), 0);
}
