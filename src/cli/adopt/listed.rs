//! Jobs that the service lists.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::file::{Draft, NewFile};
use super::{AdoptArgs, not_asked, record, show, with_state};
use crate::adopt::{self, Matches};
use crate::api::client::{Client, ListQuery};
use crate::api::name::{BucketName, Region};
use crate::api::wire::JobDetail;
use crate::cli::connection::Connection;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::diagnostic::Diagnostic;
use crate::job::Job;
use crate::report::Adoption;
use crate::state::Records;

/// A bucket and its region.
type Place = (BucketName, Region);

pub(super) fn adopt(
    session: &Session,
    arguments: &AdoptArgs,
    jobs: &[Arc<Job>],
    file: Option<NewFile>,
) -> Result<Exit, Failure> {
    let target = &session.target;
    let own = target.bucket.clone().zip(target.region.clone());
    let places = places(session, own.as_ref(), jobs)?;
    let listed = tokio::runtime::Runtime::new()?.block_on(list(session, arguments, &places))?;
    let (matches, left_out, written) = with_state(session, arguments, |store| {
        let (matches, draft) = matched(session, jobs, listed, &store.records(), file.zip(own))?;
        // A job that the files ask for and the state does not know would be submitted.
        record(store, &matches.adopted)?;
        let left_out = draft.as_ref().map(Draft::left_out).unwrap_or_default();
        let written = draft.map_or(Ok(None), Draft::keep)?;
        Ok((matches, left_out, written))
    })?;
    let written = written.as_ref();
    let adoption = Adoption {
        adopted: &matches.adopted,
        known: &[],
        repeated: &matches.repeated,
        others: &matches.unmatched,
        written: written.map(|(path, number)| (path.as_path(), *number)),
    };
    show(session, arguments, &adoption)?;
    let has_more = !matches.unmatched.is_empty() && arguments.file.is_none();
    if has_more && !session.settings.automation {
        let hint = "`stocktake adopt --file jobs/found.yaml` writes jobs of other work down";
        session.ui.note(hint)?;
    }
    if !left_out.is_empty() {
        return Err(left_out.into());
    }
    Ok(Exit::Done)
}

/// What is listed, matched to the jobs of the files; and what is left of the target's own bucket, to
/// those of a new file, if there is to be one.
fn matched(
    session: &Session,
    jobs: &[Arc<Job>],
    listed: Vec<(Place, Vec<JobDetail>)>,
    records: &Records,
    file: Option<(NewFile, Place)>,
) -> Result<(Matches, Option<Draft>), Failure> {
    let now = Timestamp::now();
    let mut matches = Matches::default();
    let mut unwritten = Vec::new();
    for (place, listed) in listed {
        let found = adopt::matches(&place.0, &place.1, listed, jobs, records, now);
        matches.adopted.extend(found.adopted);
        matches.repeated.extend(found.repeated);
        if file.as_ref().is_some_and(|(_, own)| *own == place) {
            unwritten = found.unmatched;
        } else {
            matches.unmatched.extend(found.unmatched);
        }
    }
    let Some((file, (bucket, region))) = file else {
        return Ok((matches, None));
    };
    let found = adopt::unwritten(unwritten);
    matches.unmatched.extend(found.unreadable);
    let draft = file.draft(session, jobs, records, &found.jobs)?;
    let found = found
        .jobs
        .into_iter()
        .map(|(detail, _)| detail)
        .chain(found.repeated)
        .collect();
    let new = adopt::matches(&bucket, &region, found, draft.jobs(), records, now);
    matches.adopted.extend(new.adopted);
    matches.repeated.extend(new.repeated);
    matches.unmatched.extend(new.unmatched);
    Ok((matches, Some(draft)))
}

/// The buckets in which the work of the files, and of a new file, is done.
fn places(
    session: &Session,
    own: Option<&Place>,
    jobs: &[Arc<Job>],
) -> Result<BTreeSet<Place>, Failure> {
    let of_jobs = jobs.iter().map(|job| &job.work);
    let of_jobs = of_jobs.map(|work| (work.bucket.clone(), work.region.clone()));
    let places: BTreeSet<Place> = of_jobs.chain(own.cloned()).collect();
    if places.is_empty() {
        let message = format!("the target `{}` has no bucket to list", session.target.name);
        let problem = Diagnostic::error("no-bucket", message);
        return Err(problem
            .help("give it `bucket` and `region` in stocktake.toml")
            .into());
    }
    Ok(places)
}

async fn list(
    session: &Session,
    arguments: &AdoptArgs,
    places: &BTreeSet<Place>,
) -> Result<Vec<(Place, Vec<JobDetail>)>, Failure> {
    let Some((bucket, region)) = places.first().cloned() else {
        return Ok(Vec::new());
    };
    let connection = Connection::open(session, bucket, region).await?;
    let listed = list_all(&connection.client, arguments, places).await;
    connection.close().await;
    listed
}

async fn list_all(
    client: &Client,
    arguments: &AdoptArgs,
    places: &BTreeSet<Place>,
) -> Result<Vec<(Place, Vec<JobDetail>)>, Failure> {
    let query = ListQuery {
        name: arguments.name.clone(),
        workflow_id: arguments.workflow.clone(),
        states: arguments.states.clone(),
        created_from: arguments.since,
        ..ListQuery::default()
    };
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let client = client.for_bucket(&place.0, &place.1)?;
        let listed = client.list(&query).await;
        let mut listed = listed.map_err(|error| not_asked(&error))?;
        // The filter is the service's; what it lets through is checked all the same.
        listed.retain(|job| arguments.states.is_empty() || arguments.states.contains(&job.state));
        all.push((place.clone(), listed));
    }
    Ok(all)
}
