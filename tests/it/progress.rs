//! What those see who wait on a terminal: the screen as it stands, and as it is left.

use std::io::Read;
use std::num::NonZero;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use vt100::Parser;

use crate::support::target::{GATED, Target};
use crate::support::wait::eventually;
use crate::support::workspace::Workspace;

const COLUMNS: NonZero<u16> = NonZero::new(80).unwrap();
const ROWS: NonZero<u16> = NonZero::new(24).unwrap();

/// A program on a terminal.
struct Terminal {
    program: Child,
    screen: Arc<Mutex<Parser>>,
}

impl Terminal {
    /// Runs the shell command `line`.
    fn start(env: &Workspace, line: &str) -> Self {
        let mut program = env
            .on_terminal(line, ROWS.get())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0)));
        let mut output = program.stdout.take().unwrap();
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap().process(&buffer[..length]);
            }
        });
        Self { program, screen }
    }

    /// The lines of the screen.
    fn lines(&self) -> Vec<String> {
        let screen = self.screen.lock().unwrap();
        let rows = screen.screen().rows(0, COLUMNS.get());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }

    /// Those that move.
    fn moving(&self) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines.filter(|line| line.contains(" open")).collect()
    }
}

#[test]
fn each_job_has_a_bar_with_its_state_and_counts_however_long_its_key() {
    let long = "二零二二年春季上传的全部视频-缩略图-第一批-还要更长一些";
    let env = Workspace::new()
        .target("local", &Target::embedded(GATED))
        .object("in/a", "a")
        .object("out/a", "a")
        .job(long, "{ prefix: in/ }")
        .job("short", "{ prefix: out/ }");
    let mut terminal = Terminal::start(&env, "stocktake apply");
    eventually(|| terminal.moving().len() == 3);
    let filters = [(r"[\u{2800}-\u{28ff}]", "*"), (r"\d+s  ", "0s  ")];
    insta::with_settings!({ filters => filters.to_vec() }, {
        insta::assert_snapshot!("bars_of_jobs", terminal.moving().join("\n"));
    });
    env.write("gate", "");
    assert!(terminal.program.wait().unwrap().success());
    eventually(|| {
        terminal
            .lines()
            .iter()
            .filter(|line| line.starts_with("Success"))
            .count()
            == 2
    });
    assert_eq!(terminal.moving(), Vec::<String>::new());
}

#[test]
fn on_a_terminal_that_becomes_narrower_lines_still_move_in_place() {
    const NARROW: usize = 40;
    let env = Workspace::new()
        .target("local", &Target::embedded(GATED))
        .object("in/a", "a")
        .object("out/a", "a")
        .job("a-key-that-leaves-room-for-little-else", "{ prefix: in/ }")
        .job("short", "{ prefix: out/ }");
    let line = format!(
        "(until [ -e narrow ]; do sleep 0.05; done; stty cols {NARROW} < /dev/tty; touch done) & \
         stocktake apply"
    );
    let mut terminal = Terminal::start(&env, &line);
    eventually(|| terminal.moving().len() == 3);
    env.write("narrow", "");
    eventually(|| env.path().join("done").exists());
    // From here on a line has room for the beginnings of the keys alone.
    eventually(|| {
        let mut lines = terminal.lines();
        lines.retain(|line| line.contains("Running") || line.contains('░'));
        let is_narrow = |line: &String| line.chars().count() < NARROW;
        lines.len() == 3 && lines.iter().all(is_narrow)
    });
    env.write("gate", "");
    assert!(terminal.program.wait().unwrap().success());
}
