//! `stocktake init`: what it writes works at once, and nothing is overwritten.

use std::sync::Arc;

use stocktake::jobfile::{Syntax, document};
use stocktake::source::SourceFile;

use crate::env::Env;

#[test]
fn a_new_workspace_is_applied_at_once_and_once() {
    let env = Env::empty();
    let init = env.run(&["init"]).expect(0);
    insta::assert_snapshot!("init", init.shown());
    env.run(&["validate"]).expect(0);
    env.run(&["plan", "--detailed-exitcode"]).expect(2);
    env.run(&["apply"]).expect(0);
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn what_is_there_stays_as_it_is() {
    let env = Env::empty();
    env.write("stocktake.toml", "# mine\n");
    env.write(".gitignore", "/target");
    env.run(&["init", "--ci", "github"]).expect(0);
    env.run(&["init", "--ci", "github"]).expect(0);
    assert_eq!(env.read("stocktake.toml"), "# mine\n");
    assert_eq!(
        env.read(".gitignore"),
        "/target\n.stocktake/\n*.state.jsonl.lock\n"
    );
    assert_eq!(env.read(".gitattributes"), "*.state.jsonl merge=union\n");
}

#[test]
fn the_pipelines_are_yaml() {
    let env = Env::empty();
    for (system, file) in [
        ("github", "ci/.github/workflows/batch-jobs.yml"),
        ("gitlab", "ci/.gitlab-ci.yml"),
    ] {
        env.run(&["init", "ci", "--ci", system]).expect(0);
        let text = env.read(file);
        let source = Arc::new(SourceFile::new(file, text));
        assert!(document::parse(&source, Syntax::Yaml).is_ok(), "{file}");
    }
}
