//! Every command that a message, a page of help or a report names can be pasted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workspace::{BINARY, PROJECT, Run, Workspace};

/// The exit code of a command line that is not understood.
const USAGE: i32 = 64;

/// Commands that go on until they are ended; of these only the options are read.
const ENDLESS: [&str; 2] = ["serve", "watch"];

/// What snapshots have in the place of a job's id.
const JOB_ID: &str = "b0123456789abcdef0123456789abcdef";

/// The commands of all snapshots, each with a file that names it.
fn hints() -> BTreeMap<String, PathBuf> {
    let mut hints = BTreeMap::new();
    for folder in ["tests/it/snapshots", "tests/it/job_files/snapshots"] {
        for file in fs::read_dir(Path::new(PROJECT).join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "snap") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for command in in_backticks(&text).chain(on_lines(&text)) {
                hints.insert(command, path.clone());
            }
        }
    }
    hints
}

/// In running text, where a line may end inside a command.
fn in_backticks(text: &str) -> impl Iterator<Item = String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let words = quoted.map(|quoted| {
        let words = quoted.split_whitespace();
        words
            .filter(|word| *word != "|")
            .collect::<Vec<_>>()
            .join(" ")
    });
    words.filter(|words| words.starts_with("stocktake "))
}

/// At the end of a line, behind what it is for; and examples, before what they do.
fn on_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let command = match line.split_once(": ") {
            Some((_, command)) if command.trim().starts_with("stocktake ") => command.trim(),
            _ if line.starts_with("stocktake ") => line,
            _ => return None,
        };
        let command = command.split("  ").next()?.trim();
        let is_usage = command.contains("[OPTIONS]") || command.contains("<COMMAND>");
        (!is_usage && !command.contains('`')).then(|| command.to_owned())
    })
}

/// The command as a person would type it here: for an id that the snapshot hides, and without what
/// leads its output elsewhere.
fn typed(command: &str) -> String {
    let command = command.replace("<job id>", JOB_ID);
    let command = command.split(['>', '|']).next().unwrap_or_default();
    let is_endless = command.split(' ').any(|word| ENDLESS.contains(&word));
    let help = if is_endless { " --help" } else { "" };
    command.trim().replacen("stocktake", BINARY, 1) + help
}

#[test]
fn every_command_that_a_snapshot_names_is_understood() {
    let hints = hints();
    assert!(hints.len() > 40, "{hints:?}");
    let env = Workspace::example();
    let mut refused = Vec::new();
    for (command, path) in &hints {
        let run = Run::of(env.command_of("sh").args(["-c", &typed(command)]));
        if run.code == Some(USAGE) || run.code == Some(127) {
            let file = path.file_name().unwrap().display();
            refused.push(format!("{command} ({file}): {}", run.stderr));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
