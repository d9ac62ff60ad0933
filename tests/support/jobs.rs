//! Jobs made by hand, for tests below the job files.

use std::sync::Arc;

use jiff::Timestamp;
use stocktake::api::name::{BucketName, JobName, Region, WorkflowId};
use stocktake::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use stocktake::api::signature::KeyTime;
use stocktake::job::{Job, JobKey, OnFailure, Overlap, Work};
use stocktake::source::{Place, SourceFile, Span};

pub const BUCKET: &str = "media-1250000000";
pub const REGION: &str = "ap-beijing";
pub const HOST: &str = "media-1250000000.ci.ap-beijing.myqcloud.com";
pub const WORKFLOW: &str = "w0f1e2d3c4b5a49687786a5b4c3d2e1f0";

/// A time in which the service of this machine takes a submission.
pub fn window() -> KeyTime {
    let now = Timestamp::now().as_second();
    KeyTime {
        start: now - 60,
        end: now + 60,
    }
}

pub fn request(name: &str) -> Request {
    Request {
        name: JobName::new(name).unwrap(),
        kind: JobType::Workflow,
        input: Input::Prefix(format!("{name}/")),
        operation: Operation {
            workflow_ids: WorkflowIds::from(WorkflowId::new(WORKFLOW).unwrap()),
            time_interval: TimeInterval::default(),
        },
    }
}

pub fn job(key: &str) -> Job {
    let work = Work {
        bucket: BucketName::new(BUCKET).unwrap(),
        region: Region::new(REGION).unwrap(),
        request: request(key),
        rerun: None,
    };
    let file = Arc::new(SourceFile::new("jobs/test.yaml", String::new()));
    Job {
        key: JobKey::new(key),
        fingerprint: work.fingerprint(),
        work: Arc::new(work),
        description: None,
        on_failure: OnFailure::Leave,
        overlap: Overlap::Allow,
        source: Place::new(&file, Span::default()),
    }
}
