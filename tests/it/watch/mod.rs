//! `watch` as people use it: the real program, real edits, on a terminal and without one.

mod applying;
mod periods;
mod polling;
pub mod running;
mod saves;
mod survival;
mod terminal;

use crate::support::workspace::{Workspace, jobs};

use running::Watch;

const NEW: &str = "jobs:
  videos:
    input: { prefix: video/ }
    operation: { workflow_ids: w1 }
";

/// A workspace with one job.
pub fn workspace() -> Workspace {
    let env = Workspace::small();
    env.write("jobs/a.yaml", NEW);
    env
}

/// A job file with a job over the object that has its name.
fn job(key: &str) -> String {
    over(key, key)
}

fn over(key: &str, object: &str) -> String {
    jobs([(key, &*format!("{{ object: {object} }}"))])
}

/// Time differs from run to run.
pub fn steady(text: &str, env: &Workspace) -> String {
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

/// How many looks were shown.
fn looks(text: &str) -> usize {
    text.matches(" ms)").count()
}
