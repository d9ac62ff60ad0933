//! What is wrong gets a clear error with its place; nothing is submitted, nothing overwritten.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use serde_json::Value;

use crate::adopt::with_jobs;
use crate::support::workspace::{FILTERS, Run, Workspace, copy_folder};

const GOOD: &str =
    "jobs:\n  one:\n    input: { prefix: video/ }\n    operation: { workflow_ids: w1 }\n";

/// Every command that reads the files refuses them alike, and none makes a state.
fn check(name: &str, files: &[(&str, &str)]) {
    let env = Workspace::small();
    for (path, text) in files {
        env.write(path, text);
    }
    let run = env.run(&["validate"]).expect(1);
    assert_eq!(env.run(&["plan"]).expect(1).stderr, run.stderr);
    assert_eq!(env.run(&["apply"]).expect(1).stderr, run.stderr);
    assert!(
        !env.path().join(".stocktake").exists(),
        "something was written"
    );
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!(format!("bad_{name}"), run.shown());
    });
}

fn one(spec: &str) -> String {
    let lines: Vec<String> = spec.lines().map(|line| format!("    {line}\n")).collect();
    format!("jobs:\n  one:\n{}", lines.concat())
}

#[test]
fn job_files() {
    let with = |input: &str| one(&format!("{input}\noperation: {{ workflow_ids: w1 }}"));
    let named = |name: &str| {
        one(&format!(
            "name: {name}\ninput: {{ prefix: a/ }}\noperation: {{ workflow_ids: w1 }}"
        ))
    };
    let cases = [
        ("syntax", "jobs:\n  one: { input: [\n".to_owned()),
        ("unknown_field", with("inptu: { prefix: a/ }")),
        (
            "bare_expression",
            with("input: { prefix: ${ vars.folder }/ }"),
        ),
        (
            "bare_two_braces",
            with("input: { prefix: ${{ vars.folder }}/ }"),
        ),
        (
            "two_braces",
            with("input: { prefix: \"${{ vars.folder }}/\" }"),
        ),
        ("wrong_type", with("input: { prefix: [a] }")),
        ("two_inputs", with("input: { prefix: a/, object: b }")),
        ("no_input", with("description: nothing to read")),
        ("empty_input", with("input: {}")),
        ("long_name", named(&"a".repeat(129))),
        ("name_with_space", named("two words")),
        ("name_with_emoji", named("a😀")),
        (
            "start_after_end",
            one(
                "input: { prefix: a/ }\noperation:\n  workflow_ids: w1\n  time_interval: { start: 2022-05-01T00:00:00+0800, end: 2022-02-01T00:00:00+0800 }",
            ),
        ),
        (
            "unknown_variable",
            with("input: { prefix: \"${ vars.folder }/\" }"),
        ),
        (
            "several",
            one("input: { prefix: 7 }\noperation: { workflow_id: w1 }\nrerun: [x]"),
        ),
    ];
    for (name, text) in cases {
        check(name, &[("jobs/bad.yaml", &text)]);
    }
    check(
        "toml_syntax",
        &[(
            "jobs/bad.toml",
            "[jobs.one]\ninput = { prefix = 'a/' \nrerun = \n",
        )],
    );
}

#[test]
fn pairs_of_jobs() {
    check(
        "same_key",
        &[
            ("jobs/a.yaml", GOOD),
            ("jobs/b.yaml", &GOOD.replace("video/", "audio/")),
        ],
    );
    let same =
        "[jobs.two]\nname = 'another'\ninput.prefix = 'video/'\noperation.workflow_ids = ['w1']\n";
    check("same_work", &[("jobs/a.yaml", GOOD), ("jobs/b.toml", same)]);
}

#[test]
fn workspaces() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", GOOD);
    let show = |name: &str, run: Run| {
        insta::with_settings!({filters => FILTERS.to_vec()}, {
            insta::assert_snapshot!(format!("bad_{name}"), run.shown());
        });
    };
    show("target", env.run(&["-t", "locla", "plan"]).expect(1));
    show(
        "undeclared_variable",
        env.run(&["--var", "x=1", "plan"]).expect(1),
    );
    fs::remove_file(env.path().join("jobs/one.yaml")).unwrap();
    show("no_job_files", env.run(&["plan"]).expect(1));
    env.write(
        "stocktake.toml",
        "default_target = 'prod'\n[targets.pord]\nbucket = 'Media-1'\nsettle = 'soon'\n",
    );
    show("default_target", env.run(&["plan"]).expect(1));
    show("target_fields", env.run(&["-t", "pord", "plan"]).expect(1));
    let nowhere = Workspace::new();
    show("no_workspace", nowhere.run(&["plan"]).expect(1));
}

