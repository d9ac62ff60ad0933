//! What the fuzzer found worth keeping, run through the functions that its targets call.

use std::fs;
use std::path::Path;

#[expect(clippy::expect_used, reason = "a fuzz target that cannot go on fails")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use crate::support::workspace::PROJECT;

#[test]
fn yaml() {
    replay("yaml", targets::yaml);
}

#[test]
fn toml() {
    replay("toml", targets::toml);
}

#[test]
fn expressions() {
    replay("expression", targets::expression);
}

#[test]
fn windows() {
    replay("windows", targets::windows);
}

#[test]
fn http_heads() {
    replay("http_head", targets::http_head);
}

#[test]
fn xml() {
    replay("xml", targets::xml);
}

#[test]
fn inventories() {
    replay("inventory", targets::inventory);
}

#[test]
fn url_lists() {
    replay("url_list", targets::url_list);
}

#[test]
fn states() {
    replay("state", targets::state);
}

#[test]
fn saved_plans() {
    replay("saved_plan", targets::saved_plan);
}

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(PROJECT).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(
        inputs >= 10,
        "the corpus of {target} has shrunk to {inputs}"
    );
}
