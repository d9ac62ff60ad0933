//! The state on real files: written, read, damaged, merged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    Expected, OpenOptions, Outcome, Record, StateError, StateStore, Submission, SubmissionId,
};
use crate::api::name::{BucketName, JobId, JobName, Region, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use crate::job::{JobKey, Work};

const EXPECTED: Expected<'static> = Expected {
    target: "prod",
    lineage: None,
};
const OPTIONS: OpenOptions = OpenOptions {
    create: true,
    lock_timeout: Duration::ZERO,
};

pub(super) fn record(key: &str) -> Record {
    let work = Work {
        bucket: BucketName::new("media-1250000000").unwrap(),
        region: Region::new("ap-beijing").unwrap(),
        request: Request {
            name: JobName::new("demo").unwrap(),
            kind: JobType::Workflow,
            input: Input::Prefix(format!("{key}/")),
            operation: Operation {
                workflow_ids: WorkflowIds::from(WorkflowId::new("w1").unwrap()),
                time_interval: TimeInterval::default(),
            },
        },
        rerun: None,
    };
    Record {
        fingerprint: work.fingerprint(),
        key: JobKey::new(key),
        written_at: Timestamp::UNIX_EPOCH,
        work: Arc::new(work),
        submissions: Vec::new(),
        seen: None,
    }
}

fn submission(outcome: Outcome) -> Submission {
    Submission {
        id: SubmissionId::random(),
        intended_at: Timestamp::now(),
        not_before: None,
        not_after: None,
        ended_at: (!matches!(outcome, Outcome::Unresolved { .. })).then(Timestamp::now),
        outcome,
        by_hand: false,
        removed: None,
    }
}

fn accepted(job_id: &str) -> Outcome {
    Outcome::Accepted {
        job_id: JobId::new(job_id).unwrap(),
        request_id: Some("r=".to_owned()),
    }
}

fn open(path: &Path) -> Result<StateStore, StateError> {
    StateStore::open_for_writing(path, EXPECTED, OPTIONS, &mut |_| {})
}

/// A compacted state of `keys`, each accepted as `b<key>`.
fn compacted(keys: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prod.state.jsonl");
    let store = open(&path).unwrap();
    for key in keys {
        let mut record = record(key);
        record.submissions = vec![submission(accepted(&format!("b{key}")))];
        store.append_blocking(record).unwrap();
    }
    store.close().unwrap();
    (folder, path)
}

#[test]
fn what_is_appended_is_there_before_and_after_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder/prod.state.jsonl");
    let store = open(&path).unwrap();
    let mut first = record("b");
    first.submissions = vec![submission(Outcome::Unresolved { reason: None })];
    store.append_blocking(first.clone()).unwrap();
    first.submissions[0].outcome = accepted("b1");
    store.append_blocking(first.clone()).unwrap();
    store.append_blocking(record("a")).unwrap();
    let (_, while_open) = StateStore::read(&path, EXPECTED).unwrap();
    let outcome = &while_open.get(&first.fingerprint).unwrap().submissions[0].outcome;
    assert_eq!(*outcome, accepted("b1"));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 4);
    store.close().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(
        text.lines().nth(1).unwrap().contains(r#""key":"a""#),
        "{text}"
    );
    let (_, reread) = StateStore::read(&path, EXPECTED).unwrap();
    assert_eq!(
        reread.get(&first.fingerprint),
        while_open.get(&first.fingerprint)
    );
}

#[test]
fn a_state_that_nothing_was_written_to_is_left_alone() {
    let (_folder, path) = compacted(&["a", "b"]);
    let before = (
        fs::read(&path).unwrap(),
        fs::metadata(&path).unwrap().modified().unwrap(),
    );
    open(&path).unwrap().close().unwrap();
    let after = (
        fs::read(&path).unwrap(),
        fs::metadata(&path).unwrap().modified().unwrap(),
    );
    assert_eq!(before, after);
}

