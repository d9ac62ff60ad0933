//! What people's machines do to the program: half-written files, odd environments, devices,
//! full disks, terminals that go away.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use crate::support::wait::eventually;
use crate::support::workspace::Workspace;

fn small() -> Workspace {
    Workspace::small()
        .object("video/a", "a")
        .job("all", "{ prefix: video/ }")
}

#[test]
fn apply_waits_for_a_job_file_that_is_being_written() {
    let env = Workspace::small().object("video/a", "a");
    env.write("jobs/.keep", "");
    let path = env.path().join("jobs/half.yaml");
    let whole = Workspace::new().job("half", "{ prefix: video/2022/ }");
    let text = fs::read_to_string(whole.path().join("jobs/half.yaml")).unwrap();
    let cut = text.find("2022/").unwrap();
    let mut writer = Command::new("sh")
        .args(["-c", "exec >\"$0\"; printf %s \"$1\"; cat"])
        .arg(&path)
        .arg(&text[..cut])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    eventually(|| fs::metadata(&path).is_ok_and(|file| file.len() == cut as u64));
    let mut apply = env.command(&["apply"]);
    let apply = apply
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rest = writer.stdin.take().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    rest.write_all(&text.as_bytes()[cut..]).unwrap();
    drop(rest);
    writer.wait().unwrap();
    let output = apply.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = env.run(&["state", "show", "half"]).expect(0).stdout;
    assert!(shown.contains("video/2022/"), "{shown}");
}

#[test]
fn a_number_that_would_lose_its_text_is_refused_in_a_matrix() {
    for (value, lost) in [
        ("08", true),
        ("+1", true),
        ("0x1F", true),
        ("True", true),
        ("9", false),
        ("true", false),
        ("'08'", false),
    ] {
        let env = Workspace::small();
        let input = "{ prefix: \"${ matrix.m }/\" }";
        let env = env.job("all", input);
        let path = env.path().join("jobs/all.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace(
            "    input:",
            &format!("    matrix: {{ m: [{value}] }}\n    input:"),
        );
        fs::write(&path, text).unwrap();
        let run = env.run(&["validate"]).expect(i32::from(lost));
        assert_eq!(
            run.stderr.contains("matrix-value") || run.stdout.contains("matrix-value"),
            lost,
            "{value}: {}",
            run.shown()
        );
    }
}

#[test]
fn a_job_that_matched_nothing_is_told_as_such() {
    let env = Workspace::small().job("none", "{ prefix: nothing/here/ }");
    let run = env.run(&["apply"]).expect(0);
    assert!(run.stderr.contains("0 objects"), "{}", run.shown());
    assert!(env.run(&["status"]).expect(0).stdout.contains("0 objects"));
}

