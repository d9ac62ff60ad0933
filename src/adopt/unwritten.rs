//! Jobs of the service that no job of the files asks for, as they can be written down.

use std::collections::HashSet;

use super::record::asked_for;
use crate::api::name::JobName;
use crate::api::request::{JobType, Request};
use crate::api::wire::JobDetail;

/// Jobs of the service as job files could have them.
#[derive(Debug, Default)]
pub struct Unwritten {
    /// What can be written down: each piece of work once, as the job that did it first.
    pub jobs: Vec<(JobDetail, Request)>,
    /// Jobs that did the same again.
    pub repeated: Vec<JobDetail>,
    /// Jobs of another type, or whose request cannot be understood.
    pub unreadable: Vec<JobDetail>,
}

/// Sorts `unmatched`, oldest first, by whether it can be written down.
pub fn unwritten(unmatched: Vec<JobDetail>) -> Unwritten {
    let mut sorted = Unwritten::default();
    let mut known = HashSet::new();
    for detail in unmatched {
        match request(&detail) {
            None => sorted.unreadable.push(detail),
            Some(request) if known.insert((request.input.clone(), request.operation.clone())) => {
                sorted.jobs.push((detail, request));
            }
            Some(_) => sorted.repeated.push(detail),
        }
    }
    sorted
}

/// What the service was asked for. A name that is none becomes the id, which does: it is for people.
fn request(detail: &JobDetail) -> Option<Request> {
    let name = JobName::new(&detail.name).or_else(|_| JobName::new(detail.job_id.as_str()));
    let (input, operation) = asked_for(detail)?;
    Some(Request {
        name: name.ok()?,
        kind: JobType::Workflow,
        input: input.clone(),
        operation: operation.clone(),
    })
}
