//! What people do with jobs once they are submitted.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stocktake::api::client::ListQuery;
use stocktake::api::wire::JobState;

use crate::support::serve::Serve;
use crate::support::target::{GATED, Target};
use crate::support::text::assert_contains;
use crate::support::wait::eventually;
use crate::support::workspace::{FILTERS, Workspace, jobs};

fn json(env: &Workspace, arguments: &[&str]) -> Value {
    serde_json::from_str(&env.run(arguments).expect(0).stdout).unwrap()
}

/// Fails for every object whose content is `bad`.
const PICKY: &[&str] = &[
    "sh",
    "-c",
    r#"if grep -q bad "$1"; then echo "no: $2" >&2; exit 3; fi; cat "$1""#,
    "sh",
    "{object}",
    "{key}",
];

#[test]
fn failed_objects_become_a_job_over_exactly_these() {
    let env = Workspace::new().target("local", &Target::embedded(PICKY));
    for number in 0..200 {
        let is_bad = [7, 80, 199].contains(&number);
        let text = if is_bad { "bad" } else { "good" };
        env.write(&format!("bucket/in/{number:03} 视频.txt"), text);
    }
    let env = env.job("all", "{ prefix: in/ }");
    env.run(&["apply"]).expect(7);
    let recorded = json(&env, &["status", "--format", "json", "--no-refresh"]);
    let objects = &recorded["records"][0]["objects"];
    assert_eq!(objects["succeeded"], 197, "{recorded:#}");
    assert_eq!(objects["failed"], 3);
    assert_eq!(objects["total"], 200);
    let failed = [
        "status",
        "all",
        "--failed",
        "--write-url-file",
        "bucket/again.txt",
    ];
    let shown = env.run(&failed).expect(0).stdout;
    assert!(shown.contains("no: in/007"), "{shown}");
    assert!(shown.ends_with("3 objects failed\n"), "{shown}");
    assert_eq!(env.read("bucket/again.txt").lines().count(), 3);
    for number in [7, 80, 199] {
        env.write(&format!("bucket/in/{number:03} 视频.txt"), "good");
    }
    let env = env.job("again", "{ url_file: again.txt }");
    env.run(&["apply"]).expect(0);
    let again = json(&env, &["status", "again", "--format", "json"]);
    assert_eq!(again["records"][0]["objects"]["total"], 3, "{again:#}");
    assert_eq!(again["records"][0]["state"], "Success");
    let job_id = again["records"][0]["job_id"].as_str().unwrap();
    let results = env.path().join(".stocktake/local/results").join(job_id);
    let mut done: Vec<_> = std::fs::read_dir(results.join("in")).unwrap().collect();
    done.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    let done = done
        .into_iter()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let expected = [7, 80, 199].map(|number| format!("{number:03} 视频.txt"));
    assert_eq!(done.collect::<Vec<_>>(), expected);
}

/// More jobs end between two rounds than are described one by one, at times that vary.
#[test]
fn objects_of_ended_jobs_are_counted_after_their_end() {
    const JOBS: usize = 24;
    const OBJECTS: usize = 5;
    let pause = "sleep 0.0$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')";
    let env = Workspace::new().target("local", &Target::embedded(&["sh", "-c", pause]));
    let names: Vec<String> = (0..JOBS).map(|number| format!("'{number:02}'")).collect();
    for name in 0..JOBS {
        for object in 0..OBJECTS {
            env.write(&format!("bucket/{name:02}/{object}"), "x");
        }
    }
    let job = format!(
        "jobs:\n  all:\n    matrix: {{ folder: [{}] }}\n    \
         input: {{ prefix: '${{ matrix.folder }}/' }}\n    operation: {{ workflow_ids: w1 }}\n",
        names.join(", ")
    );
    env.write("jobs/all.yaml", &job);
    let applied = env.run(&["apply"]).expect(0);
    let done = format!("24 Success; objects: {} done\n", JOBS * OBJECTS);
    assert!(applied.stderr.contains(&done), "{}", applied.stderr);
    let recorded = json(&env, &["status", "--format", "json", "--no-refresh"]);
    for record in recorded["records"].as_array().unwrap() {
        let objects = &record["objects"];
        assert_eq!(objects["succeeded"], OBJECTS, "{record:#}");
        assert_eq!(objects["total"], OBJECTS, "{record:#}");
        assert_eq!(objects["complete"], true, "{record:#}");
    }
}

