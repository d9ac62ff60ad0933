//! `GET /`, for people: everything that runs and ran here, on one page.
//!
//! It needs no signature, for browsers. Therefore it is served on loopback alone unless the settings
//! say otherwise, and only to `Host` names that no foreign page can make its own (DNS rebinding).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::api_error::ApiError;
use super::app::App;
use super::store::{Overview, OverviewJob, OverviewLimits, StateCount};
use crate::api::wire::JobState;
use crate::job_status::{JobStatus, Objects};
use crate::page::{self, FailedObject, Job, Page, Workflow};

/// Refresh intervals of the browser: while jobs run, and while none does.
const BUSY: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(10);
/// A page is rendered again no sooner than this, and no sooner than this many times as long as it took
/// to render: many readers cost no more than one.
const FRESH: Duration = Duration::from_millis(500);
const MAKING_SHARE: u32 = 10;

/// The clients that the page is served to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Loopback,
    Everyone,
    NoOne,
}

/// The page as it was made last.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    page: Bytes,
    stale_at: Instant,
}

/// The answer, if the request is one for the page.
pub(super) async fn answer(app: &App, parts: &Parts) -> Option<Response> {
    if !is_asked_for(app.audience, parts) {
        return None;
    }
    let made = latest(app).await;
    Some(match made {
        Ok(page) => response(StatusCode::OK, "text/html; charset=utf-8", page.into()),
        Err(failure) => {
            tracing::error!(error = %failure.message, "the page could not be made");
            let text = "The page cannot be made; the log of the service says why.\n";
            response(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", text.into())
        }
    })
}

fn is_asked_for(audience: Audience, parts: &Parts) -> bool {
    let is_get = matches!(parts.method, Method::GET | Method::HEAD);
    if !is_get || parts.uri.path() != "/" || parts.uri.authority().is_some() {
        return false;
    }
    let host = parts.headers.get(header::HOST);
    let Some(host) = host.and_then(|host| host.to_str().ok()) else {
        return false;
    };
    match (audience, address(host)) {
        (Audience::NoOne, _) | (_, None) => false,
        (Audience::Loopback, Some(address)) => address.is_loopback(),
        (Audience::Everyone, Some(_)) => true,
    }
}

/// The address that a `Host` names. None for a name that a foreign page could let point
/// here to read this one.
fn address(host: &str) -> Option<IpAddr> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if name.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    bare.unwrap_or(name).parse().ok()
}

