//! What lies around the program: keys of other systems, full disks, marks at the beginnings of files,
//! devices, and a person who takes time to answer.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::SystemTime;

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::{BINARY, CREDENTIALS, Run, Workspace};
use crate::watch::running::Watch;

fn small() -> Workspace {
    Workspace::small()
        .object("video/a", "a")
        .job("all", "{ prefix: video/ }")
}

#[test]
fn a_backslash_in_a_key_is_a_character_as_any_other() {
    let env = Workspace::small()
        .object("in/a\\b.txt", "x")
        .object("in/\\", "x")
        .object("in/c\\..\\d/e", "x")
        .job("folder", "{ prefix: in/ }")
        .job("one", "{ object: 'in/a\\b.txt' }")
        .job("list", "{ url_file: list.txt }");
    let url = "https://demo-1250000000.cos.ap-beijing.myqcloud.com";
    env.write(
        "bucket/list.txt",
        &format!("{url}/in/a%5Cb.txt\n{url}/in/%5C\n"),
    );
    for key in ["folder", "one", "list"] {
        let path = format!("jobs/{key}.yaml");
        let text = env
            .read(&path)
            .replace("    input:", "    overlap: allow\n    input:");
        env.write(&path, &text);
    }
    let plan = env
        .run(&["plan", "--estimate", "--format", "json"])
        .expect(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let objects = |job: &serde_json::Value| job["estimate"]["objects"].as_u64().unwrap();
    let counted: Vec<u64> = plan["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(objects)
        .collect();
    assert_eq!(counted, [3, 2, 1]);
    let run = env.run(&["apply"]).expect(0);
    assert!(run.stderr.contains("objects: 6 done"), "{}", run.stderr);
}

/// The state cannot grow any more while jobs are sent: what is left unresolved decides the exit code.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_leaves_unresolved_jobs_and_says_so_by_its_exit_code() {
    let prefixes = 0..200;
    let jobs = prefixes
        .map(|number| format!("  k{number:03}: {{ input: {{ prefix: in/{number:03}/ }} }}\n"));
    let jobs: String = jobs.collect();
    let serving = Workspace::small();
    let serve = Serve::start(&serving);
    let target = Target::at(serve.address)
        .set("settle", "1s")
        .set("max_submissions", 1000);
    let env = Workspace::new().target("prod", &target);
    env.write(
        "jobs/all.yaml",
        &format!("defaults: {{ operation: {{ workflow_ids: w1 }} }}\njobs:\n{jobs}"),
    );
    fs::create_dir(env.path().join("small")).unwrap();
    let script = "mount -t tmpfs -o size=64k none small || exit 99; \"$0\" -t prod state init; \
         \"$0\" -t prod apply --auto-approve; echo code $?; \"$0\" -t prod state verify";
    let mut command = env.command_of("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            BINARY,
        ])
        .envs(CREDENTIALS)
        .env("STOCKTAKE_STATE", "small/prod.state.jsonl");
    let run = Run::of(&mut command);
    assert!(run.stdout.contains("code 3\n"), "{}", run.shown());
    assert!(run.stdout.contains("unresolved"), "{}", run.shown());
}

