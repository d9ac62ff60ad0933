//! The README says what happens: its commands are run, and what it shows is what comes.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::env::{Env, FILTERS, PROJECT};

/// The blocks of the README in the given language.
fn blocks(language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(PROJECT).join("README.md")).unwrap();
    let opening = format!("```{language}\n");
    let parts = text.split(&opening).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// Lines without what differs from run to run, in order: jobs run side by side.
fn sorted_lines(text: &str) -> Vec<String> {
    let mut text = text.to_owned();
    for (pattern, replacement) in FILTERS {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *replacement)
            .into_owned();
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn the_commands_show_what_the_readme_shows() {
    let env = Env::example();
    let sessions = blocks("console");
    assert!(sessions.len() >= 2);
    for session in sessions {
        let (command, shown) = session.split_once('\n').unwrap();
        let words = command.strip_prefix("$ stocktake ").unwrap();
        let arguments: Vec<&str> = words.split_whitespace().collect();
        let run = env.run(&arguments).expect(0);
        assert_eq!(
            sorted_lines(&format!("{}{}", run.stdout, run.stderr)),
            sorted_lines(shown),
            "{command}"
        );
    }
}

#[test]
fn the_job_file_of_the_readme_is_the_example() {
    let env = Env::example();
    let demo = env.read("jobs/demo.yaml");
    let without_comments = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    let shown = blocks("yaml");
    assert_eq!(without_comments(&shown[0]), without_comments(&demo));
}

#[test]
fn every_command_of_the_readme_exists_and_every_link_leads_somewhere() {
    let readme = fs::read_to_string(Path::new(PROJECT).join("README.md")).unwrap();
    let env = Env::empty();
    for line in readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `stocktake "))
    {
        let command = line.split(['`', ' ']).next().unwrap();
        env.run(&[command, "--help"]).expect(0);
    }
    let links = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    for link in links.captures_iter(&readme) {
        assert!(Path::new(PROJECT).join(&link[1]).exists(), "{}", &link[1]);
    }
}