#[test]
fn output_that_cannot_be_written_fails_every_command() {
    let env = small();
    env.run(&["apply"]).expect(0);
    for arguments in [
        &["validate", "--format", "json"][..],
        &["validate", "--format", "sarif"],
        &["status", "--format", "json"],
        &["status", "--format", "html"],
        &["state", "list"],
        &["state", "path"],
        &["schema", "jobfile"],
        &["completions", "bash"],
        &["man"],
        &["adopt", "--format", "json"],
        &["plan", "--format", "json"],
        &["plan"],
        &["render", "all"],
        &["--help"],
        &["--version"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let status = env
            .command(arguments)
            .stdout(full)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn an_output_path_that_is_no_regular_file_is_written_into() {
    let env = small();
    let run = env.run(&["plan", "--out", "/dev/stdout", "--quiet"]);
    assert!(run.expect(0).stdout.contains("\"format\""));
    // Through a link, the file that it leads to is replaced.
    fs::write(env.path().join("real.json"), "old").unwrap();
    symlink("real.json", env.path().join("link.json")).unwrap();
    env.run(&["plan", "--out", "link.json"]).expect(0);
    assert!(env.path().join("link.json").is_symlink());
    assert!(env.read("real.json").contains("\"format\""));
    // A pipe that is read, and a folder.
    let pipe = env.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    env.run(&["plan", "--out", "pipe"]).expect(1);
    let reader = Command::new("cat")
        .arg(&pipe)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    eventually(|| {
        env.command(&["plan", "--out", "pipe"])
            .output()
            .unwrap()
            .status
            .success()
    });
    let read = reader.wait_with_output().unwrap();
    assert!(
        String::from_utf8(read.stdout)
            .unwrap()
            .contains("\"format\"")
    );
    env.run(&["plan", "--out", "jobs"]).expect(1);
}

#[test]
fn new_files_have_the_mode_that_the_umask_leaves_and_old_ones_keep_theirs() {
    let env = small();
    let mode = |name: &str| {
        fs::metadata(env.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    let program = env!("CARGO_BIN_EXE_stocktake");
    for (umask, expected) in [("077", 0o600), ("022", 0o644), ("027", 0o640)] {
        let name = format!("plan-{umask}.json");
        let script =
            format!("umask {umask}; \"$0\" plan --out {name}; rm -rf .stocktake; \"$0\" apply");
        let run = env
            .command_of("sh")
            .args(["-c", &script, program])
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        assert_eq!(mode(&name), expected, "{umask}");
        assert_eq!(mode(".stocktake/local.state.jsonl"), expected, "{umask}");
    }
    let plan = env.path().join("plan-077.json");
    fs::set_permissions(&plan, fs::Permissions::from_mode(0o660)).unwrap();
    env.run(&["plan", "--out", "plan-077.json"]).expect(0);
    assert_eq!(mode("plan-077.json"), 0o660);
}

#[test]
fn nothing_waits_for_the_writer_of_a_fifo() {
    for name in [
        ".stocktake/local.state.jsonl",
        ".stocktake/local.state.jsonl.lock",
        "stocktake.toml",
    ] {
        let env = small();
        fs::create_dir_all(env.path().join(".stocktake")).unwrap();
        let path = env.path().join(name);
        let _ = fs::remove_file(&path);
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let mut command = env.command_of("timeout");
        command.args(["20", env!("CARGO_BIN_EXE_stocktake"), "apply"]);
        assert_eq!(command.output().unwrap().status.code(), Some(1), "{name}");
    }
}

#[test]
fn a_state_whose_link_leads_nowhere_is_not_one_that_was_never_begun() {
    let env = small();
    env.run(&["apply"]).expect(0);
    fs::rename(env.path().join(".stocktake"), env.path().join("away")).unwrap();
    symlink("nowhere", env.path().join(".stocktake")).unwrap();
    for command in ["plan", "apply", "status"] {
        let run = env.run(&[command]).expect(1);
        assert!(run.stderr.contains("leads nowhere"), "{}", run.shown());
    }
}

#[test]
fn an_empty_variable_is_unset_and_one_that_is_not_utf_8_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let env = small();
    for name in ["STOCKTAKE_TARGET", "STOCKTAKE_STATE", "STOCKTAKE_VAR_any"] {
        let run = env.command(&["plan"]).env(name, "").output().unwrap();
        assert!(run.status.success(), "{name}");
        let bytes = OsStr::from_bytes(b"x\xff");
        let run = env.command(&["plan"]).env(name, bytes).output().unwrap();
        assert_eq!(run.status.code(), Some(1), "{name}");
        assert!(
            String::from_utf8_lossy(&run.stderr).contains(name),
            "{run:?}"
        );
    }
}

#[test]
fn a_folder_given_with_c_is_where_the_command_runs() {
    let env = Workspace::new();
    env.run(&["init", "inner"]).expect(0);
    env.run(&["-C", "inner", "plan", "--out", "p.json"])
        .expect(0);
    assert!(env.path().join("inner/p.json").exists());
    env.run(&["-C", "inner/jobs/..", "show", "p.json"])
        .expect(0);
    env.run(&["-C", "none", "-C", "inner", "validate"])
        .expect(0);
    let run = env.run(&["-C", "none", "plan"]).expect(1);
    assert!(run.stderr.contains("none"), "{}", run.shown());
}

#[test]
fn what_was_not_asked_is_not_claimed() {
    let env = small();
    let run = env.run(&["plan", "--refresh"]).expect(0);
    assert!(!run.stdout.contains("was asked"), "{}", run.shown());
    assert!(run.stderr.contains("none to refresh"), "{}", run.shown());
}

#[test]
fn changes_that_look_alike_are_spelt_out() {
    let env = Workspace::small().job("p", "{ prefix: cafe\u{301}/ }");
    env.run(&["apply"]).expect(0);
    let env = env.job("p", "{ prefix: caf\u{e9}/ }");
    let run = env.run(&["plan", "--format", "markdown"]).expect(0);
    assert!(run.stdout.contains("u{301}"), "{}", run.shown());
    let run = env.run(&["plan"]).expect(0);
    assert!(
        run.stdout.contains("u{301}") && run.stdout.contains("u{e9}"),
        "{}",
        run.shown()
    );
}

#[test]
fn characters_that_are_not_seen_are_named() {
    let env = small();
    let text = env.read("jobs/all.yaml");
    for (from, to, name) in [
        ("    input:", "    in\u{200b}put:", "U+200B"),
        ("    input:", "\u{a0}\u{a0}\u{a0}\u{a0}input:", "U+00A0"),
        ("jobs:", "jobs：", "U+FF1A"),
    ] {
        env.write("jobs/all.yaml", &text.replace(from, to));
        let run = env.run(&["validate"]).expect(1);
        assert!(run.shown().contains(name), "{}", run.shown());
    }
    for (content, code) in [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "git-lfs-pointer",
        ),
        (
            "<<<<<<< HEAD\njobs: {}\n=======\njobs: {}\n>>>>>>> other\n",
            "git-conflict",
        ),
    ] {
        env.write("jobs/all.yaml", content);
        assert!(
            env.run(&["validate"]).expect(1).shown().contains(code),
            "{code}"
        );
    }
}

#[test]
fn a_request_becomes_a_job_only_if_the_job_is_that_request() {
    let request = |prefix: &str, declaration: &str| {
        format!(
            "{declaration}<Request><Name>n1</Name><Input><Prefix>{prefix}</Prefix></Input>\
             <Operation><WorkflowIds>w1</WorkflowIds></Operation></Request>"
        )
    };
    for (body, is_good) in [
        (request("\n  a/b/\n ", ""), true),
        (request("a/${ x }", ""), true),
        (request("a\tb/", ""), false),
        (
            request("a/", "<?xml version=\"1.0\" encoding=\"GBK\"?>"),
            false,
        ),
        (
            request("a/", "\u{feff}<?xml version='1.0' encoding='utf-8'?>"),
            true,
        ),
    ] {
        let env = Workspace::new();
        env.write("body.xml", &body);
        let run = env.run(&["init", "--from", "body.xml"]);
        if is_good {
            run.expect(0);
            env.run(&["validate"]).expect(0);
        } else {
            run.expect(1);
            assert!(!env.path().join("jobs").exists(), "{body}");
        }
    }
}
