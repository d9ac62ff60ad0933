//! `stocktake completions` and `stocktake man`: what shells and `man` get.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::text::assert_contains;
use crate::support::workspace::Workspace;

#[test]
fn every_shell_completes_commands_and_options() {
    let env = Workspace::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = env.run(&["completions", shell]).expect(0).stdout;
        for word in ["validate", "apply", "auto-approve", "completions"] {
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
    let refused = env.run(&["completions", "cmd"]).expect(64);
    assert_contains(&refused.stderr, "bash, elvish, fish");
}

#[test]
fn bash_completes_what_is_begun() {
    let env = Workspace::new();
    let script = env.run(&["completions", "bash"]).expect(0).stdout;
    let asking = "COMP_WORDS=(stocktake val); COMP_CWORD=1; _stocktake stocktake val stocktake; \
                  echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash")
        .args(["--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    writeln!(input, "{script}\n{asking}").unwrap();
    drop(input);
    let answer = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap().trim(), "validate");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let env = Workspace::new();
    let page = env.run(&["man"]).expect(0).stdout;
    assert!(
        page.contains(".TH stocktake 1") && page.contains("Examples"),
        "{page}"
    );
    env.run(&["man", "--out", "share/man1"]).expect(0);
    let pages = fs::read_dir(env.path().join("share/man1")).unwrap();
    let pages = pages.map(|page| page.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = pages.collect();
    for name in ["stocktake.1", "stocktake-apply.1", "stocktake-state-list.1"] {
        assert!(pages.contains(name), "{name} in {pages:?}");
    }
    let apply = env.read("share/man1/stocktake-apply.1");
    assert!(apply.contains(".TH stocktake-apply 1"), "{apply}");
    // A folder that cannot be made.
    env.write("file", "");
    env.run(&["man", "--out", "file/man1"]).expect(1);
}
