//! What running a job needs, and what stops it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore, watch};

use crate::api::name::{BucketName, WorkflowId};
use crate::api::objects::ListLimits;
use crate::service::bucket::Bucket;
use crate::service::environment::Environment;
use crate::service::settings::{NodeSettings, WorkflowSettings};
use crate::service::store::Store;

#[derive(Debug)]
pub(in crate::service) struct RunnerContext {
    pub(in crate::service) store: Arc<Store>,
    pub(in crate::service) buckets: Arc<BTreeMap<BucketName, Arc<Bucket>>>,
    pub(in crate::service) workflows: Arc<BTreeMap<WorkflowId, WorkflowSettings>>,
    /// What nodes run, by their types.
    pub(in crate::service) nodes: BTreeMap<String, NodeSettings>,
    /// Held while an object is put in its place or removed.
    pub(in crate::service) placing: Arc<Mutex<()>>,
    pub(in crate::service) results: PathBuf,
    /// The output of commands that have not ended.
    pub(in crate::service) running: PathBuf,
    /// The current directory of commands.
    pub(in crate::service) working_folder: PathBuf,
    pub(in crate::service) environment: Environment,
    /// What the lists of one job may come to.
    pub(in crate::service) list_limits: ListLimits,
    /// One permit a command.
    pub(in crate::service) slots: Arc<Semaphore>,
}

/// Whether a job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    GoOn,
    /// It never runs again.
    Cancelled,
    /// It goes on when the service starts again.
    Shutdown,
}

/// Waits until the job is stopped.
pub(super) async fn stopped(stop: &mut watch::Receiver<Stop>) {
    // Fails when nothing is left that could stop it.
    let _ = stop.wait_for(|stop| *stop != Stop::GoOn).await;
}