#[test]
fn a_missing_state_is_an_error_and_a_new_one_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.jsonl");
    let missing = StateStore::read(&path, EXPECTED).unwrap_err();
    assert!(matches!(missing, StateError::Missing { .. }), "{missing}");
    let options = OpenOptions {
        create: false,
        ..OPTIONS
    };
    let missing = StateStore::open_for_writing(&path, EXPECTED, options, &mut |_| {}).unwrap_err();
    assert!(matches!(missing, StateError::Missing { .. }), "{missing}");
    StateStore::init(&path, "prod").unwrap();
    let exists = StateStore::init(&path, "prod").unwrap_err();
    assert!(matches!(exists, StateError::Exists { .. }), "{exists}");
}

#[test]
fn a_state_of_another_target_or_lineage_is_refused() {
    let (_folder, path) = compacted(&["a"]);
    let other = Expected {
        target: "staging",
        lineage: None,
    };
    let foreign = StateStore::read(&path, other).unwrap_err();
    assert!(
        matches!(foreign, StateError::WrongState { what: "target", .. }),
        "{foreign}"
    );
    let lineage = super::Lineage::random();
    let other = Expected {
        target: "prod",
        lineage: Some(&lineage),
    };
    let foreign = StateStore::read(&path, other).unwrap_err();
    assert!(
        matches!(
            foreign,
            StateError::WrongState {
                what: "lineage",
                ..
            }
        ),
        "{foreign}"
    );
}

#[test]
fn one_writer_at_a_time() {
    let (_folder, path) = compacted(&["a"]);
    let store = open(&path).unwrap();
    let locked = open(&path).unwrap_err();
    match &locked {
        StateError::Locked {
            holder: Some(holder),
            ..
        } => assert_eq!(holder.pid, std::process::id()),
        other => panic!("{other}"),
    }
    drop(store);
    open(&path).unwrap();
}

#[test]
fn a_state_removed_or_changed_while_open_takes_nothing_more() {
    let (_folder, path) = compacted(&["a"]);
    let store = open(&path).unwrap();
    let content = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, &content).unwrap();
    let modified = store.append_blocking(record("b")).unwrap_err();
    assert!(
        matches!(modified, StateError::ExternallyModified { .. }),
        "{modified}"
    );
    assert!(store.close().is_err());
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[test]
fn a_torn_last_line_is_dropped_and_the_log_goes_on() {
    let (_folder, path) = compacted(&["a"]);
    let store = open(&path).unwrap();
    store.append_blocking(record("b")).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    assert_eq!(StateStore::read(&path, EXPECTED).unwrap().1.len(), 1);
    let store = open(&path).unwrap();
    store.append_blocking(record("c")).unwrap();
    drop(store);
    assert_eq!(StateStore::read(&path, EXPECTED).unwrap().1.len(), 2);
}

#[test]
fn a_compacted_state_that_was_cut_anywhere_is_refused() {
    let (_folder, path) = compacted(&["a", "b", "c"]);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() - 1 {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(StateStore::read(&path, EXPECTED).is_err(), "{length}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(StateStore::read(&path, EXPECTED).unwrap().1.len(), 3);
}

#[test]
fn two_branches_merge_line_by_line() {
    let (_folder, path) = compacted(&["a"]);
    let base = fs::read_to_string(&path).unwrap();
    let branch = |key| {
        fs::write(&path, &base).unwrap();
        let store = open(&path).unwrap();
        store.append_blocking(record(key)).unwrap();
        store.close().unwrap();
        fs::read_to_string(&path).unwrap()
    };
    let (ours, theirs) = (branch("b"), branch("c"));
    fs::write(&path, format!("{ours}{theirs}")).unwrap();
    let (_, records) = StateStore::read(&path, EXPECTED).unwrap();
    assert_eq!(records.len(), 3);
    let conflict = format!("{ours}<<<<<<< HEAD\n{theirs}");
    fs::write(&path, conflict).unwrap();
    let error = StateStore::read(&path, EXPECTED).unwrap_err().to_string();
    assert!(
        error.ends_with("prod.state.jsonl:4: this line is a git conflict marker"),
        "{error}"
    );
}

#[test]
fn lines_that_contradict_each_other_are_named() {
    let (_folder, path) = compacted(&["a"]);
    let base = fs::read_to_string(&path).unwrap();
    let branch = |job_id| {
        fs::write(&path, &base).unwrap();
        let store = open(&path).unwrap();
        let mut record = record("z");
        record.submissions = vec![submission(accepted(job_id))];
        store.append_blocking(record).unwrap();
        store.close().unwrap();
        fs::read_to_string(&path).unwrap()
    };
    let (ours, theirs) = (branch("b7"), branch("b8"));
    fs::write(&path, format!("{ours}{theirs}")).unwrap();
    let error = StateStore::read(&path, EXPECTED).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "lines 3 and 6 contradict each other: the work of z was submitted twice, \
             as job b7 and as job b8"
        ),
        "{error}"
    );
}

