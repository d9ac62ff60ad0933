//! The checks of a service that is reached over HTTP, all of them side by side.

use std::collections::BTreeSet;

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use reqwest::Url;
use tokio::net::lookup_host;

use super::check::{Check, Finding, Outcome, failed, in_time, ok, refused, skipped};
use super::{bucket, clock, input, workflow};
use crate::api::client::{Client, ClientError, Endpoint};
use crate::api::host::Side;
use crate::api::name::{BucketName, Region, WorkflowId};
use crate::api::request::Input;

/// More inputs, workflows or buckets than this are not asked for one by one.
const MAX_SUBJECTS: usize = 20;

/// What there is to ask.
#[derive(Debug)]
pub struct Questions {
    /// The way to the service.
    pub client: Client,
    /// Whether a proxy stands on the way, which looks names up.
    pub is_proxied: bool,
    /// The buckets of the target and of its jobs.
    pub buckets: BTreeSet<(BucketName, Region)>,
    /// The workflows that jobs name.
    pub workflows: BTreeSet<(BucketName, Region, WorkflowId)>,
    /// The inputs that jobs name.
    pub inputs: Vec<(BucketName, Region, Input)>,
}

/// The check that tells whether the service answers to these keys at all.
const KEYS: &str = "keys";

/// The check that tells why keys are refused in spite of being right.
const CLOCK: &str = "clock";

type Checks<'a> = BoxFuture<'a, Vec<Check>>;

/// Asks everything at once.
pub async fn service(questions: &Questions) -> Vec<Check> {
    let mut all: Vec<Checks<'_>> = vec![
        Box::pin(async { vec![name_resolution(questions).await] }),
        Box::pin(keys(&questions.client)),
    ];
    for (name, region) in questions.buckets.iter().take(MAX_SUBJECTS) {
        all.push(with(questions, name, region, |client| {
            Box::pin(async move { bucket::checks(&client).await })
        }));
    }
    for (name, region, id) in questions.workflows.iter().take(MAX_SUBJECTS) {
        all.push(with(questions, name, region, move |client| {
            Box::pin(async move { vec![workflow::check(&client, id).await] })
        }));
    }
    for (name, region, input) in questions.inputs.iter().take(MAX_SUBJECTS) {
        all.push(with(questions, name, region, move |client| {
            Box::pin(async move { vec![input::check(&client, input).await] })
        }));
    }
    let mut checks: Vec<Check> = join_all(all).await.into_iter().flatten().collect();
    skip_what_keys_explain(&mut checks);
    let counts = [
        ("bucket", questions.buckets.len()),
        ("workflow", questions.workflows.len()),
        ("input", questions.inputs.len()),
    ];
    for (what, count) in counts {
        if let Some(more) = count.checked_sub(MAX_SUBJECTS + 1) {
            let found = format!("{} more are not asked for", more + 1);
            checks.push(Check::new(what, "", "", skipped(found)));
        }
    }
    checks
}

/// A service that cannot be reached, or that refuses the keys, is one failure and not ten.
fn skip_what_keys_explain(checks: &mut [Check]) {
    let keys = checks.iter().find(|check| check.name == KEYS);
    let Some(remedy) = keys.and_then(|keys| keys.remedy.clone()) else {
        return;
    };
    let others = checks.iter_mut();
    for check in others.filter(|check| check.name != KEYS && check.name != CLOCK) {
        if check.outcome == Outcome::Failed && check.remedy.as_ref() == Some(&remedy) {
            check.outcome = Outcome::Skipped;
            check.found = format!("not answered, as the check `{KEYS}` explains");
            check.remedy = None;
        }
    }
}

/// Checks with a client of another bucket.
fn with<'a>(
    questions: &Questions,
    name: &BucketName,
    region: &Region,
    checks: impl FnOnce(Client) -> Checks<'a>,
) -> Checks<'a> {
    match questions.client.for_bucket(name, region) {
        Ok(client) => checks(client),
        Err(error) => {
            let remedy = match &error {
                ClientError::NotPermitted { names } => {
                    format!("STOCKTAKE_ALLOWED_HOSTS={names}, where the pipeline is defined")
                }
                _ => "correct `endpoint` of the target".to_owned(),
            };
            let finding = failed(error.to_string(), remedy);
            let check = Check::new("bucket", name.as_str(), "", finding);
            Box::pin(async move { vec![check] })
        }
    }
}

async fn name_resolution(questions: &Questions) -> Check {
    let endpoint = questions.client.endpoint();
    let (host, port) = called(endpoint);
    let finding = if questions.is_proxied {
        skipped("a proxy looks names up")
    } else {
        in_time(resolve(&host, port)).await
    };
    let asked = format!("the address of {host}");
    Check::new("name-resolution", host, asked, finding)
}

fn called(endpoint: &Endpoint) -> (String, u16) {
    let base = endpoint.base.as_ref();
    let host = base.and_then(|base| base.host_str().map(str::to_owned));
    let port = base.and_then(Url::port_or_known_default);
    let own = || endpoint.host(Side::Ci).to_string();
    (host.unwrap_or_else(own), port.unwrap_or(443))
}

async fn resolve(host: &str, port: u16) -> Finding {
    // An address of version 6 stands in brackets in a URL alone.
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    match lookup_host((plain, port)).await {
        Ok(mut addresses) => match addresses.next() {
            Some(address) => ok(address.ip().to_string()),
            None => failed(
                "it has no address",
                "see /etc/resolv.conf, and the region of the target",
            ),
        },
        Err(error) => failed(
            format!("it has no address: {error}"),
            "see /etc/resolv.conf and the region of the target, or set HTTPS_PROXY",
        ),
    }
}

/// One signed call tells of the keys and of the clock.
async fn keys(client: &Client) -> Vec<Check> {
    let (host, _) = called(client.endpoint());
    let mut date = None;
    let keys = in_time(async {
        let probe = client.probe().await;
        date = probe.date;
        match probe.outcome {
            Ok(()) => ok("the service takes the signature"),
            Err(error) => refused(client, &error),
        }
    })
    .await;
    let clock = clock::compare(date, Timestamp::now());
    let asked = format!("GET /inventorytriggerjob?size=1 on {host}");
    vec![
        Check::new(KEYS, "", asked, keys),
        Check::new(CLOCK, "", format!("the Date of {host}"), clock),
    ]
}
