//! What the program does when it is interrupted, locked out, or cannot write.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use stocktake::api::name::JobId;
use stocktake::api::wire::{JobDetail, JobState, decode_request, encode_list_answer};
use stocktake::state::{Expected, OpenOptions, Outcome, Records, StateStore};

use tokio::sync::watch;

use crate::support::raw::{RawServer, Reply, accepted, answer, error};
use crate::support::text::assert_contains;
use crate::support::wait::eventually_async;
use crate::support::workspace::{BINARY, Run, Workspace};

const STATE: &str = "test.state.jsonl";
const EXPECTED: Expected<'static> = Expected {
    target: "test",
    lineage: None,
};

/// A workspace of `jobs` whose target is at the server, with its state begun.
fn workspace(server: &RawServer, jobs: usize) -> Workspace {
    patient_workspace(server, jobs, "1s")
}

/// The same with a time for each call.
fn patient_workspace(server: &RawServer, jobs: usize, timeout: &str) -> Workspace {
    let env = Workspace::new();
    let target = format!(
        "default_target = \"test\"\n[targets.test]\nbucket = \"media-1250000000\"\n\
         region = \"ap-beijing\"\nendpoint = \"http://{}\"\nmax_submissions = 1000\n\
         timeout = \"{timeout}\"\nwindow = \"2s\"\nsettle = \"0s\"\n",
        server.address
    );
    env.write("stocktake.toml", &target);
    let job = |number| format!("  任务-{number:02}: {{ input: {{ prefix: p{number:02}/ }} }}\n");
    let jobs: Vec<String> = (0..jobs).map(job).collect();
    let defaults = "defaults: { operation: { workflow_ids: w1 } }\njobs:\n";
    env.write("jobs/all.yaml", &format!("{defaults}{}", jobs.concat()));
    run(&env, &["state", "init"]).expect(0);
    env
}

fn command(env: &Workspace, arguments: &[&str]) -> Command {
    let mut command = env.command(arguments);
    command
        .env("TENCENTCLOUD_SECRET_ID", "id")
        .env("TENCENTCLOUD_SECRET_KEY", "key");
    command
}