#[test]
fn tables_stay_within_a_terminal_and_messages_steer_it_not() {
    let says = r#"printf 'no: \033[31m %s 视频视频视频视频' "$1" >&2; exit 3"#;
    let long = "二零二二年春季上传的全部视频";
    let env = Workspace::new()
        .target(
            "local",
            &Target::embedded(&["sh", "-c", says, "sh", "{key}"]),
        )
        .object("in/a", "a")
        .job(long, "{ prefix: in/ }")
        .job("short", "{ prefix: none/ }");
    env.run(&["apply"]).expect(7);
    let run = env.run(&["status"]).expect(0);
    let width = |line: &str| unicode_width::UnicodeWidthStr::width(line);
    assert!(
        run.stdout.lines().all(|line| width(line) <= 80),
        "{}",
        run.stdout
    );
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        insta::assert_snapshot!("status_wide_names", run.shown());
        insta::assert_snapshot!("state_list_wide_names", env.run(&["state", "list"]).shown());
    });
    let shown = env.run(&["state", "show", long]).expect(0).stdout;
    assert!(
        !shown.contains('\u{1b}') && shown.contains("no: "),
        "{shown}"
    );
}

/// The interval is 10 s unless the environment sets another one.
#[test]
fn a_wait_without_a_terminal_writes_a_line_per_interval() {
    let env = Workspace::gated();
    let _serve = Serve::start(&env);
    env.submit();
    let mut waiting = env.command(&["status", "--wait"]);
    waiting.env("STOCKTAKE_PROGRESS_INTERVAL", "1s");
    let begun = Instant::now();
    let mut waiting = waiting
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{first}");
    assert_eq!(first, "0 of 1 job has ended; objects: 0 done, 1 open");
    env.write("gate", "");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("Success")), "{rest:?}");
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn a_failed_job_is_resubmitted_as_often_as_it_asks() {
    let env = Workspace::new()
        .target("local", &Target::embedded(&["false"]))
        .object("in/a", "a");
    let resubmit = "    on_failure: resubmit\n    max_attempts: 2\n";
    env.write(
        "jobs/a.yaml",
        &(jobs([("again", "{ prefix: in/ }")]) + resubmit),
    );
    env.run(&["apply"]).expect(7);
    env.run(&["apply"]).expect(7);
    let third = env.run(&["apply"]).expect(0);
    let record = json(&env, &["state", "show", "again", "--format", "json"]);
    let submissions = record["records"][0]["submissions"].as_array().unwrap();
    assert_eq!(submissions.len(), 2, "{}", third.stdout);
    assert_ne!(submissions[0]["job_id"], submissions[1]["job_id"]);
}

#[test]
fn what_is_removed_may_run_again_and_says_who_removed_it() {
    let env = Workspace::small().job("all", "{ prefix: video/ }");
    env.run(&["apply"]).expect(0);
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    let asked = env.run(&["state", "rm", "all"]).expect(1);
    assert!(asked.stderr.contains("--auto-approve"), "{}", asked.stderr);
    let remove = [
        "state",
        "rm",
        "all",
        "--auto-approve",
        "--reason",
        "results deleted",
    ];
    let mut command = env.command(&remove);
    assert!(command.env("USER", "ada").status().unwrap().success());
    env.run(&["plan", "--detailed-exitcode"]).expect(2);
    env.run(&["apply"]).expect(0);
    let record = json(&env, &["state", "show", "all", "--format", "json"]);
    let submissions = record["records"][0]["submissions"].as_array().unwrap();
    assert_eq!(submissions.len(), 2, "{record:#}");
    let by = submissions[0]["removed"]["by"].as_str().unwrap();
    assert!(by.starts_with("ada@"), "{by}");
    assert_eq!(submissions[0]["removed"]["reason"], "results deleted");
    assert!(submissions[1]["removed"].is_null());
    let verified = json(&env, &["state", "verify", "--format", "json"]);
    assert_eq!(verified["records"], 1, "{verified:#}");
    assert_eq!(verified["target"], "local");
    assert!(
        env.run(&["state", "verify"])
            .expect(0)
            .stdout
            .contains("1 record")
    );
}

