//! Apply, down to the bytes on the wire and the lines on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stocktake::api::name::JobId;
use stocktake::api::wire::{JobDetail, JobState, decode_request, encode_list_answer};
use stocktake::apply::{self, ApplyOutcome, Event, Halt, Interrupt, JobResult, Options};
use stocktake::job::Job;
use stocktake::plan::{self, Limits, Plan};
use stocktake::state::{Expected, OpenOptions, Outcome, Records, StateStore};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::client::{client_at, client_of};
use crate::support::jobs::job;
use crate::support::raw::{RawServer, Reply, accepted, answer, answer_at, error};

const EXPECTED: Expected<'static> = Expected {
    target: "test",
    lineage: None,
};

/// A folder with a state, and what happened to it.
struct Stage {
    folder: TempDir,
    interrupt: watch::Sender<Interrupt>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Stage {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            interrupt: watch::Sender::new(Interrupt::No),
            events: Arc::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("test.state.jsonl")
    }

    fn open(&self) -> StateStore {
        let options = OpenOptions {
            create: true,
            lock_timeout: Duration::ZERO,
        };
        StateStore::open_for_writing(&self.path(), EXPECTED, options, &mut |_| {}).unwrap()
    }

    fn records(&self) -> Records {
        StateStore::read(&self.path(), EXPECTED).unwrap().1
    }

    fn outcome_of(&self, job: &Job) -> Outcome {
        let record = Arc::clone(self.records().get(&job.fingerprint).unwrap());
        record.submissions.last().unwrap().outcome.clone()
    }

    /// Plans against the state and applies.
    async fn apply(&self, server: &RawServer, jobs: &[Job]) -> ApplyOutcome {
        let store = self.open();
        let plan = plan::plan(jobs.to_vec(), &store.records(), Limits::default());
        let outcome = self.apply_plan(server, &store, &plan).await;
        let _ = store.close();
        outcome
    }

    async fn apply_plan(
        &self,
        server: &RawServer,
        store: &StateStore,
        plan: &Plan,
    ) -> ApplyOutcome {
        let options = Options {
            settle: None,
            ..Options::default()
        };
        let events = Arc::clone(&self.events);
        let client = client_of(server);
        let tell = move |event| events.lock().unwrap().push(event);
        apply::apply(
            plan,
            store,
            &client,
            &options,
            self.interrupt.subscribe(),
            &tell,
        )
        .await
    }

    fn saw(&self, wanted: fn(&Event) -> bool) -> bool {
        self.events.lock().unwrap().iter().any(wanted)
    }
}

fn jobs(count: usize) -> Vec<Job> {
    (0..count)
        .map(|number| job(&format!("job-{number:03}")))
        .collect()
}

fn is_post(request: &str) -> bool {
    request.starts_with("POST ")
}

fn posts(server: &RawServer) -> usize {
    server
        .requests()
        .iter()
        .filter(|request| is_post(request))
        .count()
}

/// The job as the service's list shows it.
fn listed(job: &Job, job_id: &str, created: Timestamp) -> JobDetail {
    let request = &job.work.request;
    JobDetail {
        job_id: JobId::new(job_id).unwrap(),
        name: request.name.to_string(),
        kind: "Workflow".to_owned(),
        state: JobState::Running,
        code: String::new(),
        message: String::new(),
        created: Some(created),
        started: None,
        ended: None,
        input: Some(request.input.clone()),
        operation: Some(request.operation.clone()),
        time_interval: None,
    }
}

fn list(jobs: &[JobDetail]) -> String {
    answer("200 OK", "", &encode_list_answer("r", jobs, None).unwrap())
}

/// A service that loses the answer to the first POST and then lists `jobs`.
async fn forgetful(jobs: Vec<JobDetail>) -> RawServer {
    let list = list(&jobs);
    RawServer::start(move |number, request| match (number, is_post(request)) {
        (0, _) => Reply::Close,
        (_, false) => Reply::Bytes(list.clone()),
        (number, true) => Reply::Bytes(accepted(&format!("bsecond{number}"))),
    })
    .await
}

/// One page of a list: jobs, and the page after it.
fn page(jobs: &[JobDetail], next: Option<&str>, age: i64) -> Reply {
    let body = encode_list_answer("r", jobs, next).unwrap();
    let moment = Timestamp::now() - SignedDuration::from_secs(age);
    Reply::Bytes(answer_at(moment, "200 OK", "", &body))
}