#[test]
fn states() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", GOOD);
    env.run(&["apply"]).expect(0);
    let good = env.read(".stocktake/local.state.jsonl");
    let cases = [
        ("damaged", good.replace("video/", "video_")),
        ("conflict", format!("<<<<<<< ours\n{good}")),
        (
            "newer",
            good.replace("stocktake.state/2", "stocktake.state/3"),
        ),
        ("empty", String::new()),
    ];
    for (name, text) in cases {
        env.write(".stocktake/local.state.jsonl", &text);
        for command in ["plan", "apply", "status"] {
            let run = env.run(&[command]).expect(1);
            assert!(!run.stdout.contains("to submit"), "{}", run.stdout);
            assert_eq!(
                env.read(".stocktake/local.state.jsonl"),
                text,
                "{command} wrote"
            );
        }
        insta::with_settings!({filters => FILTERS.to_vec()}, {
            insta::assert_snapshot!(format!("bad_state_{name}"), env.run(&["plan"]).shown());
        });
    }
    env.write(".stocktake/local.state.jsonl", &good);
    env.write("stocktake.toml", &format!("{}\n[targets.prod]\nbucket = 'demo-1250000000'\nregion = 'ap-beijing'\nstate = '.stocktake/local.state.jsonl'\n", env.read("stocktake.toml")));
    let foreign = env.run(&["-t", "prod", "plan"]).expect(1);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("bad_state_foreign", foreign.shown());
    });
}

/// A pipeline that lost its state must not take everything for new.
#[test]
fn a_missing_state_is_an_error_where_money_is_at_stake() {
    let env = Workspace::small();
    env.write("jobs/one.yaml", GOOD);
    env.write(
        "stocktake.toml",
        &format!(
            "{}\n[targets.prod]\nbucket = 'demo-1250000000'\nregion = 'ap-beijing'\n",
            env.read("stocktake.toml")
        ),
    );
    let run = env.run(&["-t", "prod", "plan"]).expect(1);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("bad_state_missing", run.shown());
    });
    env.run(&["-t", "prod", "apply", "--auto-approve"])
        .expect(1);
    assert!(!env.path().join("prod.state.jsonl").exists());
}

#[test]
fn what_the_target_lacks_is_said_once() {
    let env = Workspace::new();
    env.write(
        "stocktake.toml",
        "[targets.prod]\nregion = \"ap-beijing\"\n",
    );
    let job = "{ input: { prefix: a/ }, operation: { workflow_ids: w1 } }";
    env.write("jobs/a.yaml", &format!("jobs: {{ a: {job}, b: {job} }}\n"));
    env.write("jobs/b.yaml", &format!("jobs: {{ c: {job} }}\n"));
    let run = env.run(&["-t", "prod", "validate"]).expect(1);
    assert_eq!(run.stderr.matches("no bucket").count(), 1, "{}", run.stderr);
    assert!(run.stdout.contains("1 error in 2 files"), "{}", run.stdout);
}

#[test]
fn a_workflow_that_the_target_lacks_is_named_once_and_a_near_one_meant() {
    let env = Workspace::small();
    let jobs = "defaults: { operation: { workflow_ids: [w1, thumbnial] } }\njobs:\n  \
                one: { input: { prefix: a/ } }\n  two: { input: { prefix: b/ } }\n  \
                three: { input: { prefix: c/ }, operation: { workflow_ids: other } }\n";
    env.write("jobs/a.yaml", jobs);
    let workspace = fs::read_to_string(env.path().join("stocktake.toml")).unwrap();
    let more = "\n[targets.local.workflows.thumbnail]\ncommand = [\"true\"]\n";
    env.write("stocktake.toml", &(workspace + more));
    let run = env.run(&["validate"]).expect(0);
    insta::with_settings!({filters => FILTERS.to_vec()}, {
        insta::assert_snapshot!("bad_unknown_workflow", run.shown());
    });
}

/// A path need not be text, and JSON holds nothing else.
#[test]
fn names_that_are_no_text_are_told_to_programs_as_well_as_can_be() {
    let env = with_jobs(&["one", "two"], &["one"]);
    let outer = Workspace::new();
    let odd = |bytes| OsStr::from_bytes(bytes);
    let folder = outer.path().join(odd(b"w\xff"));
    copy_folder(env.path(), &folder);
    let jobs = folder.join("jobs");
    fs::rename(jobs.join("a.yaml"), jobs.join(odd(b"a\xff.yaml"))).unwrap();
    let run = |command: &mut Command| {
        command.current_dir(&folder).args(["--format", "json"]);
        serde_json::from_str::<Value>(&Run::of(command).expect(0).stdout).unwrap()
    };
    let rendered = run(&mut outer.command(&["render", "one"]));
    assert_eq!(rendered["source"]["file"], "jobs/a\u{fffd}.yaml");
    let mut adopt = outer.command(&["adopt", "--file"]);
    let adopted = run(adopt.arg(odd(b"jobs/b\xff.yaml")));
    assert_eq!(adopted["file"], "jobs/b\u{fffd}.yaml");
    let verified = run(&mut outer.command(&["state", "verify"]));
    let path = verified["path"].as_str().unwrap();
    assert!(
        path.ends_with("w\u{fffd}/.stocktake/local.state.jsonl"),
        "{path}"
    );
}
