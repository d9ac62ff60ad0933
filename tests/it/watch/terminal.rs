//! On a terminal: keys, the screen, the bell, and how it is left.

use super::{Watch, job, workspace};
use crate::support::workspace::{BINARY, Workspace};

/// A shell line that says `clean` if the terminal is as it was before.
fn and_clean(line: &str) -> String {
    format!(
        "before=$(stty -g); {line}; code=$?; \
         [ \"$before\" = \"$(stty -g)\" ] && echo clean; echo exit $code"
    )
}

#[test]
fn keys_apply_show_the_plan_and_quit() {
    let env = workspace();
    let line = and_clean("stocktake watch --color never");
    let mut watch = Watch::on_terminal(&env, &line);
    watch.wait_for("Keys: a apply, p full plan, q quit");
    watch.wait_for("+  videos  new");
    for key in ["?", "x"] {
        watch.press(key);
        watch.wait_for("Keys: a apply");
    }
    watch.press("a");
    watch.wait_for("submitted  videos");
    watch.wait_for("Success");
    watch.press("p");
    watch.wait_for("Nothing to submit to `local`");
    watch.wait_for("=  videos  done");
    env.write("jobs/b.yaml", "jobs: [\n");
    watch.wait_for("last good plan stands:");
    watch.press("p");
    watch.wait_for("This is the last good plan:");
    watch.wait_for("=  videos  done");
    watch.press("q");
    watch.wait_for("clean");
    let text = watch.wait_for("exit 0");
    assert!(!text.contains('\x07'), "{text:?}");
}

#[test]
fn the_screen_is_cleared_only_where_that_is_wanted() {
    for (clear, is_cleared) in [("", false), (" --clear", true)] {
        let env = workspace();
        let mut watch = Watch::on_terminal(&env, &format!("stocktake watch --color never{clear}"));
        let mut text = watch.wait_for("videos");
        env.write("jobs/b.yaml", &job("b"));
        text += &watch.wait_for("2 new");
        assert_eq!(text.contains("\x1b[2J"), is_cleared, "{text:?}");
        // What stands there after it is the last look and nothing else.
        let screen = text.rsplit("\x1b[2J").next().unwrap();
        assert!(screen.contains("jobs/b.yaml ("), "{screen:?}");
        assert_eq!(screen.contains("+  videos"), !is_cleared, "{screen:?}");
        watch.press("q");
        watch.end();
    }
    let env = workspace();
    let mut watch = Watch::start(&env, &["--clear", "--bell"]);
    let mut text = watch.wait_for("1 new\n");
    env.write("jobs/b.yaml", "jobs: [\n");
    text += &watch.wait_for("last good plan stands:\n");
    assert!(!text.contains(['\x1b', '\x07']), "{text:?}");
}

#[test]
fn the_bell_rings_once_for_a_mistake_and_not_for_a_plan() {
    let env = workspace();
    let mut watch = Watch::on_terminal(&env, "stocktake watch --bell");
    let text = watch.wait_for("videos");
    assert!(!text.contains('\x07'), "{text:?}");
    env.write("jobs/b.yaml", "jobs: [\n");
    let text = watch.wait_for("last good plan stands:");
    assert_eq!(text.matches('\x07').count(), 1, "{text:?}");
    env.write("jobs/b.yaml", &job("b"));
    let text = watch.wait_for("2 new");
    assert!(!text.contains('\x07'), "{text:?}");
    watch.press("q");
    watch.end();
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let env = workspace();
    let line = format!("trap : INT; {}", and_clean("stocktake watch --color never"));
    let mut watch = Watch::on_terminal(&env, &line);
    watch.wait_for("+  videos  new");
    watch.press("\x03");
    watch.wait_for("clean");
    watch.wait_for("exit 130");
}

#[test]
fn ctrl_c_while_jobs_run_leaves_the_terminal_as_it_was() {
    let env = Workspace::gated();
    let line = format!("trap : INT; {}", and_clean("stocktake watch --apply"));
    let mut watch = Watch::on_terminal(&env, &line);
    watch.wait_for("1 submitted");
    watch.press("\x03");
    watch.wait_for("clean");
    watch.wait_for("exit 130");
    env.write("gate", "");
}

#[test]
fn ctrl_backslash_ends_it_as_it_ends_others_and_leaves_the_terminal_as_it_was() {
    let env = workspace();
    let line = format!(
        "ulimit -c 0; trap : QUIT; {}",
        and_clean("stocktake watch --color never")
    );
    let mut watch = Watch::on_terminal(&env, &line);
    watch.wait_for("+  videos  new");
    watch.press("\x1c");
    watch.wait_for("clean");
    watch.wait_for("exit 131");
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let env = workspace();
    let mut watch = Watch::on_terminal_with(&env, &[("PS1", "$ ")], "bash --norc -i");
    watch.press(&format!("{BINARY} watch --color never\n"));
    watch.wait_for("+  videos  new");
    watch.press("\x1a");
    watch.wait_for("Stopped");
    // Of a terminal that echoes, the line itself is seen; and then what it does.
    watch.press("stty -a | grep -o -w -e '-*echo' -e '-*icanon'\n");
    watch.wait_for("icanon\r\necho\r\n");
    watch.press("fg\n");
    watch.wait_for("watch --color never\r\n");
    watch.press("p");
    watch.wait_for("+  videos  new");
    watch.press("q");
    watch.wait_for("$ ");
    watch.press("exit\n");
    watch.end();
}
