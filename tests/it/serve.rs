//! `serve` as a process of its own: what it says, how it ends, and what a kill leaves.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;

use rustix::process::Signal;
use stocktake::api::client::ListQuery;
use stocktake::api::name::{JobId, JobName, WorkflowId};
use stocktake::api::request::{Input, JobType, Operation, Request, TimeInterval};
use stocktake::api::wire::JobState;

use crate::support::jobs::window;
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::wait::eventually;
use crate::support::workspace::{FILTERS, Workspace};

fn workspace() -> Workspace {
    let command = "echo $1 >> started; cat $2; echo $1 >> ended";
    let target = Target::embedded(&["sh", "-c", command, "sh", "{key}", "{object}"]).workflow(
        "w2",
        &["true"],
        &[("paused", true.into())],
    );
    Workspace::new()
        .target("local", &target)
        .object("in/视频.txt", "a\n")
}

#[test]
fn serve_prints_what_it_serves_and_shuts_down_on_sigterm() {
    let env = workspace();
    let mut serve = Serve::start(&env);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!(serve.greeting);
    });
    let second = env.run(&["serve"]).expect(1);
    assert_contains(&second.stderr, "another service runs on");
    assert_contains(&second.stderr, serve.address.to_string());
    let (status, log) = serve.end(Signal::TERM);
    assert_eq!(status.code(), Some(0));
    assert_eq!(log, [""; 0], "nothing goes wrong at the end");
}

