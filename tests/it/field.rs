//! What went well when reports of others were tried, and has to go on: odd prefixes, odd repositories,
//! nobody to ask, lines of any width.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use stocktake::api::name::{JobName, WorkflowId};
use stocktake::api::request::{Input, JobType, Operation, Request, TimeInterval};

use crate::support::jobs::window;
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, Run, Workspace, jobs};

fn request(prefix: &str) -> Request {
    Request {
        name: JobName::new("found").unwrap(),
        kind: JobType::Workflow,
        input: Input::Prefix(prefix.to_owned()),
        operation: Operation {
            workflow_ids: WorkflowId::new("w1").unwrap().into(),
            time_interval: TimeInterval::default(),
        },
    }
}

#[test]
fn one_job_that_no_file_can_express_does_not_keep_the_others_from_being_recorded() {
    let odd = [
        "p/${ vars.x }/",
        "q/${x",
        "r/: y/",
        "s/ # z/",
        "null",
        "yes",
        "010",
        "- a/",
        "{a}/",
        "%z/",
        "@a/",
        "`a/",
        "!a/",
        "&a/",
        "*a/",
        "|",
        ">",
        "中文：/",
        "1e3",
        "0x10",
        "2022-01-01",
        "a: ",
        "#c",
        "\"",
        "'",
        "---",
        "...",
        "{{ x }}/",
        "$${ x }/",
        "<a>&amp;</a>/",
        "]]>/",
        "a\\b/",
    ];
    let inexpressible = ["tab\there/", "a\u{85}b/"];
    let env = Workspace::small();
    let serve = Serve::start(&env);
    let client = serve.client();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let submit = |prefix: &&str| {
        let sent = runtime.block_on(client.trigger(&request(prefix), window()));
        sent.outcome.job_id().cloned()
    };
    let taken = odd.iter().filter_map(submit).count();
    assert_eq!(taken, odd.len());
    let left_out: Vec<_> = inexpressible.iter().filter_map(submit).collect();
    assert!(!left_out.is_empty());
    fs::create_dir(env.path().join("jobs")).unwrap();
    let run = env.run(&["adopt", "--file", "jobs/found.yaml"]).expect(1);
    assert_eq!(
        run.stderr.matches("error[inexpressible]").count(),
        left_out.len()
    );
    for id in &left_out {
        assert!(run.stderr.contains(id.as_str()), "{}", run.stderr);
    }
    assert!(run.stderr.contains("`prefix`"), "{}", run.stderr);
    let plan = env.run(&["plan", "--all", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["summary"]["unchanged"], taken);
    assert_eq!(plan["summary"]["submit"], 0);
    let read = plan["jobs"].as_array().unwrap().iter();
    let mut read: Vec<&str> = read
        .map(|job| job["request"]["input"]["prefix"].as_str().unwrap())
        .collect();
    let mut wanted = odd.to_vec();
    read.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(read, wanted);
}

#[test]
fn the_commit_of_a_plan_is_that_of_the_work_tree_or_none() {
    let commit = |env: &Workspace| -> Value {
        let plan = env.run(&["plan", "--format", "json"]).expect(0);
        serde_json::from_str::<Value>(&plan.stdout).unwrap()["commit"].clone()
    };
    let env = Workspace::small().job("a", "{ prefix: video/ }");
    assert_eq!(commit(&env), Value::Null);
    let git = |env: &Workspace, arguments: &[&str]| {
        let identity = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "commit.gpgsign=false",
        ];
        let run = Run::of(env.command_of("git").args(identity).args(arguments));
        run.expect(0).stdout.trim().to_owned()
    };
    git(&env, &["init", "--quiet", "--initial-branch", "main"]);
    assert_eq!(commit(&env), Value::Null, "nothing is committed yet");
    git(&env, &["add", "."]);
    git(&env, &["commit", "--quiet", "-m", "a"]);
    let head = git(&env, &["rev-parse", "HEAD"]);
    assert_eq!(commit(&env), head.as_str());
    // Another work tree of the same repository, at another commit.
    let other = Workspace::new();
    let place = other.path().join("tree");
    git(
        &env,
        &["worktree", "add", "--quiet", place.to_str().unwrap()],
    );
    let plan = other
        .run(&["-C", "tree", "plan", "--format", "json"])
        .expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["commit"], head.as_str());
    fs::write(env.path().join(".git/HEAD"), "ref: refs/heads/none\n").unwrap();
    assert_eq!(commit(&env), Value::Null);
    fs::write(env.path().join(".git/HEAD"), "nonsense").unwrap();
    assert_eq!(commit(&env), Value::Null);
}

#[test]
fn only_a_yes_on_a_terminal_submits_to_a_target_that_costs_money() {
    let serving = Workspace::small();
    let serve = Serve::start(&serving);
    let env = Workspace::new().target("prod", &Target::at(serve.address));
    env.write("jobs/a.yaml", &jobs([("a", "{ prefix: a/ }")]));
    env.run(&["-t", "prod", "state", "init"]).expect(0);
    let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
    let mut piped = env.command(&["-t", "prod", "apply"]);
    piped.envs(CREDENTIALS).stdin(yes.stdout.take().unwrap());
    let run = Run::of(&mut piped).expect(1);
    assert!(run.stderr.contains("nobody to ask"), "{}", run.stderr);
    yes.kill().unwrap();
    yes.wait().unwrap();
    env.run_signed(&["-t", "prod", "apply"]).expect(1);
    for (answer, code) in [("", 1), ("n", 1), ("yes please", 1), ("YES", 0)] {
        let mut terminal = env.on_terminal("stocktake -t prod apply", 24);
        terminal
            .envs(CREDENTIALS)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut apply = terminal.spawn().unwrap();
        let mut keyboard = apply.stdin.take().unwrap();
        std::io::Write::write_all(&mut keyboard, format!("{answer}\n").as_bytes()).unwrap();
        assert_eq!(apply.wait().unwrap().code(), Some(code), "{answer:?}");
        drop(keyboard);
    }
    assert!(
        env.run(&["-t", "prod", "state", "list"])
            .stdout
            .contains("Submitted")
    );
}

#[test]
fn a_device_that_is_named_for_output_stays_one() {
    let env = Workspace::small().job("a", "{ prefix: video/ }");
    // In a namespace of its own: the machine's devices are not at stake.
    let script = "mount -t tmpfs none small && mkdir small/dev && touch small/dev/null small/dev/tty && \
         mount --bind /dev/null small/dev/null && \"$0\" plan --out small/dev/null && \
         test -c small/dev/null && \"$0\" man --out small/man && \"$0\" adopt --file jobs/found.yaml && \
         test -c small/dev/null && echo still";
    fs::create_dir(env.path().join("small")).unwrap();
    let mut command = env.command_of("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command.arg(crate::support::workspace::BINARY);
    let run = Run::of(&mut command);
    assert!(run.stdout.ends_with("still\n"), "{}", run.shown());
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn lines_fit_terminals_of_every_width() {
    let env = Workspace::small()
        .job("a-key-of-some-length", "{ prefix: video/ }")
        .job("视频归档-二零二二年", "{ prefix: 视频/ }");
    for columns in [1, 2, 10, 40, 79, 80, 200, 500] {
        for command in ["plan", "apply", "status", "validate"] {
            let line = format!("stty cols {columns} rows 5; TERM=dumb stocktake {command}");
            let output = env.on_terminal(&line, 5).output().unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{columns}: {shown}");
            assert!(shown.lines().count() < 60, "{columns} {command}: {shown}");
        }
    }
}
