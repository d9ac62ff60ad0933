//! What is removed, broken, or written by others.

use std::fs;
use std::path::Path;

use super::{Watch, job, over, workspace};
use crate::support::target::Target;
use crate::support::workspace::{Workspace, copy_folder};

#[test]
fn a_broken_workspace_file_leaves_the_last_good_plan() {
    let env = workspace();
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    env.write("stocktake.toml", "[targets.local]\nbuket = 1\n");
    let text = watch.wait_for("last good plan stands:\n");
    assert!(text.contains("buket"), "{text}");
    // What is saved meanwhile is part of the plan once it is mended.
    env.write("jobs/b.yaml", &job("meanwhile"));
    watch.wait_for("last good plan stands:\n");
    env.set_target(&Target::small());
    let text = watch.wait_for("2 new\n");
    assert!(text.contains("+  meanwhile  new"), "{text}");
    fs::remove_file(env.path().join("stocktake.toml")).unwrap();
    watch.wait_for("last good plan stands:\n");
    env.set_target(&Target::small());
    watch.wait_for("No other plan than before\n");
}

#[test]
fn folders_may_go_and_come_back() {
    let env = workspace();
    let path = |name: &str| env.path().join(name);
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    env.write("jobs/new/deep/c.yaml", &job("deep"));
    watch.wait_for("2 new\n");
    env.write("jobs/new/deep/c.yaml", &job("deeper"));
    watch.wait_for("+  deeper  new");
    fs::remove_dir_all(path("jobs/new")).unwrap();
    watch.wait_for("-  deeper  no longer in the files");
    env.write("jobs/new/deep/c.yaml", &job("anew"));
    watch.wait_for("+  anew  new");
    env.write("jobs/new/deep/c.yaml", &job("edited"));
    watch.wait_for("+  edited  new");
    fs::rename(path("jobs"), path("away")).unwrap();
    watch.wait_for("there is no job file");
    fs::rename(path("away"), path("jobs")).unwrap();
    watch.wait_for("No other plan than before\n");
    env.write("jobs/b.yaml", &job("after"));
    watch.wait_for("+  after  new");
}

#[test]
fn the_workspace_itself_may_be_made_anew() {
    let outer = Workspace::new();
    let inner = workspace();
    let place = outer.path().join("media");
    copy_folder(inner.path(), &place);
    let mut watch = Watch::start(&outer, &["-C", "media"]);
    watch.wait_for("1 new\n");
    fs::rename(&place, outer.path().join("old")).unwrap();
    watch.wait_for("last good plan stands:\n");
    copy_folder(inner.path(), &place);
    watch.wait_for("No other plan than before\n");
    outer.write("media/jobs/b.yaml", &job("after"));
    watch.wait_for("+  after  new");
}

/// The folder that the program was started in is one of another name, or of none, from then on.
#[test]
fn the_folder_that_it_was_started_in_may_be_made_anew() {
    let outer = Workspace::new();
    let inner = workspace();
    let place = outer.path().join("media");
    for is_moved in [true, false] {
        copy_folder(inner.path(), &place);
        let mut command = outer.command(&["watch", "--quiet-time", "30ms"]);
        command.current_dir(&place);
        let mut watch = Watch::spawn(command);
        watch.wait_for("1 new\n");
        if is_moved {
            fs::rename(&place, outer.path().join("old")).unwrap();
        } else {
            fs::remove_dir_all(&place).unwrap();
        }
        let said = watch.wait_for("last good plan stands:\n");
        assert!(said.contains("is gone"), "{said}");
        copy_folder(inner.path(), &place);
        watch.wait_for("No other plan than before\n");
        outer.write("media/jobs/b.yaml", &job("after"));
        watch.wait_for("+  after  new");
        drop(watch);
        fs::remove_dir_all(&place).unwrap();
    }
}

#[test]
fn a_second_watch_and_an_apply_beside_it_are_told_of() {
    let env = workspace();
    env.write("jobs/a.yaml", &over("first", "video/a.txt"));
    let mut looking = Watch::start(&env, &[]);
    looking.wait_for("1 new\n");
    let mut applying = Watch::start(&env, &["--apply"]);
    applying.wait_for("Success    first");
    looking.wait_for("the state (");
    looking.wait_for("+1 unchanged");
    // Both apply: whichever comes first, each job is sent once.
    let mut both = Watch::start(&env, &["--apply"]);
    both.wait_for("1 unchanged");
    env.write("jobs/b.yaml", &over("second", "video/b.txt"));
    looking.wait_for("+  second  new");
    looking.wait_for("2 unchanged");
    env.run(&["apply", "--lock-timeout", "20s"]).expect(0);
    for watch in [applying, both, looking] {
        let (code, _) = watch.interrupt();
        assert_eq!(code, Some(130));
    }
    let state = env.read(".stocktake/local.state.jsonl");
    assert_eq!(state.matches("\"accepted\"").count(), 2, "{state}");
    assert_eq!(
        fs::read_dir(env.path().join(".stocktake/local/results"))
            .unwrap()
            .count(),
        2
    );
}

/// Resident memory of a process in kilobytes.
fn memory(watch: &Watch) -> usize {
    let path = Path::new("/proc")
        .join(watch.id().to_string())
        .join("status");
    let status = fs::read_to_string(path).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "takes minutes: 5,000 edits, each waited for"]
fn five_thousand_edits_leave_no_trace() {
    let env = workspace();
    let mut watch = Watch::start(&env, &["--quiet-time", "1ms"]);
    watch.wait_for("1 new\n");
    let mut after_warm_up = 0;
    for number in 0..5_000 {
        let text = match number % 5 {
            0 => "jobs: [\n".to_owned(),
            _ => job(&format!("j{number}")),
        };
        env.write("jobs/edited.yaml", &text);
        watch.wait_for(if number % 5 == 0 {
            "plan stands:\n"
        } else {
            "2 new\n"
        });
        if number == 500 {
            after_warm_up = memory(&watch);
        }
    }
    let grown = memory(&watch).saturating_sub(after_warm_up);
    assert!(grown < 2_000, "grew by {grown} kB from {after_warm_up} kB");
}