#[test]
fn the_log_shows_the_string_to_sign_and_no_secret() {
    let env = workspace();
    let mut serve = Serve::start_with(&env, &["-v"]);
    let now = jiff::Timestamp::now().as_second();
    let time = format!("{};{}", now - 60, now + 60);
    let host = "demo-1250000000.ci.ap-beijing.myqcloud.com";
    let mut stream = TcpStream::connect(serve.address).unwrap();
    write!(
        stream,
        "GET /inventorytriggerjob HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         x-ci-security-token: hunter2\r\nAuthorization: q-sign-algorithm=sha1&\
         q-ak=stocktake-local&q-sign-time={time}&q-key-time={time}&\
         q-header-list=host;x-ci-security-token&q-url-param-list=&q-signature=00\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("<Code>AccessDenied</Code>"), "{answer}");
    assert!(
        !answer.contains("sha1"),
        "it is for the log alone: {answer}"
    );
    let log = serve.end(Signal::TERM).1.join("\n");
    for shown in [
        time.as_str(),
        "/inventorytriggerjob",
        host,
        "%3Ctoken%3E",
        "status=403",
    ] {
        assert!(log.contains(shown), "{shown}: {log}");
    }
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn a_start_that_fails_names_the_cause_and_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let env = workspace();
    let port = env.run(&["serve", "--listen", &address]).expect(1).stderr;
    assert!(
        port.contains(&address) && port.contains("any free port"),
        "{port}"
    );

    env.write("data/service.db", &"no database\n".repeat(1000));
    let database = env.run(&["serve", "--data", "data"]).expect(1).stderr;
    assert!(database.contains("file is not a database"), "{database}");
    assert!(database.contains("an empty one"), "{database}");

    env.write("old/service.journal", "stocktake-journal 1\n");
    let old = env.run(&["serve", "--data", "old"]).expect(1).stderr;
    assert!(old.contains("its format is 3"), "{old}");
    let remedy = format!("rm -r {}", env.path().join("old").display());
    assert!(old.contains(&remedy), "{old}");

    fs::remove_dir_all(env.path().join("bucket")).unwrap();
    let folder = env.run(&["serve"]).expect(1).stderr;
    assert!(folder.contains("stocktake.toml:7:19"), "{folder}");
    assert!(folder.contains("the folder `bucket`"), "{folder}");

    env.write("bucket/.upload-times", "\nyesterday in/a\n");
    let times = env.run(&["serve"]).expect(1).stderr;
    assert_contains(&times, "bucket/.upload-times:2: `yesterday`");

    env.write("faults.toml", "[[faults]]\nfault = \"explode\"\n");
    let faults = env
        .run(&["serve", "--faults", "faults.toml"])
        .expect(1)
        .stderr;
    assert!(
        faults.contains("faults.toml") && faults.contains("explode"),
        "{faults}"
    );
}

#[test]
fn five_hundred_idle_connections_do_not_block_a_new_one() {
    let env = workspace();
    let serve = Serve::start(&env);
    let connect = |_| TcpStream::connect(serve.address).unwrap();
    let idle: Vec<TcpStream> = (0..500).map(connect).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(serve.client().list(&ListQuery::default()));
    assert_eq!(found.unwrap(), []);
    drop(idle);
}

/// Kills the service in the middle of a job of many objects, again and again.
#[test]
fn a_kill_loses_no_object_and_repeats_no_finished_one() {
    const OBJECTS: usize = 600;
    const KILLS: usize = 6;
    let env = workspace();
    fs::remove_dir_all(env.path().join("bucket")).unwrap();
    for number in 0..OBJECTS {
        env.write(&format!("bucket/in/{number:04}"), "x");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut serve = Serve::start(&env);
    let sent = runtime.block_on(serve.client().trigger(&request("in/"), window()));
    let job = sent.job.expect("the service accepts it").job_id;
    for kill in 1..=KILLS {
        // Each time after another part of the work.
        let done = kill * OBJECTS / (KILLS + 2);
        eventually(|| lines(&env.path().join("ended")).len() >= done);
        serve.kill();
        serve = Serve::start(&env);
    }
    eventually(|| {
        let found = runtime.block_on(serve.client().describe(&job));
        found.unwrap().unwrap().state == JobState::Success
    });
    let ended = lines(&env.path().join("ended"));
    let distinct: BTreeSet<&String> = ended.iter().collect();
    assert_eq!(distinct.len(), OBJECTS, "none is skipped");
    // A run whose end was not yet on the disk starts again: at most as many as run at once.
    let parallelism = std::thread::available_parallelism().unwrap().get();
    let repeated = ended.len() - OBJECTS;
    assert!(repeated <= KILLS * parallelism, "{repeated} were repeated");
}

/// Kills the service while many callers trigger jobs as fast as they are answered: triggers that come
/// together share a transaction.
#[test]
fn a_kill_loses_no_answered_trigger() {
    const CALLERS: usize = 64;
    const ANSWERED: usize = 500;
    let env = workspace();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let serve = Serve::start(&env);
    let (told, answered) = mpsc::channel();
    for _ in 0..CALLERS {
        let (client, told) = (serve.client(), told.clone());
        runtime.spawn(async move {
            while let Some(job) = client.trigger(&request("none/"), window()).await.job {
                told.send(job.job_id).unwrap();
            }
        });
    }
    drop(told);
    let mut expected: BTreeSet<JobId> = answered.iter().take(ANSWERED).collect();
    serve.kill();
    expected.extend(answered);
    let serve = Serve::start(&env);
    eventually(|| {
        let listed = runtime.block_on(serve.client().list(&ListQuery::default()));
        let listed = listed.unwrap();
        let known: BTreeSet<JobId> = listed.iter().map(|job| job.job_id.clone()).collect();
        assert_eq!(known.len(), listed.len(), "each is there once");
        assert!(known.is_superset(&expected));
        listed.iter().all(|job| job.state == JobState::Success)
    });
}

/// A job over the objects below that prefix.
fn request(prefix: &str) -> Request {
    Request {
        name: JobName::new("demo").unwrap(),
        kind: JobType::Workflow,
        input: Input::Prefix(prefix.to_owned()),
        operation: Operation {
            workflow_ids: WorkflowId::new("w1").unwrap().into(),
            time_interval: TimeInterval::default(),
        },
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
