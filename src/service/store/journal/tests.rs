//! What a journal gives back after anything that may happen to its file.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use jiff::Timestamp;
use tempfile::TempDir;

use super::{BEGIN, EncodedJob, Journal, JournalError, JournalProblem, KEPT, Place};
use crate::api::name::{BucketName, JobId, JobName, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval};
use crate::service::identity;
use crate::service::lock::lock;
use crate::service::store::NewJob;

/// A job with everything that JSON has to escape.
pub(in crate::service::store) fn job() -> NewJob {
    NewJob {
        id: identity::job_id().unwrap(),
        bucket: BucketName::new("demo-1250000000").unwrap(),
        request: Request {
            name: JobName::new("\u{6279}\u{91cf}").unwrap(),
            kind: JobType::Workflow,
            input: Input::Prefix("a\"b/\n\u{1f600}".to_owned()),
            operation: Operation {
                workflow_ids: WorkflowId::new("w1").unwrap().into(),
                time_interval: TimeInterval {
                    start: Some(Timestamp::UNIX_EPOCH),
                    end: None,
                },
            },
        },
        created: Timestamp::from_second(1_656_314_590).unwrap(),
        listed: true,
    }
}

/// A journal's file, and what was written to it.
struct World {
    folder: TempDir,
    id: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let id = Journal::create(&folder.path().join("journal")).unwrap();
        Self { folder, id }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn open(&self, indexed: i64) -> Result<Journal, JournalProblem> {
        Journal::open(&self.path(), &self.id, indexed).map_err(|error| {
            assert_eq!(error.path, self.path());
            error.problem
        })
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// Puts these bytes in the place of the journal, and opens that.
    fn open_as(&self, bytes: &[u8], indexed: i64) -> Result<Journal, JournalProblem> {
        fs::write(self.path(), bytes).unwrap();
        self.open(indexed)
    }
}

fn encoded(journal: &Journal, jobs: &[NewJob]) -> Vec<EncodedJob> {
    jobs.iter()
        .map(|job| journal.encode(job).unwrap())
        .collect()
}

/// Appends records of one job each, and gives back the ids.
fn append(journal: &Journal, count: usize) -> Vec<JobId> {
    let append_one = |_| {
        let job = job();
        journal.append(&[journal.encode(&job).unwrap()]).unwrap();
        job.id
    };
    (0..count).map(append_one).collect()
}

/// The jobs that wait.
fn waiting(journal: &Journal) -> Vec<JobId> {
    let mut ids = Vec::new();
    let read = journal.read(journal.first_waiting(), i64::MAX, |jobs| {
        ids.extend(jobs.into_iter().map(|job| job.id));
        Ok::<_, JournalError>(true)
    });
    assert_eq!(read.unwrap(), end(journal));
    ids
}

/// Where each record begins, and where the last one ends.
fn borders(journal: &Journal) -> Vec<u64> {
    let mut borders = vec![journal.first_waiting().offset];
    let mut place = journal.first_waiting();
    while place != end(journal) {
        let one = |_| Ok::<_, JournalError>(false);
        place = journal.read(place, i64::MAX, one).unwrap();
        borders.push(place.offset);
    }
    borders
}

/// Where the next record goes.
fn end(journal: &Journal) -> Place {
    lock(&journal.waiting).end
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// How many records end before a place.
fn whole_records(borders: &[u64], place: usize) -> usize {
    let ends = borders[1..].iter();
    ends.filter(|end| index(**end) <= place).count()
}

/// These are all that wait, and now and then it is tried whether others can follow.
fn check_and_go_on(world: &World, journal: &Journal, ids: &[JobId], cut: usize) {
    assert_eq!(waiting(journal), ids, "cut at {cut}");
    if cut.is_multiple_of(50) {
        let indexed = journal.first_waiting().sequence - 1;
        let more = append(journal, 1);
        let expected = [ids, &more].concat();
        assert_eq!(
            waiting(&world.open(indexed).unwrap()),
            expected,
            "cut at {cut}"
        );
    }
}

fn is_about_title(problem: &JournalProblem) -> bool {
    matches!(problem, JournalProblem::Format | JournalProblem::Foreign)
}

#[test]
fn what_was_appended_waits_until_it_is_forgotten() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    assert!(journal.last_waiting().is_none());
    let jobs = [job(), job()];
    journal.append(&encoded(&journal, &jobs)).unwrap();
    let more = append(&journal, 2);
    let all = [jobs.map(|job| job.id).to_vec(), more].concat();
    assert_eq!(journal.last_waiting(), Some(3));
    assert_eq!(waiting(&journal), all);
    assert_eq!(waiting(&world.open(0).unwrap()), all);
    assert_eq!(waiting(&world.open(1).unwrap()), all[2..]);
    let one = journal.read(journal.first_waiting(), 3, |jobs| {
        assert_eq!(jobs.len(), 2);
        Ok::<_, JournalError>(false)
    });
    journal.forget(one.unwrap());
    assert_eq!(waiting(&journal), all[2..]);
    journal.forget(end(&journal));
    assert!(journal.last_waiting().is_none());
    assert!(world.open(3).unwrap().last_waiting().is_none());
}

#[test]
fn a_torn_end_costs_nothing_that_was_whole() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    let ids = append(&journal, 3);
    let borders = borders(&journal);
    let end = index(borders[3]);
    let whole = &world.bytes()[..end];
    for cut in 0..=end {
        let mut zeroed = whole.to_vec();
        zeroed[cut..].fill(0);
        for torn in [&whole[..cut], &zeroed] {
            let opened = world.open_as(torn, 0);
            if cut < index(BEGIN) {
                let problem = opened.unwrap_err();
                assert!(is_about_title(&problem), "{problem}");
                continue;
            }
            let rest = whole_records(&borders, cut);
            check_and_go_on(&world, &opened.unwrap(), &ids[..rest], cut);
        }
    }
}

