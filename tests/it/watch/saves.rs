//! Ways to save: each is one look, and what changes nothing is none.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Instant, SystemTime};

use super::{NEW, Watch, job, looks, over, steady, workspace};
use crate::state_merge::git;
use crate::support::workspace::Workspace;

/// How often it looked until it says `words`. What is written behind shows that nothing is left.
fn looks_until(watch: &mut Watch, env: &Workspace, words: &str) -> usize {
    let mut text = watch.wait_for(words);
    env.write("jobs/behind.yaml", &job("behind"));
    text += &watch.wait_for("+  behind  new");
    looks(&text) - 1
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
    env.write("jobs/b.yaml", &over("other", "视频"));
    text += &watch.wait_for("last good plan stands:\n");
    let (code, rest) = watch.interrupt();
    assert_eq!(code, Some(130));
    insta::assert_snapshot!(steady(&(text + &rest), &env));
}

#[test]
fn a_save_by_rename_is_one_look() {
    let env = workspace();
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    let path = |name: &str| env.path().join("jobs").join(name);
    // As vim does: a swap file, a trial, a backup, a new file under the name.
    fs::write(path(".a.yaml.swp"), "x").unwrap();
    fs::write(path("4913"), "").unwrap();
    fs::remove_file(path("4913")).unwrap();
    fs::rename(path("a.yaml"), path("a.yaml~")).unwrap();
    fs::write(path("a.yaml"), job("vim")).unwrap();
    fs::remove_file(path("a.yaml~")).unwrap();
    assert_eq!(looks_until(&mut watch, &env, "+  vim  new"), 1);
    // As others do: a whole file beside it, then a rename over it.
    fs::write(path(".a.yaml.tmp"), job("rename")).unwrap();
    fs::rename(path(".a.yaml.tmp"), path("a.yaml")).unwrap();
    watch.wait_for("+  rename  new");
    // As Emacs does: a lock that is a link to nowhere, and an autosaved copy.
    symlink("me@host.1:2", path(".#a.yaml")).unwrap();
    fs::write(path("#a.yaml#"), "x").unwrap();
    fs::write(path("a.yaml"), job("emacs")).unwrap();
    fs::remove_file(path(".#a.yaml")).unwrap();
    fs::remove_file(path("#a.yaml#")).unwrap();
    let text = watch.wait_for("+  emacs  new");
    assert_eq!(looks(&text), 1, "{text}");
}

#[test]
fn a_save_in_two_steps_is_one_look() {
    let env = workspace();
    let mut watch = Watch::start(&env, &["--quiet-time", "300ms"]);
    watch.wait_for("1 new\n");
    // Emptied first, then written piece by piece.
    let mut file = fs::File::create(env.path().join("jobs/a.yaml")).unwrap();
    for piece in job("pieces").as_bytes().chunks(7) {
        file.write_all(piece).unwrap();
        file.sync_data().unwrap();
    }
    drop(file);
    assert_eq!(looks_until(&mut watch, &env, "+  pieces  new"), 1);
}

#[test]
fn what_is_behind_a_link_is_watched() {
    let env = workspace();
    env.write("common/real.yaml", &job("linked"));
    env.write("common/other.yaml", &job("other"));
    let link = env.path().join("jobs/link.yaml");
    symlink("../common/real.yaml", &link).unwrap();
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("2 new\n");
    env.write("common/real.yaml", &job("written"));
    assert_eq!(looks_until(&mut watch, &env, "+  written  new"), 1);
    // The link leads elsewhere.
    fs::remove_file(&link).unwrap();
    symlink("../common/other.yaml", &link).unwrap();
    watch.wait_for("+  other  new");
    env.write("common/other.yaml", &job("again"));
    watch.wait_for("+  again  new");
}

#[test]
fn what_is_no_save_causes_nothing() {
    let env = workspace();
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    let path = env.path().join("jobs/a.yaml");
    // The same content, another time, and files that are none of ours.
    fs::write(&path, NEW).unwrap();
    let file = fs::File::open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    env.write("jobs/.git/index.yaml", "x");
    env.write("jobs/README.md", "x");
    env.write("bucket/video/c.yaml", "x");
    env.write(".stocktake/local/notes.yaml", "x");
    env.write("jobs/z.yaml", &job("last"));
    let text = watch.wait_for("+  last  new");
    assert_eq!(looks(&text), 1, "{text}");
    let (_, rest) = watch.interrupt();
    assert_eq!(looks(&rest), 0, "{rest}");
}

#[test]
fn a_checkout_of_many_files_is_one_look() {
    const FILES: usize = 1_000;
    let env = workspace();
    let write = |input: &str| {
        for number in 0..FILES {
            let path = format!("jobs/{}/{number}.yaml", number % 70);
            let text = over(&format!("j{number}"), &format!("{input}{number}"));
            env.write(&path, &text);
        }
        assert!(git(&env, &["add", "-A"]) && git(&env, &["commit", "-qm", input]));
    };
    assert!(git(&env, &["init", "-q"]));
    write("first-");
    assert!(git(&env, &["branch", "before"]));
    write("second-");
    let mut watch = Watch::start(&env, &["--quiet-time", "1s"]);
    watch.wait_for("1,001 new\n");
    let started = Instant::now();
    assert!(git(&env, &["checkout", "-q", "before"]));
    let mut text = watch.wait_for("not as before");
    text += &watch.wait_for("1,001 new\n");
    let count = looks_until(&mut watch, &env, "") + looks(&text);
    // A checkout that goes on is looked at every three seconds.
    let most = 1 + started.elapsed().as_secs() / 3;
    assert!((1..=most).contains(&(count as u64)), "{text}");
}
