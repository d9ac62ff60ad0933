//! One state for several checkouts, in a folder that they share: what people and programs see.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{Run, Workspace};

/// A workspace over a service, and the folder of its state.
struct Place {
    workspace: Workspace,
    _serve: Serve,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let workspace = Workspace::new()
            .target("local", &Target::embedded(&["true"]))
            .object(".keep", "")
            .job("a", "{ prefix: a/ }")
            .job("b", "{ prefix: b/ }");
        let serve = Serve::start(&workspace);
        let folder = workspace.path().join("elsewhere/state");
        let target = Target::at(serve.address)
            .set("state", format!("file://{}", folder.display()))
            .set("window", "2s")
            .set("settle", "1s");
        workspace.add_target("prod", &target);
        Self {
            workspace,
            _serve: serve,
            folder,
        }
    }

    fn begun() -> Self {
        let place = Self::new();
        place.run(&["state", "init", "--lease", "1s"]).expect(0);
        place
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let arguments = [&["-t", "prod"], arguments].concat();
        self.workspace.run_signed(&arguments)
    }

    fn slot(&self, number: u64) -> PathBuf {
        self.folder.join(format!("log/{number:020}"))
    }

    fn slots(&self) -> usize {
        fs::read_dir(self.folder.join("log")).unwrap().count()
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn an_apply_owns_the_state_only_while_it_sends() {
    let place = Place::begun();
    place.run(&["plan"]).expect(0);
    assert_eq!(place.slots(), 1);
    let applied = place.run(&["apply", "--auto-approve"]).expect(0);
    assert!(applied.stdout.contains("2 submitted"), "{}", applied.stdout);
    assert!(!applied.stderr.contains("commit"), "{}", applied.stderr);
    let free = json(&place.run(&["state", "lock", "--format", "json"]));
    assert_eq!(
        (&free["holder"], &free["until"]),
        (&Value::Null, &Value::Null)
    );
    let slots = place.slots();
    place.run(&["apply", "--auto-approve"]).expect(0);
    assert_eq!(place.slots(), slots, "there was nothing to send");
    for command in [&["status"][..], &["state", "list"], &["state", "verify"]] {
        place.run(command).expect(0);
    }
    place.run(&["state", "mv", "a", "c"]).expect(0);
    let remove = ["state", "rm", "b", "--auto-approve"];
    place.run(&remove).expect(0);
    let list = place.run(&["state", "list"]).stdout;
    assert!(list.contains("c ") && list.contains("removed"), "{list}");
}

#[test]
fn programs_are_told_who_holds_the_state_and_where_its_log_ends() {
    let place = Place::begun();
    let plan = json(&place.run(&["plan", "--format", "json"]));
    assert_eq!(plan["log"]["number"], 1);
    assert_eq!(plan.get("holder"), None);
    let applied = place
        .run(&["apply", "--auto-approve", "--format", "json"])
        .expect(0);
    let lines = applied
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut lines = lines.filter(|line| line["type"] == "run_start");
    let plan = lines.next().unwrap();
    assert!(plan["holder"]["pid"].is_number(), "{plan}");
    assert_eq!(plan["log"]["number"], 2);
}

#[test]
fn a_saved_plan_is_refused_by_a_log_that_went_backwards() {
    let place = Place::begun();
    place.run(&["state", "list"]).expect(0);
    place
        .run(&["apply", "--auto-approve", "--only", "a"])
        .expect(0);
    place.run(&["plan", "--out", "plan.json"]).expect(0);
    let last = place.slot(place.slots() as u64);
    let kept = fs::read(&last).unwrap();
    fs::remove_file(&last).unwrap();
    let refused = place.run(&["apply", "plan.json"]).expect(6);
    assert!(
        refused.stderr.contains("went backwards"),
        "{}",
        refused.stderr
    );
    fs::write(&last, kept).unwrap();
    place.run(&["apply", "plan.json"]).expect(0);
}

#[test]
fn what_is_wrong_with_a_store_is_named_with_a_way_out() {
    let place = Place::new();
    let missing = place.run(&["plan"]).expect(1);
    assert!(missing.stderr.contains("state init"), "{}", missing.stderr);
    assert!(!place.folder.exists(), "reading makes nothing");
    place.run(&["state", "init", "--lease", "1s"]).expect(0);
    place.run(&["state", "init"]).expect(1);
    place.run(&["apply", "--auto-approve"]).expect(0);
    let newer = "{\"format\":\"stocktake.slot/9\"}\n";
    let damage = [
        ("slots after it", None),
        ("was not stored to its end", Some("{")),
        ("does not know", Some(newer)),
        ("does not begin with a header", Some("x\n")),
    ];
    let slot = place.slot(2);
    let kept = fs::read(&slot).unwrap();
    for (said, text) in damage {
        match text {
            None => fs::remove_file(&slot).unwrap(),
            Some(text) => fs::write(&slot, text).unwrap(),
        }
        let slots = place.slots();
        for command in [
            &["plan"][..],
            &["apply", "--auto-approve"],
            &["state", "verify"],
        ] {
            let refused = place.run(command).expect(1);
            let words: Vec<&str> = refused.stderr.split_whitespace().collect();
            let message = words.join(" ");
            assert!(message.contains(said), "{said}: {message}");
            assert!(message.contains("00000000000000000002"), "{message}");
        }
        assert_eq!(place.slots(), slots, "nothing is written");
        fs::write(&slot, &kept).unwrap();
    }
    // A slot of another state in its place.
    let other = Place::begun();
    fs::write(&slot, fs::read(other.slot(1)).unwrap()).unwrap();
    place.run(&["plan"]).expect(1);
}

#[test]
fn addresses_that_are_no_state_are_refused_at_their_place() {
    for (address, said) in [
        ("gs://bucket/state", "is not supported"),
        ("file://relative/state", "absolute path"),
    ] {
        let workspace = Workspace::new();
        let target = Target::of("demo-1250000000").set("state", address);
        workspace.add_target("prod", &target);
        let refused = workspace
            .run_signed(&["-t", "prod", "state", "list"])
            .expect(1);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("stocktake.toml"),
            "{}",
            refused.stderr
        );
    }
    let workspace = Workspace::small();
    workspace.set_target(&Target::small().set("state", "file:///srv/state"));
    let refused = workspace.run(&["plan"]).expect(1);
    assert!(refused.stderr.contains("embedded"), "{}", refused.stderr);
}

#[test]
fn in_automation_only_the_environment_names_a_folder_of_the_machine() {
    let place = Place::begun();
    let command = |named: bool| {
        let mut command = place.workspace.command(&["-t", "prod", "state", "list"]);
        command.env("STOCKTAKE_IN_AUTOMATION", "1");
        if named {
            command.env(
                "STOCKTAKE_STATE",
                format!("file://{}", place.folder.display()),
            );
        }
        Run::of(&mut command)
    };
    let refused = command(false).expect(1);
    assert!(
        refused.stderr.contains("STOCKTAKE_STATE=file://"),
        "{}",
        refused.stderr
    );
    command(true).expect(0);
}

#[test]
fn watch_follows_files_alone() {
    let place = Place::begun();
    let refused = place.run(&["watch"]).expect(1);
    assert!(refused.stderr.contains("shared"), "{}", refused.stderr);
}
