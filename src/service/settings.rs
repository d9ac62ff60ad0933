//! What a service is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::environment::Environment;
use super::faults::Faults;
use super::tls::TlsFiles;
use crate::api::credentials::Credentials;
use crate::api::name::{BucketName, WorkflowId};
use crate::api::objects::ListLimits;

/// What a service is started with.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The folder of its database and of the results; made if it is not there.
    pub data: PathBuf,
    /// The folder that each bucket's objects lie in.
    pub buckets: BTreeMap<BucketName, PathBuf>,
    /// What each workflow runs.
    pub workflows: BTreeMap<WorkflowId, WorkflowSettings>,
    /// What the nodes of workflows that are made through the API run, by their types.
    pub nodes: BTreeMap<String, NodeSettings>,
    /// The one key pair that it accepts; with a token, requests must carry it.
    pub credentials: Credentials,
    /// How many commands run at once, at least one.
    pub parallelism: usize,
    /// The folder that commands run in.
    pub working_folder: PathBuf,
    /// What commands get a part of: the variables that all get, and those that their workflow names.
    pub environment: Environment,
    /// Faults on purpose.
    pub faults: Faults,
    pub limits: Limits,
    /// With them the port speaks HTTP and HTTPS.
    pub tls: Option<TlsFiles>,
    /// Whether the page about its jobs, which needs no signature, is served on addresses other than
    /// loopback.
    pub page_for_all: bool,
}

/// Limits on requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a request's head may take, and a connection may idle.
    pub head_time: Duration,
    /// How long the body of a call may take; that of an object may pause so long.
    pub body_time: Duration,
    /// The largest body of a call. That of an object has no limit.
    pub body_bytes: usize,
    /// The most bytes that clients may write into the buckets while the service runs, copies included;
    /// absent for as many as there is room for.
    pub upload_bytes: Option<u64>,
    /// How long a client may leave an answer unread.
    pub write_time: Duration,
    /// The most connections at once; no more than half of the files that the process may open.
    pub connections: usize,
    /// What the lists of one job may come to.
    pub lists: ListLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_time: Duration::from_secs(20),
            body_time: Duration::from_secs(20),
            body_bytes: 1024 * 1024,
            upload_bytes: None,
            write_time: Duration::from_secs(20),
            connections: 2048,
            lists: ListLimits::default(),
        }
    }
}

impl ServiceSettings {
    /// Settings without buckets and workflows, that run one command a core in the current folder.
    pub fn new(data: impl Into<PathBuf>, credentials: Credentials) -> Self {
        Self {
            data: data.into(),
            buckets: BTreeMap::new(),
            workflows: BTreeMap::new(),
            nodes: BTreeMap::new(),
            credentials,
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            working_folder: PathBuf::from("."),
            environment: Environment::default(),
            faults: Faults::default(),
            limits: Limits::default(),
            tls: None,
            page_for_all: false,
        }
    }
}

/// What the nodes of one type run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSettings {
    /// Nothing: what a node reads is what it writes.
    Copy,
    /// A command, in which `{output}` stands for the file that it writes.
    Command(WorkflowSettings),
}

/// A workflow: a command that runs once for each object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSettings {
    /// Its name, for people.
    pub name: String,
    /// Program and arguments, started without a shell. `{object}` stands for the absolute path of
    /// the object's file, `{key}` for its key, `{bucket}` for its bucket.
    pub command: Vec<String>,
    /// How long one run may take.
    pub time_limit: Option<Duration>,
    /// The variables of the environment that the command gets, beside those that all get.
    pub environment: Vec<String>,
    /// Whether the service refuses to run it.
    pub paused: bool,
}

impl WorkflowSettings {
    /// An active workflow without a time limit.
    pub fn new(name: impl Into<String>, command: Vec<String>) -> Self {
        Self {
            name: name.into(),
            command,
            time_limit: None,
            environment: Vec::new(),
            paused: false,
        }
    }

    /// Differs when any of the settings does. (They may hold secrets, which it does not tell.)
    pub(super) fn digest(&self) -> String {
        let Self {
            name,
            command,
            time_limit,
            environment,
            paused,
        } = self;
        let mut settings = format!("{name:?} {command:?} {time_limit:?} {paused}");
        if !environment.is_empty() {
            settings = format!("{settings} {environment:?}");
        }
        HEXLOWER.encode(&Sha256::digest(settings.as_bytes()))
    }
}