#[test]
fn a_key_can_be_moved_but_not_onto_another_one() {
    let env = Workspace::small()
        .job("one", "{ prefix: video/a }")
        .job("two", "{ prefix: video/b }");
    env.run(&["apply"]).expect(0);
    let taken = env.run(&["state", "mv", "one", "two"]).expect(1);
    assert_contains(&taken.stderr, "recorded already");
    env.run(&["state", "mv", "one", "three"]).expect(0);
    let listed = env.run(&["state", "list"]).expect(0).stdout;
    assert!(
        listed.contains("three") && !listed.contains("one "),
        "{listed}"
    );
    env.run(&["state", "show", "one"]).expect(1);
}

/// The service says so with a status that would be final with any other code.
#[test]
fn a_question_that_is_throttled_with_a_status_of_400_is_asked_again() {
    let env = Workspace::small().job("all", "{ prefix: video/ }");
    env.run(&["apply"]).expect(0);
    let faults = "[[faults]]\nmethod = \"GET\"\nevery = 2\nfault = \"refuse\"\n\
                  status = 400\ncode = \"SlowDown\"\n";
    env.write("faults.toml", faults);
    let serve = Serve::start_with(&env, &["-v", "--faults", "faults.toml"]);
    let report = env.run(&["status", "--format", "csv", "--outputs"]);
    assert_eq!(report.expect(0).stdout.lines().count(), 3);
    let refused = |log: Vec<String>| log.iter().any(|line| line.contains("400"));
    assert!(refused(serve.log()), "{:?}", serve.log());
}

/// Refuses, breaks and delays what is asked, as a bad day does.
const BAD_DAY: &str = r#"
seed = 7
[[faults]]
method = "GET"
every = 5
fault = "drop"
[[faults]]
method = "GET"
every = 3
fault = "refuse"
status = 503
[[faults]]
method = "GET"
every = 4
fault = "half"
"#;

