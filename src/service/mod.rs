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
mod definitions;
mod environment;
mod faults;
mod head;
mod header_case;
mod ids;
mod key_pair;
mod objects;
mod overview;
mod owner;
mod parameters;
mod quota;
mod reply;
mod request_body;
mod routes;
mod runner;
mod scan;
mod server;
mod settings;
mod setup;
mod socket;
mod start_error;
mod store;
mod strict_heads;
mod tls;
mod topology;
mod workflow;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinHandle;

pub use crate::api::objects::ListLimits;
pub use environment::Environment;
pub use faults::{Choice, Fault, FaultKind, Faults, FaultsError};
pub use head::{is_signed, strict_heads};
pub use key_pair::{key_pair, key_pair_file, well_known_key_pair};
pub use owner::{Owner, running_at};
pub use settings::{Limits, NodeSettings, ServiceSettings, WorkflowSettings};
pub use start_error::StartError;
pub use store::StoreError;
pub use tls::{TlsFiles, names as tls_names, self_signed};

use app::App;
use bucket::Bucket;
use data_folder::make_private;
use faults::Script;
use overview::Audience;
use owner::Ownership;
use quota::Quota;
use runner::{Runner, RunnerContext};
use store::Store;

const DATABASE: &str = "service.db";
const RESULTS: &str = "results";
const RUNNING: &str = "running";
const UPLOADS: &str = "uploads";

/// After this time an open multipart upload is removed, when the service starts.
const UPLOAD_TIME: SignedDuration = SignedDuration::from_hours(7 * 24);

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
    let tls = settings.tls.as_ref().map(tls::load).transpose()?;
    let app = Arc::new(open(settings, &data, audience).await?);
    ownership.announce(address, is_well_known)?;
    let stop = watch::Sender::new(false);
    let server = server::serve(listener, Arc::clone(&app), tls, stop.subscribe());
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
    let uploads = make_folder(&data.join(UPLOADS))?;
    remove_old_uploads(&store, &uploads)
        .await
        .map_err(unusable)?;
    let digests = workflows
        .iter()
        .map(|(id, workflow)| (id.clone(), workflow.digest()));
    let workflow_times = store.note_workflows(digests.collect(), Timestamp::now());
    let workflow_times = workflow_times.await.map_err(unusable)?;
    let placing = Arc::<Mutex<()>>::default();
    let parallelism = settings.parallelism.max(1);
    let context = RunnerContext {
        store: Arc::clone(&store),
        buckets: Arc::clone(&buckets),
        workflows: Arc::clone(&workflows),
        nodes: settings.nodes,
        placing: Arc::clone(&placing),
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
        quota: Quota::new(settings.limits.upload_bytes),
        uploads,
        placing,
        audience,
        page: overview::Latest::default(),
    })
}

/// Removes uploads that were left open for too long, and what is left of others.
async fn remove_old_uploads(store: &Store, folder: &Path) -> Result<(), StoreError> {
    let before = Timestamp::now() - UPLOAD_TIME;
    let open = store.remove_old_uploads(before).await?;
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_open = open.iter().any(|id| path.ends_with(id));
        if !is_open && path.is_dir() {
            let _ = fs::remove_dir_all(path);
        } else if !is_open {
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<PathBuf, StartError> {
    make_private(path).map_err(|error| StartError::file(path, error))
}
