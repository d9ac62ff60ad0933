//! `watch` as people use it: the real program, real edits, on a terminal and without one.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::env::{BINARY, Env, SMALL_TARGET};

/// Beyond this a test waits in vain.
const PATIENCE: Duration = Duration::from_secs(30);

const NEW: &str = "jobs:
  videos:
    input: { prefix: video/ }
    operation: { workflow_ids: w1 }
";

/// A running watch and what it has written.
struct Watch {
    child: Child,
    keyboard: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    text: String,
}

impl Watch {
    /// Without a terminal.
    fn start(env: &Env, arguments: &[&str]) -> Self {
        let mut all = [&["watch"], arguments].concat();
        if !arguments.contains(&"--quiet-time") {
            all.extend(["--quiet-time", "30ms"]);
        }
        let mut command = env.command(&all);
        command.stdin(Stdio::null());
        Self::spawn(command)
    }

    /// On a terminal of 80 columns, as the shell command `line`.
    fn on_terminal(env: &Env, line: &str) -> Self {
        let mut command = env.command(&[]);
        let environment: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()))
            .collect();
        command = Command::new("script");
        command
            .env_clear()
            .envs(environment)
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .current_dir(env.path());
        let line = format!(
            "stty cols 80 rows 40; {}",
            line.replace("stocktake", BINARY)
        );
        command
            .args(["-qefc", &line, "/dev/null"])
            .stdin(Stdio::piped());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, output) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for mut stream in streams {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let _ = sender.send(buffer[..length].to_vec());
                }
            });
        }
        let keyboard = child.stdin.take();
        Self {
            child,
            keyboard,
            output,
            text: String::new(),
        }
    }

    /// Waits until `words` are written, and gives back everything up to them, which is then done.
    #[track_caller]
    fn wait_for(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text.find(words) {
                let rest = self.text.split_off(at + words.len());
                return std::mem::replace(&mut self.text, rest);
            }
            match self
                .output
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {words:?} in:\n{}", self.text)
                }
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard
            .as_mut()
            .unwrap()
            .write_all(keys.as_bytes())
            .unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for the end: the exit code, and what was still written.
    fn end(&mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        (code, std::mem::take(&mut self.text))
    }

    fn interrupt(mut self) -> (Option<i32>, String) {
        kill_process(self.pid(), Signal::INT).unwrap();
        self.end()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn workspace() -> Env {
    let env = Env::small();
    env.write("jobs/a.yaml", NEW);
    env
}

fn job(key: &str) -> String {
    format!(
        "jobs: {{ {key}: {{ input: {{ object: {key} }}, operation: {{ workflow_ids: w1 }} }} }}\n"
    )
}

/// Time differs from run to run.
fn steady(text: &str, env: &Env) -> String {
    let text = text.replace(&*env.path().to_string_lossy(), "<folder>");
    let mut words = String::new();
    for line in text.lines() {
        let line = match line.rsplit_once(" (") {
            Some((before, after)) if after.ends_with(" ms)") => format!("{before} (<time>)"),
            _ => line.to_owned(),
        };
        words.push_str(&line);
        words.push('\n');
    }
    words
}

#[test]
fn each_save_shows_what_it_changes() {
    let env = workspace();
    let mut watch = Watch::start(&env, &[]);
    let mut text = watch.wait_for("1 new\n\njobs/a.yaml\n  +  videos  new  line 2\n");
    env.write("jobs/中文.yaml", &job("视频"));
    text += &watch.wait_for("2 new\n");
    env.write("jobs/a.yaml", "jobs:\n  videos:\n    inptu: 1\n");
    text += &watch.wait_for("2 new\n");
    env.write("jobs/a.yaml", NEW);
    text += &watch.wait_for("2 new\n");
    fs::remove_file(env.path().join("jobs/a.yaml")).unwrap();
    text += &watch.wait_for("1 new\n");
    env.write("jobs/b.yaml", &job("视频").replace("视频:", "other:"));
    text += &watch.wait_for("last good plan stands:\n");
    let (code, rest) = watch.interrupt();
    assert_eq!(code, Some(130));
    insta::assert_snapshot!(steady(&(text + &rest), &env));
}

#[test]
fn every_way_to_save_is_one_replan_and_no_save_is_none() {
    let env = workspace();
    fs::create_dir_all(env.path().join("common")).unwrap();
    env.write("common/real.yaml", &job("linked"));
    std::os::unix::fs::symlink("../common/real.yaml", env.path().join("jobs/link.yaml")).unwrap();
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("2 new\n");
    let path = |name: &str| env.path().join(name);
    // As vim does: a backup, a new file under another name, and a rename.
    fs::write(path("jobs/.v.yaml.swp"), "x").unwrap();
    fs::write(path("jobs/4913"), "").unwrap();
    fs::remove_file(path("jobs/4913")).unwrap();
    fs::rename(path("jobs/a.yaml"), path("jobs/a.yaml~")).unwrap();
    fs::write(path("jobs/a.yaml"), job("vim")).unwrap();
    fs::remove_file(path("jobs/a.yaml~")).unwrap();
    let mut text = watch.wait_for("2 new\n");
    // As others do: empty first, then filled.
    fs::write(path("jobs/a.yaml"), "").unwrap();
    fs::write(path("jobs/a.yaml"), job("code")).unwrap();
    text += &watch.wait_for("2 new\n");
    // Behind a link, and in a folder that comes.
    fs::write(path("common/real.yaml"), job("behind")).unwrap();
    text += &watch.wait_for("2 new\n");
    env.write("jobs/new/deep/c.yaml", &job("deep"));
    text += &watch.wait_for("3 new\n");
    env.write("jobs/new/deep/c.yaml", &job("deeper"));
    text += &watch.wait_for("3 new\n");
    fs::remove_dir_all(path("jobs/new")).unwrap();
    text += &watch.wait_for("2 new\n");
    // What is no save: the same content, another time, files that are none of ours.
    fs::write(path("jobs/a.yaml"), job("code")).unwrap();
    fs::File::open(path("jobs/a.yaml"))
        .unwrap()
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    env.write("jobs/.git/index.yaml", "x");
    env.write("jobs/README.md", "x");
    env.write("bucket/video/c.yaml", "x");
    env.write("jobs/z.yaml", &job("last"));
    text += &watch.wait_for("3 new\n");
    let (_, rest) = watch.interrupt();
    assert_eq!(rest, "");
    let replans = text.matches(" ms)").count();
    assert_eq!(replans, 7, "{text}");
}

#[test]
fn a_checkout_of_many_files_is_one_replan() {
    let env = workspace();
    for number in 0..500 {
        env.write(
            &format!("jobs/{}/{number}.yaml", number % 7),
            &job(&format!("j{number}")),
        );
    }
    let mut watch = Watch::start(&env, &["--quiet-time", "500ms"]);
    watch.wait_for("501 new\n");
    for number in 0..500 {
        env.write(
            &format!("jobs/{}/{number}.yaml", number % 7),
            &job(&format!("j{number}")).replace("object: j", "object: k"),
        );
    }
    let text = watch.wait_for("501 new\n");
    assert!(
        text.contains(" and 497 more") && text.contains("500 jobs not as before"),
        "{text}"
    );
    assert_eq!(text.matches(" ms)").count(), 1, "{text}");
}

#[test]
fn what_is_removed_or_broken_may_come_back() {
    let env = workspace();
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    env.write("stocktake.toml", "[targets.local]\nbuket = 1\n");
    let text = watch.wait_for("last good plan stands:\n");
    assert!(text.contains("buket"), "{text}");
    env.write("stocktake.toml", SMALL_TARGET);
    watch.wait_for("No other plan than before\n");
    fs::rename(env.path().join("jobs"), env.path().join("away")).unwrap();
    watch.wait_for("there is no job file");
    fs::rename(env.path().join("away"), env.path().join("jobs")).unwrap();
    watch.wait_for("No other plan than before\n");
    env.write("jobs/b.yaml", &job("after"));
    watch.wait_for("2 new\n");
    // Another process writes the state.
    env.run(&["apply"]).expect(1);
    watch.wait_for("the state (");
    watch.wait_for("+1 unchanged");
}

#[test]
fn without_events_it_looks_from_time_to_time() {
    let env = workspace();
    let mut watch = Watch::start(&env, &["--poll=50ms"]);
    let text = watch.wait_for("1 new\n");
    assert!(text.contains("from time to time"), "{text}");
    env.write("jobs/b.yaml", &job("b"));
    watch.wait_for("2 new\n");
    fs::rename(
        env.path().join("jobs/b.yaml"),
        env.path().join("jobs/c.yaml"),
    )
    .unwrap();
    watch.wait_for("jobs/b.yaml, jobs/c.yaml");
    let (code, rest) = watch.interrupt();
    assert_eq!(code, Some(130));
    assert_eq!(rest.matches(" ms)").count(), 1, "{rest}");
}

#[test]
fn a_period_that_passes_is_planned() {
    let env = Env::small();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    let from = soon - jiff::SignedDuration::from_mins(2);
    env.write("jobs/w.yaml", &format!(
        "jobs:\n  w:\n    windows: {{ every: 1 minute, from: \"{from:.0}\" }}\n    input: {{ prefix: video/ }}\n    operation: {{ workflow_ids: w1 }}\n"
    ));
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    watch.wait_for("a period has passed");
    watch.wait_for("2 new\n");
}

#[test]
fn apply_runs_what_is_new_after_each_good_plan() {
    let env = workspace();
    let mut watch = Watch::start(&env, &["--apply"]);
    watch.wait_for("submitted");
    watch.wait_for("Success");
    env.write("jobs/b.yaml", "jobs: { b: { inptu: 1 } }\n");
    watch.wait_for("last good plan stands:\n");
    env.write("jobs/b.yaml", "jobs: { b: { input: { object: video/a.txt }, operation: { workflow_ids: w1 }, overlap: allow } }\n");
    watch.wait_for("submitted");
    watch.wait_for("Success");
    // An apply beside it finds nothing left, and no job was sent twice.
    let run = env.run(&["apply", "--lock-timeout", "20s"]).expect(0);
    assert!(run.stdout.contains("Nothing to submit"), "{}", run.stdout);
    let (code, _) = watch.interrupt();
    assert_eq!(code, Some(130));
    let state = env.read(".stocktake/local.state.jsonl");
    assert_eq!(state.matches("\"accepted\"").count(), 2, "{state}");
}

#[test]
fn a_limit_on_objects_holds_back_what_a_save_would_apply() {
    let env = Env::small();
    let limit = |objects: u32| {
        let text = SMALL_TARGET.replace("region", &format!("max_objects = {objects}\nregion"));
        env.write("stocktake.toml", &text);
    };
    limit(1);
    let job =
        "jobs:\n  both:\n    input: { prefix: video/ }\n    operation: { workflow_ids: w1 }\n";
    env.write("jobs/a.yaml", job);
    let mut watch = Watch::start(&env, &["--apply"]);
    watch.wait_for("raise `max_objects` in stocktake.toml; nothing was submitted");
    limit(2);
    watch.wait_for("1 submitted");
    watch.interrupt();
}

#[test]
fn a_target_that_costs_money_is_not_applied_to_unasked() {
    let env = workspace();
    env.write("stocktake.toml", &format!("{SMALL_TARGET}\n[targets.prod]\nbucket = \"media-1250000000\"\nregion = \"ap-beijing\"\n"));
    let run = env.run(&["-t", "prod", "watch", "--apply"]).expect(1);
    assert!(run.stderr.contains("--auto-approve"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn keys_apply_show_the_plan_and_quit() {
    let env = workspace();
    let mut watch = Watch::on_terminal(
        &env,
        "stocktake watch --clear --color never; echo exit $?; stty -a",
    );
    watch.wait_for("Keys: a apply, p full plan, q quit");
    watch.wait_for("+  videos  new");
    watch.press("a");
    watch.wait_for("submitted  videos");
    watch.wait_for("Success");
    watch.press("p");
    watch.wait_for("Nothing to submit to `local`");
    watch.wait_for("=  videos  done");
    env.write("jobs/b.yaml", &job("b"));
    let text = watch.wait_for("+  b  new");
    assert!(text.contains("\x1b[2J"), "{text:?}");
    watch.press("q");
    let text = watch.wait_for("exit 0");
    assert!(!text.contains('\x07'), "{text:?}");
    assert_clean(&mut watch);
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let env = workspace();
    let mut watch = Watch::on_terminal(
        &env,
        "trap : INT; stocktake watch --bell; echo exit $?; stty -a",
    );
    watch.wait_for("videos");
    env.write("jobs/b.yaml", "jobs: [\n");
    watch.wait_for("\x07");
    watch.wait_for("last good plan stands:");
    watch.press("\x03");
    watch.wait_for("exit 130");
    assert_clean(&mut watch);
}

/// `stty` names what is off with a minus.
fn assert_clean(watch: &mut Watch) {
    let (_, rest) = watch.end();
    let modes: Vec<&str> = rest.split([' ', ';', '\r', '\n']).collect();
    assert!(
        modes.contains(&"icanon") && modes.contains(&"echo"),
        "{rest}"
    );
}

/// Resident memory of a process in kilobytes.
fn memory(watch: &Watch) -> usize {
    let path = Path::new("/proc")
        .join(watch.child.id().to_string())
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