#[test]
fn waiting_spans_a_restart_of_a_service_that_has_a_bad_day() {
    let env = Workspace::gated();
    env.write("faults.toml", BAD_DAY);
    let faults = ["-v", "--faults", "faults.toml"];
    let serve = Serve::start_with(&env, &faults);
    env.submit();
    let asked = serve.log().len();
    let mut waiting = env.command(&["status", "--wait"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = waiting.spawn().unwrap();
    // Had it not found this service, it would run one of its own.
    eventually(|| serve.log().len() > asked);
    // A laptop that is closed meanwhile knows nothing of it.
    let signal = |signal| kill_process(Pid::from_child(&waiting), signal).unwrap();
    signal(Signal::STOP);
    serve.kill();
    let _serve = Serve::start_with(&env, &faults);
    env.write("gate", "");
    eventually(|| env.path().join(".stocktake/local/service.json").exists());
    signal(Signal::CONT);
    let output = waiting.wait_with_output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("Success"), "{stdout}{stderr}");
    let shown = json(&env, &["state", "show", "slow", "--format", "json"]);
    let submissions = shown["records"][0]["submissions"].as_array().unwrap();
    assert_eq!(submissions.len(), 1, "{shown:#}");
}

/// A status of hundreds of jobs costs the service a list, and a question for each that runs.
#[test]
fn five_hundred_jobs_are_refreshed_in_as_many_calls_as_they_fill_pages() {
    const JOBS: usize = 500;
    const RUNNING: usize = 3;
    /// Ended jobs whose objects one `status` counts.
    const COUNTS: usize = 100;
    let local = Target::embedded(&["true"]).workflow("w2", GATED, &[]);
    let env = Workspace::new().target("local", &local).object("in/a", "a");
    let serve = Serve::start_with(&env, &["-v"]);
    // The same service, as one that others run: its jobs are not waited for.
    let far = Target::at(serve.address).set("rate", 10_000);
    env.add_target("far", &far.set("max_submissions", 5000));
    let folders: Vec<String> = (0..JOBS - RUNNING)
        .map(|number| format!("'{number}'"))
        .collect();
    let done = format!(
        "  done:\n    matrix: {{ folder: [{}] }}\n    \
         input: {{ prefix: 'none/${{ matrix.folder }}/' }}\n    \
         operation: {{ workflow_ids: w1 }}\n",
        folders.join(", ")
    );
    let running = "  open:\n    matrix: { part: ['in', 'in/', 'in/a'] }\n    \
                   input: { prefix: '${ matrix.part }' }\n    overlap: allow\n    \
                   operation: { workflow_ids: w2 }\n";
    env.write("jobs/a.yaml", &format!("jobs:\n{done}{running}"));
    let far = |arguments: &[&str]| {
        let arguments = [&["-t", "far"], arguments].concat();
        env.run_signed(&arguments).expect(0)
    };
    far(&["state", "init"]);
    far(&["apply", "--auto-approve"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = serve.client();
    let query = ListQuery {
        states: vec![JobState::Submitted, JobState::Running],
        ..ListQuery::default()
    };
    eventually(|| runtime.block_on(service.list(&query)).unwrap().len() == RUNNING);
    let shown = far(&["-v", "status", "--format", "json"]);
    let records: Value = serde_json::from_str(&shown.stdout).unwrap();
    let records = records["records"].as_array().unwrap();
    let of = |state: &str| {
        records
            .iter()
            .filter(|record| record["state"] == state)
            .count()
    };
    assert_eq!((of("Success"), of("Running")), (JOBS - RUNNING, RUNNING));
    let calls = shown.stderr.matches("GET ").count();
    assert!(
        (RUNNING..=JOBS / 100 + RUNNING + COUNTS).contains(&calls),
        "{}",
        shown.stderr
    );
}

#[test]
fn waiting_ends_when_the_time_is_up_and_cancelling_ends_the_job() {
    let env = Workspace::gated();
    let _serve = Serve::start(&env);
    env.submit();
    let late = env
        .run(&["status", "--wait", "--timeout", "300ms"])
        .expect(1);
    assert!(late.stderr.contains("the time is up"), "{}", late.stderr);
    eventually(|| env.run(&["status"]).stdout.contains("1 open"));
    let asked = env.run(&["cancel", "slow"]).expect(1);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        insta::assert_snapshot!("cancel_asks", asked.shown());
    });
    let cancelled = env.run(&["cancel", "slow", "--auto-approve"]).expect(0);
    assert!(cancelled.stdout.contains("Cancel"), "{}", cancelled.stdout);
    env.run(&["status", "slow", "--wait"]).expect(7);
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
    let again = env.run(&["cancel", "slow"]).expect(0);
    assert_contains(&again.stderr, "nothing to cancel");
}

#[test]
fn the_log_names_calls_and_their_ids_and_no_secret() {
    let env = Workspace::small().job("all", "{ prefix: video/ }");
    let mut command = env.command(&["-v", "--log-format", "json", "apply"]);
    command.env("STOCKTAKE_SERVE_SECRET_ID", "canary-id");
    command.env("STOCKTAKE_SERVE_SECRET_KEY", "canary-secret");
    let output = command.output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    assert!(log.contains("POST demo-1250000000.ci.ap-beijing.myqcloud.com/inventorytriggerjob"));
    assert!(log.contains("request_id"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}
