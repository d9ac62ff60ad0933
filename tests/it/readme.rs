//! The README says what happens: its commands are run, and what it shows is what comes.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::support::workspace::{FILTERS, PROJECT, Workspace};
use crate::watch::running::Watch;
use crate::watch::{steady, workspace};

/// The blocks of the README in the given language.
fn blocks(language: &str) -> Vec<String> {
    blocks_of("README.md", language)
}

fn blocks_of(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(PROJECT).join(page)).unwrap();
    let opening = format!("```{language}\n");
    let parts = text.split(&opening).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// Without what differs from run to run.
fn filtered(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, replacement) in FILTERS {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *replacement)
            .into_owned();
    }
    text
}

/// Lines without what differs from run to run, in order: jobs run side by side.
fn sorted_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = filtered(text).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What a watch wrote, or a page shows of it, as it stands on the screen in the end.
fn on_screen(text: &str, env: &Workspace) -> String {
    let text = text.replace("/home/me/media", "<folder>");
    let lines = text.lines().map(|line| {
        // A line that gives way to others leaves nothing.
        let line = line.rsplit("\x1b[2K").next().unwrap_or_default();
        format!("{line}\n")
    });
    filtered(&steady(&lines.collect::<String>(), env))
}

#[test]
fn the_commands_show_what_the_readme_shows() {
    let env = Workspace::new();
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
    let env = Workspace::example();
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
    let env = Workspace::new();
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

#[test]
fn the_watch_of_its_page_is_what_comes() {
    let env = workspace();
    let mut watch = Watch::start(&env, &[]);
    let mut text = watch.wait_for("videos  new  line 2\n");
    let photos = "jobs:\n  photos:\n    input: { prefix: photos/ }\n    \
                  operation: { workflow_ids: w1 }\n";
    env.write("jobs/b.yaml", photos);
    text += &watch.wait_for("2 new\n");
    env.write("jobs/b.yaml", &photos.replace("input", "inptu"));
    text += &watch.wait_for("2 new\n");
    let shown = blocks_of("docs/watch.md", "text");
    let (command, shown) = shown[0].split_once('\n').unwrap();
    assert_eq!(command, "$ stocktake watch");
    assert_eq!(on_screen(&text, &env), on_screen(shown, &env));
}