#[test]
fn damage_before_what_was_answered_is_refused() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    let ids = append(&journal, 3);
    let borders = borders(&journal);
    let end = index(borders[3]);
    let mut bytes = world.bytes();
    bytes.truncate(end);
    for place in 0..end {
        let record = borders
            .iter()
            .filter(|begin| **begin <= place as u64)
            .count();
        for bit in [0x01, 0x20, 0x80] {
            bytes[place] ^= bit;
            match (record, world.open_as(&bytes, 0)) {
                (0, Err(problem)) if is_about_title(&problem) => {}
                (1 | 2, Err(JournalProblem::Damaged { offset })) => {
                    assert_eq!(offset, borders[record - 1], "bit {bit} of byte {place}");
                }
                // Nothing tells it from one that was torn when it was written.
                (3, Ok(journal)) => assert_eq!(waiting(&journal), ids[..2]),
                (_, other) => panic!("bit {bit} of byte {place}: {other:?}"),
            }
            bytes[place] ^= bit;
        }
    }
}

#[test]
fn damage_is_seen_when_records_are_read_back() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    append(&journal, 2);
    let mut bytes = world.bytes();
    let place = index(BEGIN) + 50;
    bytes[place] ^= 1;
    fs::write(world.path(), &bytes).unwrap();
    let read = journal.read(
        journal.first_waiting(),
        2,
        |_| -> Result<bool, JournalError> {
            panic!("nothing can be read");
        },
    );
    let problem = read.unwrap_err().problem;
    assert!(matches!(problem, JournalProblem::Damaged { offset: BEGIN }));
}