/// Applies one job to a service that loses the first submission and lists what `reply` says to the
/// n-th request; how often it was sent, and what became of it.
async fn settled(
    reply: impl Fn(usize, &str) -> Reply + Clone + Send + 'static,
) -> (usize, ApplyOutcome) {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let server = RawServer::start(move |number, request| match (number, is_post(request)) {
        (0, _) => Reply::Reset,
        (_, true) => Reply::Bytes(accepted("bsecond")),
        (number, false) => reply(number, request),
    })
    .await;
    let store = stage.open();
    let plan = plan::plan(jobs.clone(), &store.records(), Limits::default());
    let options = Options {
        window: Duration::from_secs(2),
        settle: Some(Duration::ZERO),
        ..Options::default()
    };
    let client = client_of(&server);
    let interrupt = stage.interrupt.subscribe();
    let outcome = apply::apply(&plan, &store, &client, &options, interrupt, &|_| {}).await;
    (posts(&server), outcome)
}

#[tokio::test]
async fn a_list_whose_first_page_is_too_early_proves_nothing() {
    let other = listed(&jobs(2)[1], "bother", Timestamp::now());
    let (posts, outcome) = settled(move |_, request| {
        if request.contains("nextToken=") {
            page(&[], None, 0)
        } else {
            page(std::slice::from_ref(&other), Some("2"), 4)
        }
    })
    .await;
    assert_eq!((posts, outcome.unresolved()), (1, 1), "{outcome:?}");
}