#[test]
fn a_removal_takes_a_submission_out_of_the_account_and_survives_a_merge() {
    let (_folder, path) = compacted(&["a"]);
    let base = fs::read_to_string(&path).unwrap();
    let store = open(&path).unwrap();
    let mut removed = Record::clone(store.records().iter().next().unwrap());
    removed.submissions[0].removed = Some(Box::new(super::Removal {
        at: Timestamp::now(),
        by: "ada@desk".to_owned(),
        reason: None,
    }));
    store.append_blocking(removed).unwrap();
    store.close().unwrap();
    let ours = fs::read_to_string(&path).unwrap();
    for merged in [format!("{ours}{base}"), format!("{base}{ours}")] {
        fs::write(&path, merged).unwrap();
        let (_, records) = StateStore::read(&path, EXPECTED).unwrap();
        let record = records.iter().next().unwrap();
        assert!(record.is_removed());
        assert_eq!((record.accepted(), record.accepted_count()), (None, 0));
        assert_eq!(record.submissions.len(), 1);
    }
}

/// What the first version wrote stays readable; rewritten, it has the format of this version.
#[test]
fn the_first_format_reads_back() {
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state");
        fs::read(folder.join(name)).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prod.state.jsonl");
    fs::write(&path, fixture("v1.in.jsonl")).unwrap();
    let verified = StateStore::verify(&path, EXPECTED).unwrap();
    assert_eq!((verified.lines, verified.records.len()), (9, 3));
    open(&path).unwrap().close().unwrap();
    let written = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    assert_eq!(written, String::from_utf8(fixture("v1.out.jsonl")).unwrap());
    StateStore::verify(&path, EXPECTED).unwrap();
}

#[test]
fn headers_of_both_formats_count_as_the_newer_one() {
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state");
        fs::read_to_string(folder.join(name)).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prod.state.jsonl");
    let (first, second) = (fixture("v1.in.jsonl"), fixture("v1.out.jsonl"));
    for merged in [format!("{first}{second}"), format!("{second}{first}")] {
        fs::write(&path, &merged).unwrap();
        open(&path).unwrap();
        let read = fs::read_to_string(&path).unwrap();
        assert_eq!(read, merged, "it may be appended to as it is");
    }
}

#[test]
fn verify_reports_everything_at_once() {
    let (_folder, path) = compacted(&["a", "b", "c"]);
    let text = fs::read_to_string(&path).unwrap();
    let damaged = text
        .replace(r#""job_id":"ba""#, r#""job_id":"bx""#)
        .replace(r#""job_id":"bc""#, r#""job_id":"by""#);
    fs::write(&path, damaged).unwrap();
    let errors = StateStore::verify(&path, EXPECTED).unwrap_err();
    let lines: Vec<usize> = errors
        .iter()
        .filter_map(|error| match error {
            StateError::Damaged { line, .. } => Some(*line),
            _ => None,
        })
        .collect();
    assert_eq!(lines, [2, 4], "{errors:?}");
}