#[test]
fn a_second_round_stops_where_the_first_one_shows() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    append(&journal, 5);
    let first_end = index(end(&journal).offset);
    let first_round = world.bytes();
    journal.forget(end(&journal));
    let second = append(&journal, 2);
    let borders = borders(&journal);
    assert_eq!(borders[0], BEGIN);
    assert_eq!(waiting(&world.open(5).unwrap()), second);
    assert_eq!(waiting(&world.open(6).unwrap()), second[1..]);
    assert!(world.open(7).unwrap().last_waiting().is_none());
    let second_round = world.bytes();
    for cut in index(BEGIN)..=index(borders[2]) {
        let torn = [&second_round[..cut], &first_round[cut..first_end]].concat();
        // What was there may go on with the very bytes that were not written.
        let same = torn.iter().zip(&second_round);
        let same = same.take_while(|(torn, whole)| torn == whole).count();
        let rest = whole_records(&borders, same);
        let opened = world.open_as(&torn, 5).unwrap();
        check_and_go_on(&world, &opened, &second[..rest], cut);
    }
}

#[test]
fn a_journal_is_that_of_its_database() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    append(&journal, 3);
    journal.forget(end(&journal));
    append(&journal, 1);
    assert!(matches!(world.open(2), Err(JournalProblem::Newer)));
    let other = World::new();
    append(&other.open(0).unwrap(), 1);
    let foreign = world.open_as(&other.bytes(), 3);
    assert!(matches!(foreign, Err(JournalProblem::Foreign)));
    let begin = index(BEGIN);
    let mixed = [&journal_title(&world)[..], &other.bytes()[begin..]].concat();
    assert!(world.open_as(&mixed, 0).unwrap().last_waiting().is_none());
    fs::remove_file(world.path()).unwrap();
    assert!(matches!(world.open(3), Err(JournalProblem::Missing)));
}

fn journal_title(world: &World) -> Vec<u8> {
    format!("{}{}\n", super::TITLE, world.id).into_bytes()
}

/// Devices of the system that fail as a disk does stand in for the file.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_not_taken_in() {
    let device = |name| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(name)
            .unwrap()
    };
    let world = World::new();
    let journal = world.open(0).unwrap();
    let mut ids = append(&journal, 1);
    let refuse = |file: File, size: u64| {
        let mut appender = lock(&journal.appender);
        let kept = (std::mem::replace(&mut appender.file, file), appender.size);
        appender.size = size;
        drop(appender);
        let problem = journal
            .append(&encoded(&journal, &[job()]))
            .unwrap_err()
            .problem;
        let mut appender = lock(&journal.appender);
        (appender.file, appender.size) = kept;
        problem
    };
    let full = refuse(device("/dev/full"), end(&journal).offset);
    assert!(
        matches!(full, JournalProblem::Io(_)),
        "there is no room: {full}"
    );
    let full = refuse(device("/dev/full"), u64::MAX);
    assert!(
        matches!(full, JournalProblem::Io(_)),
        "a write fails: {full}"
    );
    ids.extend(append(&journal, 1));
    assert_eq!(waiting(&world.open(0).unwrap()), ids);
    let unsynced = refuse(device("/dev/null"), u64::MAX);
    assert!(matches!(unsynced, JournalProblem::Unsynced));
    let later = journal
        .append(&encoded(&journal, &[job()]))
        .unwrap_err()
        .problem;
    assert!(
        matches!(later, JournalProblem::Unsynced),
        "nobody knows: {later}"
    );
    assert_eq!(waiting(&journal), ids);
}

#[test]
fn a_large_round_gives_its_room_back() {
    let world = World::new();
    let journal = world.open(0).unwrap();
    let mut large = job();
    large.request.input = Input::Prefix("x".repeat(1_000_000));
    let jobs = encoded(&journal, &vec![large; 9]);
    while end(&journal).offset < KEPT {
        journal.append(&jobs).unwrap();
    }
    assert!(fs::metadata(world.path()).unwrap().len() > KEPT);
    journal.append(&[jobs.clone(), jobs].concat()).unwrap_err();
    let last = end(&journal);
    journal.forget(last);
    assert_eq!(fs::metadata(world.path()).unwrap().len(), KEPT);
    let ids = append(&journal, 1);
    assert_eq!(waiting(&world.open(last.sequence - 1).unwrap()), ids);
    let begin = Place {
        offset: BEGIN,
        sequence: last.sequence,
    };
    assert_eq!(journal.first_waiting(), begin);
}