#[tokio::test]
async fn a_list_of_several_pages_is_believed_once_it_is_seen_twice_alike() {
    for (changes, expected) in [(false, (2, 1, 0)), (true, (1, 0, 1))] {
        let (posts, outcome) = settled(move |number, request| {
            if request.contains("nextToken=") {
                return page(&[], None, 0);
            }
            let id = if changes { number } else { 0 };
            let other = listed(&jobs(2)[1], &format!("bother{id}"), Timestamp::now());
            page(&[other], Some("2"), 0)
        })
        .await;
        let counts = (posts, outcome.submitted(), outcome.unresolved());
        assert_eq!(counts, expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn every_job_is_sent_once_and_never_again() {
    let (stage, jobs) = (Stage::new(), jobs(40));
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!((outcome.submitted(), outcome.jobs.len()), (40, 40));
    let mut names = BTreeMap::new();
    for request in server.requests() {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let name = decode_request(body.as_bytes()).unwrap().name;
        *names.entry(name.to_string()).or_insert(0) += 1;
    }
    assert_eq!(names.len(), 40);
    assert!(names.values().all(|count| *count == 1), "{names:?}");
    let again = stage.apply(&server, &jobs).await;
    assert_eq!(again.jobs.len(), 0);
    assert_eq!(server.requests().len(), 40);
}

#[tokio::test]
async fn the_intent_is_on_disk_before_the_request_is_on_the_wire() {
    let (stage, jobs) = (Stage::new(), jobs(30));
    let path = stage.path();
    let server = RawServer::start(move |number, request| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let request = decode_request(body.as_bytes()).unwrap();
        let (_, records) = StateStore::read(&path, EXPECTED).unwrap();
        let intended = records
            .iter()
            .any(|record| record.work.request == request && record.unresolved().is_some());
        if intended {
            Reply::Bytes(accepted(&format!("b{number}")))
        } else {
            Reply::Bytes(error("400 No", "", "SentBeforeItWasRecorded"))
        }
    })
    .await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!(outcome.submitted(), 30, "{outcome:?}");
}

#[tokio::test]
async fn a_plan_older_than_the_state_triggers_nothing_twice() {
    let (stage, jobs) = (Stage::new(), jobs(3));
    let server = RawServer::start(|number, _| Reply::Bytes(accepted(&format!("b{number}")))).await;
    let store = stage.open();
    let plan = plan::plan(jobs, &store.records(), Limits::default());
    stage.apply_plan(&server, &store, &plan).await;
    let again = stage.apply_plan(&server, &store, &plan).await;
    let known = |result: &JobResult| matches!(result, JobResult::AlreadySubmitted { .. });
    assert!(again.jobs.iter().all(|job| known(&job.result)), "{again:?}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_busy_service_is_asked_again_when_it_wants_to_be() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let server = RawServer::start(|number, _| match number {
        0 => Reply::Bytes(error("503 Busy", "Retry-After: 1\r\n", "SlowDown")),
        _ => Reply::Bytes(accepted("b1")),
    })
    .await;
    let started = std::time::Instant::now();
    assert_eq!(stage.apply(&server, &jobs).await.submitted(), 1);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(stage.saw(|event| matches!(
        event,
        Event::Retrying {
            throttled: true,
            ..
        }
    )));
    let record = Arc::clone(stage.records().get(&jobs[0].fingerprint).unwrap());
    let [busy, taken] = &record.submissions[..] else {
        panic!("{record:?}");
    };
    assert!(
        matches!(busy.outcome, Outcome::Abandoned { .. }),
        "{busy:?}"
    );
    assert!(
        busy.not_after < taken.not_after,
        "each has a window of its own"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_reached_leaves_nothing_unresolved() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let store = stage.open();
    let plan = plan::plan(jobs.clone(), &store.records(), Limits::default());
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let client = client_at(&format!("http://127.0.0.1:{port}"));
    let interrupt = stage.interrupt.subscribe();
    let outcome = apply::apply(
        &plan,
        &store,
        &client,
        &Options::default(),
        interrupt,
        &|_| {},
    )
    .await;
    assert_eq!(outcome.not_attempted(), 1, "{outcome:?}");
    assert!(
        stage.records().is_empty(),
        "without the service's time nothing is intended"
    );
}

#[tokio::test]
async fn one_refused_job_stops_no_other() {
    let (stage, jobs) = (Stage::new(), jobs(6));
    let server = RawServer::start(|number, request| {
        if request.contains("<Name>job-002</Name>") {
            Reply::Bytes(error(
                "400 No",
                "x-ci-request-id: r7\r\n",
                "InvalidArgument",
            ))
        } else {
            Reply::Bytes(accepted(&format!("b{number}")))
        }
    })
    .await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!((outcome.submitted(), outcome.rejected()), (5, 1));
    match stage.outcome_of(&jobs[2]) {
        Outcome::Rejected(rejection) => {
            assert_eq!(
                (rejection.code.as_str(), rejection.request_id.as_deref()),
                ("InvalidArgument", Some("r7"))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn failures_alike_in_a_row_and_refused_credentials_stop_the_run() {
    for (code, most) in [("InvalidArgument", 12), ("SignatureDoesNotMatch", 8)] {
        let (stage, jobs) = (Stage::new(), jobs(100));
        let reply = error("403 No", "", code);
        let server = RawServer::start(move |_, _| Reply::Bytes(reply.clone())).await;
        let outcome = stage.apply(&server, &jobs).await;
        let sent = server.requests().len();
        assert!(sent <= most, "{code}: {sent} of 100 were sent");
        assert_eq!(outcome.rejected(), sent);
        assert_eq!(outcome.not_attempted(), 100 - sent);
        assert!(outcome.halt.is_some());
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_in_the_list() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let server = forgetful(vec![listed(&jobs[0], "bfound", Timestamp::now())]).await;
    let outcome = stage.apply(&server, &jobs).await;
    let adopted = |result: &JobResult| {
        matches!(
            result,
            JobResult::Attempted {
                looked_up: true,
                ..
            }
        )
    };
    assert!(adopted(&outcome.jobs[0].result), "{outcome:?}");
    assert_eq!(posts(&server), 1);
    assert!(matches!(
        stage.outcome_of(&jobs[0]),
        Outcome::Accepted { job_id, .. } if job_id.as_str() == "bfound"
    ));
}

#[tokio::test]
async fn what_is_not_in_the_list_is_sent_again() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let now = Timestamp::now();
    let mut other_input = listed(&job("other"), "b1", now);
    other_input.name = "job-000".to_owned();
    let other_name = listed(&job("job-0001"), "b2", now);
    let too_old = listed(&jobs[0], "b3", now - SignedDuration::from_hours(2));
    let server = forgetful(vec![other_input, other_name, too_old]).await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!((outcome.submitted(), posts(&server)), (1, 2), "{outcome:?}");
    let record = Arc::clone(stage.records().get(&jobs[0].fingerprint).unwrap());
    assert!(matches!(
        record.submissions[0].outcome,
        Outcome::Abandoned { .. }
    ));
    assert!(matches!(
        record.submissions[1].outcome,
        Outcome::Accepted { .. }
    ));
}

#[tokio::test]
async fn of_several_matches_the_earliest_counts_and_the_others_are_named() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let later = Timestamp::now() + SignedDuration::from_secs(5);
    let twice = vec![
        listed(&jobs[0], "blate", later),
        listed(&jobs[0], "bearly", Timestamp::now()),
    ];
    let server = forgetful(twice).await;
    stage.apply(&server, &jobs).await;
    assert!(matches!(
        stage.outcome_of(&jobs[0]),
        Outcome::Accepted { job_id, .. } if job_id.as_str() == "bearly"
    ));
    assert!(stage.saw(|event| matches!(
        event,
        Event::Duplicates { others, .. } if others[0].as_str() == "blate"
    )));
}

#[tokio::test]
async fn what_cannot_be_looked_up_stays_unresolved_and_is_not_sent_again() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let server = RawServer::start(|_, request| {
        Reply::Bytes(if is_post(request) {
            error("500 Oops", "", "InternalError")
        } else {
            error("403 No", "", "AccessDenied")
        })
    })
    .await;
    for _ in 0..2 {
        let outcome = stage.apply(&server, &jobs).await;
        assert_eq!(outcome.unresolved(), 1, "{outcome:?}");
    }
    assert_eq!(posts(&server), 1);
}

#[tokio::test]
async fn a_list_that_does_not_tell_is_no_proof() {
    let (stage, jobs) = (Stage::new(), jobs(1));
    let mut unclear = listed(&jobs[0], "b1", Timestamp::now());
    unclear.operation = None;
    let server = forgetful(vec![unclear]).await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!(
        (outcome.unresolved(), posts(&server)),
        (1, 1),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_answer_with_the_id_of_another_job_is_not_believed() {
    let (stage, jobs) = (Stage::new(), jobs(2));
    let server = RawServer::start(|_, request| {
        Reply::Bytes(if is_post(request) {
            accepted("bsame")
        } else {
            error("403 No", "", "AccessDenied")
        })
    })
    .await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!(
        (outcome.submitted(), outcome.unresolved()),
        (1, 1),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_interrupt_lets_what_is_in_flight_end_and_begins_nothing_new() {
    let (stage, jobs) = (Stage::new(), jobs(50));
    let interrupt = stage.interrupt.clone();
    let server = RawServer::start(move |number, _| {
        interrupt.send_replace(Interrupt::Drain);
        Reply::Bytes(accepted(&format!("b{number}")))
    })
    .await;
    let outcome = stage.apply(&server, &jobs).await;
    assert_eq!(outcome.halt, Some(Halt::Interrupted));
    assert_eq!(outcome.submitted(), server.requests().len());
    assert!(outcome.submitted() <= 8, "{}", outcome.submitted());
    assert_eq!(outcome.submitted() + outcome.not_attempted(), 50);
}

#[tokio::test]
async fn a_second_interrupt_leaves_what_is_in_flight_unresolved() {
    let (stage, jobs) = (Stage::new(), jobs(50));
    let interrupt = stage.interrupt.clone();
    let server = RawServer::start(move |_, _| {
        interrupt.send_replace(Interrupt::Now);
        Reply::Silence
    })
    .await;
    let outcome = stage.apply(&server, &jobs).await;
    assert!(outcome.unresolved() >= 1, "{outcome:?}");
    assert_eq!(outcome.unresolved() + outcome.not_attempted(), 50);
    let unresolved = stage.records();
    let unresolved = unresolved
        .iter()
        .filter(|record| record.unresolved().is_some());
    assert_eq!(unresolved.count(), outcome.unresolved());
}

#[tokio::test]
async fn a_state_that_vanishes_stops_the_run_and_the_job_it_misses_is_named() {
    let (stage, jobs) = (Stage::new(), jobs(50));
    let path = stage.path();
    let server = RawServer::start(move |number, _| {
        let _ = fs::remove_file(&path);
        Reply::Bytes(accepted(&format!("b{number}")))
    })
    .await;
    let outcome = stage.apply(&server, &jobs).await;
    assert!(
        matches!(outcome.halt, Some(Halt::StateUnwritable(_))),
        "{:?}",
        outcome.halt
    );
    assert!(server.requests().len() <= 8, "{}", server.requests().len());
    assert_eq!(outcome.unresolved(), server.requests().len());
    assert!(stage.saw(|event| matches!(event, Event::NotRecorded { .. })));
    assert!(!stage.path().exists(), "nothing half is left in its place");
}
