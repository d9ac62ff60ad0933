//! Faults on purpose, as a client meets them.

use std::time::{Duration, Instant};

use reqwest::Method;
use stocktake::api::wire::{decode_error, decode_list_answer};
use stocktake::service::{Fault, FaultKind, Faults, RunningService};

use super::world::{COPY, JOBS, World, request};
use crate::support::wait::eventually_async;

async fn start(world: &World, faults: Vec<Fault>) -> RunningService {
    let mut settings = world.settings();
    settings.faults = Faults { seed: 1, faults };
    world.start_with(settings).await
}

fn post(kind: FaultKind) -> Vec<Fault> {
    vec![Fault::new("POST", JOBS, kind).nth([1])]
}

/// Status and body, if an answer came, whole.
type Answer = Result<(u16, String), reqwest::Error>;

type IsExpected = fn(Answer) -> bool;

/// Triggers a job and gives back status and body, if an answer came, whole.
async fn trigger(world: &World, service: &RunningService) -> Answer {
    let body = request("<Prefix>none</Prefix>", COPY, "");
    let request = world.request(service, Method::POST, JOBS, &[]);
    let answer = request.body(body).send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?))
}

/// How many jobs the service has taken.
async fn count(world: &World, service: &RunningService) -> usize {
    let request = world.request(service, Method::GET, JOBS, &[("size", "100")]);
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    decode_list_answer(&answer).unwrap().jobs.len()
}

#[tokio::test]
async fn a_refusal_takes_no_job() {
    let world = World::new();
    let refuse = FaultKind::Refuse {
        status: 503,
        code: "SlowDown".to_owned(),
        retry_after: Some(7),
    };
    let service = start(&world, post(refuse)).await;
    let body = request("<Prefix>none</Prefix>", COPY, "");
    let request = world.request(&service, Method::POST, JOBS, &[]);
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "7");
    let error = decode_error(503, &answer.bytes().await.unwrap()).unwrap();
    assert_eq!(error.code, "SlowDown");
    assert_eq!(count(&world, &service).await, 0);
    assert_eq!(
        trigger(&world, &service).await.unwrap().0,
        200,
        "only the first"
    );
    assert_eq!(count(&world, &service).await, 1);
    service.shutdown().await;
}

#[tokio::test]
async fn faults_after_the_act_have_accepted_the_job() {
    let fail = FaultKind::Fail {
        status: 500,
        code: "InternalError".to_owned(),
    };
    let answers: [(FaultKind, IsExpected); 4] = [
        (fail, |answer| answer.is_ok_and(|(status, _)| status == 500)),
        (FaultKind::Garbage, |answer| {
            answer.is_ok_and(|(status, body)| status == 200 && body.starts_with("<html>"))
        }),
        (FaultKind::Half, |answer| {
            answer.is_err_and(|error| error.is_body() || error.is_decode())
        }),
        (FaultKind::Drop { acts: true }, |answer| {
            answer.is_err_and(|error| error.is_request() && !error.is_connect())
        }),
    ];
    for (kind, is_expected) in answers {
        let world = World::new();
        let service = start(&world, post(kind.clone())).await;
        let answer = trigger(&world, &service).await;
        let shown = format!("{kind:?}: {answer:?}");
        assert!(is_expected(answer), "{shown}");
        assert_eq!(count(&world, &service).await, 1, "{shown}");
        service.shutdown().await;
    }
}

#[tokio::test]
async fn a_drop_with_acts_false_accepts_no_job() {
    let world = World::new();
    let service = start(&world, post(FaultKind::Drop { acts: false })).await;
    assert!(trigger(&world, &service).await.is_err());
    assert_eq!(count(&world, &service).await, 0);
    service.shutdown().await;
}

#[tokio::test]
async fn slow_answers_arrive_and_late_jobs_appear() {
    let world = World::new();
    let (slow, late) = (Duration::from_millis(300), Duration::from_secs(3));
    let mut faults = post(FaultKind::Slow { delay: slow });
    faults.push(Fault::new("POST", JOBS, FaultKind::Late { delay: late }).nth([2]));
    let service = start(&world, faults).await;
    let started = Instant::now();
    assert_eq!(trigger(&world, &service).await.unwrap().0, 200);
    assert!(started.elapsed() >= slow);
    assert!(trigger(&world, &service).await.is_err());
    assert_eq!(count(&world, &service).await, 1, "not before its delay");
    eventually_async(async || count(&world, &service).await == 2).await;
    service.shutdown().await;
}