/// The page, rendered again if it is stale; concurrent requests wait for the same one.
async fn latest(app: &App) -> Result<Bytes, ApiError> {
    let mut latest = app.page.0.lock().await;
    if let Some(made) = latest
        .as_ref()
        .filter(|made| Instant::now() < made.stale_at)
    {
        return Ok(made.page.clone());
    }
    let begun = Instant::now();
    let overview = app
        .store
        .overview(OverviewLimits {
            jobs: page::JOBS,
            failed_jobs: page::FAILED_JOBS,
            failed_runs: page::FAILED_OBJECTS,
        })
        .await?;
    let page =
        page::render(&everything(app, overview)).map_err(|error| ApiError::internal(&error))?;
    let page = Bytes::from(page);
    let fresh = (begun.elapsed() * MAKING_SHARE).max(FRESH);
    *latest = Some(Made {
        page: page.clone(),
        stale_at: Instant::now() + fresh,
    });
    Ok(page)
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let policy = format!(
        "{}; frame-ancestors 'none'",
        page::policy(true).trim_end_matches(';')
    );
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn everything(app: &App, overview: Overview) -> Page {
    let mut counts: BTreeMap<JobStatus, usize> = BTreeMap::new();
    for (_, state, number) in &overview.totals {
        *counts.entry(JobStatus::of(state)).or_default() += whole(*number);
    }
    let is_busy = counts
        .iter()
        .any(|(standing, number)| standing.is_open() && *number > 0);
    let mut jobs: Vec<Job> = overview.jobs.into_iter().map(job).collect();
    jobs.sort_by_key(|job| (job.standing, std::cmp::Reverse(job.submitted)));
    Page {
        subject: "Jobs of this service".to_owned(),
        written: Timestamp::now(),
        refresh: Some(if is_busy { BUSY } else { IDLE }),
        counts: counts.into_iter().collect(),
        jobs,
        workflows: workflows(app, &overview.totals, &overview.runs, overview.more_runs),
        counts_every_run: !overview.more_runs,
        open: None,
    }
}

fn job(known: OverviewJob) -> Job {
    let OverviewJob { job, runs, failed } = known;
    let is_failed = job.state == JobState::Failed;
    Job {
        standing: JobStatus::of(&job.state),
        state: job.state.to_string(),
        id: Some(job.id.to_string()),
        submitted: Some(job.created),
        started: job.started,
        ended: job.ended,
        objects: runs.map(|runs| tally(runs.iter().map(|(state, number)| (state, *number)))),
        message: is_failed.then(|| format!("{}: {}", job.code, job.message)),
        failed: failed
            .into_iter()
            .map(|run| FailedObject {
                name: run.key,
                message: (!run.message.is_empty()).then_some(run.message),
            })
            .collect(),
        name: job.request.name.to_string(),
    }
}

fn tally<'a>(runs: impl Iterator<Item = (&'a JobState, i64)>) -> Objects {
    let counts = runs.map(|(state, number)| {
        let number = number.unsigned_abs();
        let is = |wanted: &JobState| if state == wanted { number } else { 0 };
        Objects {
            succeeded: is(&JobState::Success),
            failed: is(&JobState::Failed),
            total: number,
            more: false,
        }
    });
    counts.sum()
}

fn workflows(
    app: &App,
    totals: &[StateCount],
    runs: &[StateCount],
    more_runs: bool,
) -> Vec<Workflow> {
    let mut workflows: BTreeMap<&str, Workflow> = BTreeMap::new();
    for (ids, state, number) in totals {
        let workflow = workflows.entry(ids).or_insert_with(|| workflow(app, ids));
        let standing = JobStatus::of(state);
        let number = whole(*number);
        workflow.jobs += number;
        workflow.open += if standing.is_open() { number } else { 0 };
        workflow.failed += if standing.is_failure() { number } else { 0 };
        workflow.objects.more = more_runs;
    }
    for (ids, state, number) in runs {
        if let Some(workflow) = workflows.get_mut(ids.as_str()) {
            let counted = tally(std::iter::once((state, *number)));
            workflow.objects = workflow.objects + counted;
        }
    }
    workflows.into_values().collect()
}

/// A count of rows.
fn whole(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// `ids` have a comma before each and at the end.
fn workflow(app: &App, ids: &str) -> Workflow {
    let ids = ids.trim_matches(',');
    let found = app.workflows.iter().find(|(id, _)| id.as_str() == ids);
    let name = found.map(|(_, workflow)| workflow.name.clone());
    Workflow {
        ids: ids.to_owned(),
        name: name.filter(|name| !name.is_empty() && name != ids),
        jobs: 0,
        open: 0,
        failed: 0,
        objects: Objects::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_addresses_and_localhost_are_hosts_of_the_page() {
        let of = |text: &str| Some(text.parse().unwrap());
        assert_eq!(address("127.0.0.1:8787"), of("127.0.0.1"));
        assert_eq!(address("127.0.0.1"), of("127.0.0.1"));
        assert_eq!(address("[::1]:8787"), of("::1"));
        assert_eq!(address("[::1]"), of("::1"));
        assert_eq!(address("10.0.0.7:80"), of("10.0.0.7"));
        assert_eq!(address("LocalHost:8787"), of("127.0.0.1"));
        for foreign in [
            "",
            "example.com",
            "localhost.example.com:8787",
            "127.0.0.1:x",
            "1",
        ] {
            assert_eq!(address(foreign), None, "{foreign}");
        }
    }
}