fn run(env: &Workspace, arguments: &[&str]) -> Run {
    finished(
        command(env, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )
}

fn finished(command: &mut Command) -> Run {
    ended(command.spawn().unwrap())
}

fn ended(process: Child) -> Run {
    let output = process.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn spawn_apply(env: &Workspace) -> Child {
    let mut apply = command(env, &["apply", "--auto-approve", "--parallelism", "4"]);
    apply.stdout(Stdio::piped()).stderr(Stdio::piped());
    apply.spawn().unwrap()
}

fn send(process: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn records(env: &Workspace) -> Records {
    StateStore::read(&env.path().join(STATE), EXPECTED)
        .unwrap()
        .1
}

fn count(records: &Records, wanted: fn(&Outcome) -> bool) -> usize {
    let submissions = records.iter().flat_map(|record| &record.submissions);
    submissions
        .filter(|submission| wanted(&submission.outcome))
        .count()
}

fn is_accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

fn is_unresolved(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unresolved { .. })
}

/// Reads what the process says until it says `words`; gives back all that it said.
fn until_said(process: &mut Child, words: &str) -> String {
    let mut said = String::new();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    while !said.contains(words) {
        assert!(
            stderr.read_line(&mut said).unwrap() > 0,
            "it never said so: {said}"
        );
    }
    // Given back, so that what follows is read as well.
    process.stderr = Some(stderr.into_inner());
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_drains_and_the_exit_code_names_it() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let released = watch::Sender::new(false);
        let held = released.subscribe();
        let server = RawServer::start(move |number, _| {
            Reply::Held(held.clone(), accepted(&format!("b{number}")))
        })
        .await;
        let env = patient_workspace(&server, 30, "30s");
        let mut apply = spawn_apply(&env);
        eventually_async(async || server.requests().len() == 4).await;
        send(&apply, signal);
        let said = until_said(&mut apply, "in flight");
        released.send_replace(true);
        let run = ended(apply).expect(code);
        assert_eq!(server.requests().len(), 4, "{}", run.stderr);
        assert_eq!(count(&records(&env), is_accepted), 4);
        assert_eq!(count(&records(&env), is_unresolved), 0);
        assert!(said.contains("interrupted: nothing more is sent; 4 submissions are in flight"));
        assert_contains(&run.stdout, "4 submitted, 26 not attempted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_leaves_what_is_in_flight_unresolved_and_plan_says_so() {
    let server = RawServer::start(|_, _| Reply::Silence).await;
    let env = workspace(&server, 30);
    let mut apply = spawn_apply(&env);
    eventually_async(async || server.requests().len() == 4).await;
    send(&apply, Signal::INT);
    until_said(&mut apply, "interrupt again");
    send(&apply, Signal::INT);
    ended(apply).expect(3);
    assert_eq!(count(&records(&env), is_unresolved), 4);
    let plan = run(&env, &["plan"]).expect(0);
    let first = plan.stdout.split("\njobs/all.yaml").next().unwrap();
    assert!(
        first.contains("sent, and whether it was taken is unknown"),
        "{}",
        plan.stdout
    );
    assert_eq!(first.matches("  ?  任务-").count(), 4, "{}", plan.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_state_names_its_holder_and_is_waited_for() {
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let env = workspace(&server, 3);
    let options = OpenOptions {
        create: false,
        lock_timeout: Duration::ZERO,
    };
    let state = env.path().join(STATE);
    let held = StateStore::open_for_writing(&state, EXPECTED, options, &mut |_| {}).unwrap();
    let locked = run(&env, &["apply", "--auto-approve"]).expect(5);
    let holder = format!("process {} on ", std::process::id());
    assert!(locked.stderr.contains(&holder), "{}", locked.stderr);
    run(&env, &["plan"]).expect(0);
    let mut waiting = command(&env, &["apply", "--auto-approve", "--lock-timeout", "20s"]);
    let mut waiting = waiting
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until_said(&mut waiting, "waiting for another run");
    assert!(server.requests().is_empty());
    drop(held);
    ended(waiting).expect(0);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_leaves_nothing_to_clean() {
    let server = RawServer::start(|_, request| {
        if request.starts_with("GET ") {
            return Reply::Bytes(answer("200 OK", "", "<Response></Response>"));
        }
        Reply::Silence
    })
    .await;
    let env = workspace(&server, 2);
    let mut apply = spawn_apply(&env);
    eventually_async(async || server.requests().len() == 2).await;
    let locked = run(&env, &["apply", "--auto-approve"]).expect(5);
    assert_contains(&locked.stderr, "is locked by another run");
    apply.kill().unwrap();
    apply.wait().unwrap();
    // It is let in, looks up what was sent, sends it again, and gets no answer again.
    let after = run(&env, &["apply", "--auto-approve"]).expect(1);
    assert!(after.stderr.contains("did not arrive"), "{}", after.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_without_a_state_or_a_lock() {
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let env = workspace(&server, 3);
    let state = env.path().join(STATE);
    std::fs::rename(&state, env.path().join("elsewhere")).unwrap();
    for arguments in [&["plan"][..], &["apply", "--auto-approve"]] {
        let lost = run(&env, arguments).expect(1);
        assert_contains(&lost.stderr, "there is no state at");
        assert!(!state.exists());
    }
    std::fs::rename(env.path().join("elsewhere"), &state).unwrap();
    let lock = env.path().join(format!("{STATE}.lock"));
    let _ = std::fs::remove_file(&lock);
    std::fs::create_dir(&lock).unwrap();
    let unlockable = run(&env, &["apply", "--auto-approve"]).expect(1);
    assert_contains(&unlockable.stderr, "cannot open the lock");
    assert!(server.requests().is_empty());
}

/// A limit on the size of files makes writes fail as a full disk does.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_stops_the_run_and_the_next_one_mends_it() {
    let taken = Arc::new(std::sync::Mutex::new(Vec::new()));
    let jobs = Arc::clone(&taken);
    let server = RawServer::start(move |number, request| {
        let mut jobs = jobs.lock().unwrap();
        if request.starts_with("GET ") {
            let list = encode_list_answer("r", &jobs, None).unwrap();
            return Reply::Bytes(answer("200 OK", "", &list));
        }
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let job_id = format!("b{number}");
        jobs.push(detail(&job_id, body));
        Reply::Bytes(accepted(&job_id))
    })
    .await;
    let env = workspace(&server, 30);
    let mut limited = command(&env, &[]);
    let mut sh = Command::new("sh");
    sh.args([
        "-c",
        "trap '' XFSZ; ulimit -f 16; exec \"$0\" apply --auto-approve",
        BINARY,
    ]);
    sh.current_dir(env.path()).env_clear();
    for (name, value) in limited.get_envs() {
        sh.env(name, value.unwrap_or_default());
    }
    limited.stdin(Stdio::null());
    let full = finished(sh.stdout(Stdio::piped()).stderr(Stdio::piped()));
    assert!(matches!(full.code, Some(1 | 3)), "{full:?}");
    assert_contains(&full.stderr, "the state cannot be written");
    let sent = taken.lock().unwrap().len();
    assert!(
        sent < 30,
        "nothing is sent whose intent is not on disk: {sent}"
    );
    assert!(
        run(&env, &["state", "verify"])
            .expect(0)
            .stdout
            .contains("ok")
    );
    run(&env, &["apply", "--auto-approve"]).expect(0);
    assert_eq!(taken.lock().unwrap().len(), 30, "each job once");
    assert_eq!(count(&records(&env), is_accepted), 30);
}

fn detail(job_id: &str, body: &str) -> JobDetail {
    let request = decode_request(body.as_bytes()).unwrap();
    JobDetail {
        job_id: JobId::new(job_id).unwrap(),
        name: request.name.to_string(),
        kind: "Workflow".to_owned(),
        state: JobState::Submitted,
        code: String::new(),
        message: String::new(),
        created: Some(Timestamp::now()),
        started: None,
        ended: None,
        input: Some(request.input),
        operation: Some(request.operation),
        time_interval: None,
    }
}

/// A service that took a job, lost the answer, and cannot list at first.
async fn lossy() -> (RawServer, Arc<AtomicBool>) {
    let can_list = Arc::new(AtomicBool::new(false));
    let lists = Arc::clone(&can_list);
    let taken = Arc::new(std::sync::Mutex::new(Vec::new()));
    let server = RawServer::start(move |_, request| {
        let mut taken = taken.lock().unwrap();
        if request.starts_with("POST ") {
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            taken.push(detail("btaken", body));
            return Reply::Close;
        }
        if !lists.load(Ordering::SeqCst) {
            return Reply::Bytes(error("403 No", "", "AccessDenied"));
        }
        let jobs = encode_list_answer("r", &taken, None).unwrap();
        Reply::Bytes(answer("200 OK", "", &jobs))
    })
    .await;
    (server, can_list)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_adopts_what_cannot_be_looked_up() {
    let (server, can_list) = lossy().await;
    let env = workspace(&server, 1);
    run(&env, &["apply", "--auto-approve"]).expect(3);
    run(&env, &["resolve", "nothing"]).expect(1);
    let unchecked = run(&env, &["resolve", "任务-00", "--abandon"]).expect(1);
    assert_contains(&unchecked.stderr, "cannot be checked");
    can_list.store(true, Ordering::SeqCst);
    let shown = run(&env, &["resolve", "任务-00"]).expect(0);
    assert!(shown.stdout.contains("--adopt btaken"), "{}", shown.stdout);
    let present = run(&env, &["resolve", "任务-00", "--abandon"]).expect(1);
    assert!(present.stderr.contains("btaken"), "{}", present.stderr);
    run(&env, &["resolve", "任务-00", "--adopt", "bother"]).expect(1);
    run(&env, &["resolve", "任务-00", "--adopt", "btaken"]).expect(0);
    assert_eq!(count(&records(&env), is_accepted), 1);
    run(&env, &["plan", "--detailed-exitcode"]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_abandons_what_never_arrived() {
    let (server, _) = lossy().await;
    let env = workspace(&server, 1);
    run(&env, &["apply", "--auto-approve"]).expect(3);
    run(&env, &["resolve", "任务-00", "--abandon", "--no-check"]).expect(0);
    assert_eq!(count(&records(&env), is_unresolved), 0);
    run(&env, &["plan", "--detailed-exitcode"]).expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_keep_to_the_rate_of_the_target() {
    let nothing = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let server = RawServer::start(move |number, request| {
        Reply::Bytes(if request.starts_with("GET /?") {
            answer("200 OK", "", nothing)
        } else {
            accepted(&format!("b{number}"))
        })
    })
    .await;
    let env = workspace(&server, 9);
    let target = env.read("stocktake.toml");
    env.write("stocktake.toml", &format!("{target}rate = 10\n"));
    // Reads of the bucket as well as submissions: nine calls each.
    for arguments in [["plan", "--estimate"], ["apply", "--auto-approve"]] {
        let before = server.requests().len();
        let started = Instant::now();
        run(&env, &arguments).expect(0);
        let took = started.elapsed();
        assert_eq!(server.requests().len() - before, 9, "{arguments:?}");
        assert!(
            took >= Duration::from_millis(800),
            "{arguments:?}: {took:?}"
        );
    }
}
