//! The embedded service: the server side of the batch API on this machine.
//!
//! A bucket is a folder, a workflow is a command. Clients reach it through a real socket, signed,
//! as they reach the real one; it shares nothing with them but [`crate::api`].
//!
//! ```text
//! server -> app (call, authentication) -> batch -> store
//!                                                    |
//!                               results <- runner <--+
//! ```

mod api_error;
mod app;
mod authentication;
mod batch;
mod bucket;
mod call;
mod data_folder;
mod environment;
mod faults;
mod ids;
mod key_pair;
mod object;
mod overview;
mod owner;
mod parameters;
mod reply;
mod runner;
mod scan;
mod server;
mod settings;
mod setup;
mod socket;
mod start_error;
mod store;
mod stream;
mod strict_heads;
mod upload;
mod workflow;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

pub use crate::api::objects::ListLimits;
pub use environment::Environment;
pub use faults::{Choice, Fault, FaultKind, Faults, FaultsError};
pub use key_pair::{key_pair, key_pair_file, well_known_key_pair};
pub use owner::{Owner, running_at};
pub use settings::{Limits, ServiceSettings, WorkflowSettings};
pub use start_error::StartError;
pub use store::StoreError;

use app::App;
use bucket::Bucket;
use data_folder::make_private;
use faults::Script;
use overview::Audience;
use owner::Ownership;
use runner::{Runner, RunnerContext};
use store::Store;

const DATABASE: &str = "service.db";
const RESULTS: &str = "results";
const RUNNING: &str = "running";

/// At least this many jobs run at once: a long one must not delay all others.
const MIN_JOBS: usize = 4;

/// A service that listens and runs jobs.
#[derive(Debug)]
pub struct RunningService {
    address: SocketAddr,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    /// Released last.
    _ownership: Ownership,
}

/// Opens the buckets and the database, listens on `listen`, and goes on with unfinished jobs.
pub async fn start(
    settings: ServiceSettings,
    listen: SocketAddr,
) -> Result<RunningService, StartError> {
    let data = make_folder(&settings.data)?;
    let ownership = Ownership::take(&data).await?;
    let listener = TcpListener::bind(listen).await.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    let (listener, address) = listener.map_err(|source| StartError::Listen {
        address: listen,
        source,
    })?;
    let is_well_known = key_pair::is_well_known(&settings.credentials);
    if is_well_known && !address.ip().is_loopback() {
        return Err(StartError::WellKnownKeyPair { address });
    }
    let audience = match (address.ip().is_loopback(), settings.page_for_all) {
        (true, _) => Audience::Loopback,
        (false, true) => Audience::Everyone,
        (false, false) => Audience::NoOne,
    };
    let app = Arc::new(open(settings, &data, audience).await?);
    ownership.announce(address, is_well_known)?;
    let stop = watch::Sender::new(false);
    let server = server::serve(listener, Arc::clone(&app), stop.subscribe());
    Ok(RunningService {
        address,
        app,
        stop,
        server: tokio::spawn(server),
        _ownership: ownership,
    })
}

impl RunningService {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until every job has ended.
    pub async fn idle(&self) {
        self.app.runner.idle().await;
    }

    /// Shuts down: open calls are answered, running commands are ended (their jobs go on at the next
    /// start), the database is closed.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if self.server.await.is_err() {
            tracing::error!("the server ended in a panic");
        }
        self.app.runner.shutdown().await;
        self.app.store.close().await;
    }
}

async fn open(
    settings: ServiceSettings,
    data: &Path,
    audience: Audience,
) -> Result<App, StartError> {
    let results = make_folder(&data.join(RESULTS))?;
    let running = data.join(RUNNING);
    // Output of runs that a killed process had started; they run again.
    let _ = fs::remove_dir_all(&running);
    let running = make_folder(&running)?;
    let buckets = settings.buckets.into_iter().map(|(name, folder)| {
        let bucket = Bucket::open(name.clone(), &folder)?;
        Ok((name, Arc::new(bucket)))
    });
    let buckets = Arc::new(buckets.collect::<Result<_, StartError>>()?);
    let workflows = Arc::new(settings.workflows);
    let path = data.join(DATABASE);
    let unusable = |source| StartError::Database {
        path: path.clone(),
        source,
    };
    let store = Arc::new(Store::open(&path).map_err(unusable)?);
    let digests = workflows
        .iter()
        .map(|(id, workflow)| (id.clone(), workflow.digest()));
    let workflow_times = store.note_workflows(digests.collect(), Timestamp::now());
    let workflow_times = workflow_times.await.map_err(unusable)?;
    let parallelism = settings.parallelism.max(1);
    let context = RunnerContext {
        store: Arc::clone(&store),
        buckets: Arc::clone(&buckets),
        workflows: Arc::clone(&workflows),
        results,
        running,
        working_folder: settings.working_folder,
        environment: settings.environment,
        list_limits: settings.limits.lists,
        slots: Arc::new(Semaphore::new(parallelism)),
    };
    let runner = Runner::start(context, parallelism.max(MIN_JOBS));
    Ok(App {
        runner: runner.await.map_err(unusable)?,
        store,
        buckets,
        workflows,
        workflow_times,
        credentials: settings.credentials,
        faults: Script::new(settings.faults),
        paused_queues: setup::PausedQueues::default(),
        limits: settings.limits,
        audience,
        page: overview::Latest::default(),
    })
}

fn make_folder(path: &Path) -> Result<PathBuf, StartError> {
    make_private(path).map_err(|error| StartError::file(path, error))
}