#[test]
fn lists_beside_a_bucket_may_begin_with_a_byte_order_mark_and_are_no_fifos() {
    let env = small();
    env.write(
        "bucket/.upload-times",
        "\u{feff}2022-02-14T09:30:00+0800 video/a\r\n",
    );
    env.run(&["apply"]).expect(0);
    let modified = fs::metadata(env.path().join("bucket/video/a"))
        .unwrap()
        .modified();
    let expected: jiff::Timestamp = "2022-02-14T01:30:00Z".parse().unwrap();
    assert_eq!(modified.unwrap(), SystemTime::try_from(expected).unwrap());
    env.write("faults.toml", "\u{feff}seed = 1\n");
    drop(Serve::start_with(&env, &["--faults", "faults.toml"]));
    let fifo = |path: &str| {
        let path = env.path().join(path);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    fifo("bucket/.upload-times");
    let mut command = env.command_of("timeout");
    command.args(["20", BINARY, "serve"]);
    let run = Run::of(&mut command).expect(1);
    assert!(run.stderr.contains(".upload-times"), "{}", run.stderr);
    fs::remove_file(env.path().join("bucket/.upload-times")).unwrap();
    for path in ["/dev/zero", "jobs"] {
        let mut command = env.command_of("timeout");
        command.args(["20", BINARY, "serve", "--faults", path]);
        let run = Run::of(&mut command).expect(1);
        assert!(run.stderr.contains("not a file"), "{}", run.stderr);
    }
}

#[test]
fn a_link_to_a_device_is_no_place_for_output() {
    let env = small();
    symlink("/dev/null", env.path().join("plan.json")).unwrap();
    let run = env.run(&["plan", "--out", "plan.json"]).expect(1);
    assert!(run.stderr.contains("name that itself"), "{}", run.stderr);
    env.run(&["plan", "--out", "/dev/null"]).expect(0);
}

/// A file that is saved while a question waits for its answer is not what was agreed to.
#[test]
fn what_changes_before_the_answer_is_not_submitted() {
    let serving = Workspace::small();
    let serve = Serve::start(&serving);
    let env = Workspace::new().target("prod", &Target::at(serve.address));
    let env = env.job("all", "{ prefix: video/ }");
    env.run(&["-t", "prod", "state", "init"]).expect(0);
    let ask = |change: &dyn Fn()| {
        let line = "stocktake -t prod apply --color never; echo code $?";
        let mut apply = Watch::on_terminal_with(&env, &CREDENTIALS, line);
        apply.wait_for("[y/N]");
        change();
        apply.press("y\n");
        apply.wait_for("code ") + &apply.wait_for("\n")
    };
    let path = env.path().join("jobs/all.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let changed = ask(&|| fs::write(&path, text.replace("video/", "vid")).unwrap());
    assert_contains(&changed, "has changed since it was planned");
    assert!(changed.trim_end().ends_with("code 1"), "{changed}");
    let removed = ask(&|| fs::remove_file(&path).unwrap());
    assert!(removed.trim_end().ends_with("code 1"), "{removed}");
    let listed = env.run(&["-t", "prod", "state", "list"]).stdout;
    assert!(!listed.contains("all"), "{listed}");
    fs::write(&path, &text).unwrap();
    let same = ask(&|| fs::write(&path, &text).unwrap());
    assert!(same.contains("1 submitted"), "{same}");
}

/// Keys that a URL has to escape, or that look like something else, through the list of what failed and back.
#[test]
fn odd_keys_of_failed_objects_come_back_through_their_list() {
    const KEYS: [&str; 18] = [
        "a b",
        "a+b",
        "a%b",
        "a%2Bb",
        "a#b",
        "a?b",
        "a&b=c",
        "a;b,c",
        "a'b\"c",
        "a~!*()b",
        "视频",
        "cafe\u{301}",
        "a\u{2028}b",
        "😀",
        " lead",
        "trail ",
        "..a",
        "a\tb",
    ];
    let fails = &["sh", "-c", "[ -e fixed ]"];
    let env = Workspace::new().target("local", &Target::embedded(fails));
    let env = KEYS
        .iter()
        .fold(env, |env, key| env.object(&format!("in/{key}"), key))
        .job("all", "{ prefix: in/ }");
    env.run(&["apply"]).expect(7);
    let list = ["status", "--failed", "--write-url-file", "bucket/again.txt"];
    env.run(&list).expect(0);
    assert_eq!(env.read("bucket/again.txt").lines().count(), KEYS.len());
    env.write("fixed", "");
    let env = env.job("again", "{ url_file: again.txt }");
    env.run(&["apply"]).expect(0);
    let status = env.run(&["status", "again", "--format", "json"]).expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        status["records"][0]["objects"]["succeeded"],
        KEYS.len(),
        "{status:#}"
    );
}

/// A reader that leaves, or none at all, ends the output and not the work.
#[test]
fn output_that_goes_nowhere_is_quiet_and_forgets_nothing() {
    let env = small();
    for line in [
        "plan | head -c 1",
        "validate | true",
        "plan >&-",
        "plan 2>&-",
        "status <&-",
    ] {
        let line = format!("{BINARY} {line}");
        let run = Run::of(env.command_of("sh").args(["-c", &line]));
        assert!(!run.stderr.contains("panicked"), "{line}: {}", run.stderr);
    }
    let apply = format!("{BINARY} apply | true");
    let run = Run::of(env.command_of("sh").args(["-c", &apply]));
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let records = env.run(&["state", "list"]).expect(0).stdout;
    let again = env.run(&["apply"]).expect(0).stdout;
    // Either nothing was begun, or it is recorded and not begun again.
    assert_eq!(
        records.contains("all"),
        again.contains("Nothing to submit"),
        "{records}{again}"
    );
}

/// Too little memory ends the process with a word, and leaves the state as it was.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_memory_ends_a_plan_with_a_word() {
    let env = small();
    let jobs = (0..60_000).map(|number| {
        format!("  j{number}:\n    input: {{ prefix: {number}/ }}\n    operation: {{ workflow_ids: w1 }}\n")
    });
    env.write(
        "jobs/many.yaml",
        &format!("jobs:\n{}", jobs.collect::<String>()),
    );
    let line = format!("ulimit -v 120000; {BINARY} validate");
    let run = Run::of(env.command_of("sh").args(["-c", &line]));
    assert_ne!(run.code, Some(0), "the limit is too wide for this test");
    assert!(
        !run.stderr.is_empty(),
        "it ends without a word: {:?}",
        run.code
    );
}
