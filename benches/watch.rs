//! What people wait for while they write: from a save, less the time that it has to be quiet, to the
//! plan shown by `watch`, against a whole `plan` of the same workspace; and what a watch costs while
//! nothing happens.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what people run it for"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_stocktake");
const QUIET: Duration = Duration::from_millis(100);
const PLANS: usize = 5;
const SAVES: usize = 21;
const IDLE: Duration = Duration::from_secs(30);

fn main() {
    let root = common::workspace();
    let whole = median((0..PLANS).map(|_| whole_plan(&root)));
    let mut watch = Watch::start(&root);
    let replan = watch.each_save(&root);
    let idle = watch.idle();
    println!("a whole plan:             {whole:.1?}");
    println!("a save, to the plan:      {replan:.1?}");
    println!(
        "a whole plan / a save:    {:.1}",
        whole.as_secs_f64() / replan.as_secs_f64()
    );
    println!(
        "while nothing happens:    {:.2} % of a core",
        100.0 * idle.as_secs_f64() / IDLE.as_secs_f64()
    );
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2]
}

fn whole_plan(root: &Path) -> Duration {
    let mut plan = Command::new(BINARY);
    plan.arg("plan").current_dir(root).stdout(Stdio::null());
    let started = Instant::now();
    assert!(plan.status().unwrap().success());
    started.elapsed()
}

struct Watch {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Watch {
    fn start(root: &Path) -> Self {
        let mut child = Command::new(BINARY)
            .args(["watch", "--quiet-time", "100ms"])
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut watch = Self { child, output };
        watch.wait_for("jobs in");
        watch
    }

    fn wait_for(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0);
        }
    }

    /// Saves another work of one job, and back.
    fn each_save(&mut self, root: &Path) -> Duration {
        let path = root.join("jobs/team-42/batch-00042.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let other = text.replace("video/00042/3/", "video/00042/other/");
        let saves = (0..SAVES).map(|number| {
            let text = if number % 2 == 0 { &other } else { &text };
            fs::write(&path, text).unwrap();
            let started = Instant::now();
            self.wait_for("100,000 new");
            started.elapsed().saturating_sub(QUIET)
        });
        let median = median(saves);
        fs::write(&path, &text).unwrap();
        self.wait_for("100,000 new");
        median
    }

    /// Time of the processor over [`IDLE`].
    fn idle(&self) -> Duration {
        let before = self.processor_time();
        sleep(IDLE);
        self.processor_time().saturating_sub(before)
    }

    fn processor_time(&self) -> Duration {
        let path = Path::new("/proc").join(self.child.id().to_string());
        let stat = fs::read_to_string(path.join("stat")).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        // In hundredths of a second: fields 14 and 15 of proc(5).
        let ticks = [11, 12].map(|field: usize| fields[field].parse::<u64>().unwrap());
        Duration::from_millis(10 * ticks.iter().sum::<u64>())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
