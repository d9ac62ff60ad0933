//! A target with everything filled in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::state_address::StateAddress;
use crate::api::name::{BucketName, Region, WorkflowId};
use crate::money::{Money, Price};

/// Where jobs go, with the rules for handing it work.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the workspace.
    pub name: String,
    /// What takes the jobs.
    pub service: Service,
    /// The bucket of jobs that name none themselves.
    pub bucket: Option<BucketName>,
    /// The region of jobs that name none themselves.
    pub region: Option<Region>,
    /// Where the state is.
    pub state: StateAddress,
    /// The most submissions that one plan may make.
    pub max_submissions: Option<usize>,
    /// The most objects that one plan may make workflows process.
    pub max_objects: Option<u64>,
    /// The most bytes that one plan may make workflows process.
    pub max_bytes: Option<u64>,
    /// The most that one plan may cost; in the currency of the prices.
    pub max_cost: Option<Money>,
    /// The ids of workflows, by the names that jobs use.
    pub workflow_names: BTreeMap<String, WorkflowId>,
    /// What workflows cost; all in one currency.
    pub prices: BTreeMap<WorkflowId, Price>,
    /// How long one call to the service may take.
    pub timeout: Duration,
    /// How long after its intent the service can take a submission: its signature ends then.
    pub window: Duration,
    /// How long after the end of that window the service's list shows a job at the latest.
    pub settle: Duration,
    /// Requests a second at most.
    pub rate: Option<u32>,
    /// What a person types to let a plan be applied.
    pub confirm: String,
}

/// The default confirmation.
pub const DEFAULT_CONFIRM: &str = "yes";

/// What takes the jobs.
#[derive(Debug, Clone)]
pub enum Service {
    /// The service that this program brings.
    Embedded(EmbeddedService),
    /// A service elsewhere: Tencent's, or the one at the endpoint.
    Remote {
        /// Where to connect instead of the bucket's own host.
        endpoint: Option<String>,
        /// The roles that give credentials.
        roles: Roles,
    },
}

/// The roles that a target takes where the machine holds no key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// In exchange for an OIDC token.
    pub web_identity: Option<WebIdentityRole>,
    /// The one of the instance.
    pub instance: bool,
}

/// A role in exchange for an OIDC token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebIdentityRole {
    /// Its full name.
    pub role_arn: String,
    /// The identity provider as Tencent Cloud knows it.
    pub provider_id: String,
}

/// The folders of the embedded service.
#[derive(Debug, Clone)]
pub struct EmbeddedService {
    /// Where it keeps its jobs and their results.
    pub data: PathBuf,
    /// The folder of each bucket.
    pub buckets: BTreeMap<BucketName, PathBuf>,
    /// What each workflow runs.
    pub workflows: BTreeMap<WorkflowId, Workflow>,
    /// What nodes run, by their types.
    pub nodes: BTreeMap<String, NodeProgram>,
}

/// What the nodes of one type run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeProgram {
    /// Nothing: a node writes what it reads.
    Copy,
    /// A command.
    Command(Workflow),
}

/// A workflow of the embedded service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// A name for people; the id where none is written.
    pub name: String,
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// How long one run may take.
    pub time_limit: Duration,
    /// The variables of the environment that the command gets, beside those that all get.
    pub environment: Vec<String>,
    /// Whether it is listed as paused; jobs run it all the same.
    pub paused: bool,
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<hyper::Uri>() else {
        return false;
    };
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The name of the target that always exists.
pub const LOCAL: &str = "local";

/// The folder in the workspace that git ignores.
pub const DATA_FOLDER: &str = ".stocktake";

/// A service on this machine is not far away.
pub(super) const DEFAULT_EMBEDDED_TIMEOUT: Duration = Duration::from_secs(10);

/// It shows a job as soon as it has taken it.
pub(super) const DEFAULT_EMBEDDED_SETTLE: Duration = Duration::from_secs(1);

/// A service on this machine needs no time for the way.
pub(super) const LOOPBACK_WINDOW: Duration = Duration::from_secs(10);

impl Target {
    /// Whether its service is on this machine.
    pub fn is_on_loopback(&self) -> bool {
        match &self.service {
            Service::Embedded(_) => true,
            Service::Remote { endpoint, .. } => endpoint.as_deref().is_some_and(is_loopback),
        }
    }

    /// What `local` is where nothing is written about it.
    pub(super) fn local(root: &Path) -> Self {
        Self {
            name: LOCAL.to_owned(),
            service: Service::Embedded(EmbeddedService {
                data: root.join(DATA_FOLDER).join(LOCAL),
                buckets: BTreeMap::new(),
                workflows: BTreeMap::new(),
                nodes: BTreeMap::new(),
            }),
            bucket: None,
            region: None,
            state: StateAddress::File(root.join(DATA_FOLDER).join(format!("{LOCAL}.state.jsonl"))),
            max_submissions: None,
            max_objects: None,
            max_bytes: None,
            max_cost: None,
            workflow_names: BTreeMap::new(),
            prices: BTreeMap::new(),
            timeout: DEFAULT_EMBEDDED_TIMEOUT,
            window: LOOPBACK_WINDOW,
            settle: DEFAULT_EMBEDDED_SETTLE,
            rate: None,
            confirm: DEFAULT_CONFIRM.to_owned(),
        }
    }

    /// The embedded service, if that is what takes the jobs.
    pub fn embedded(&self) -> Option<&EmbeddedService> {
        match &self.service {
            Service::Embedded(service) => Some(service),
            Service::Remote { .. } => None,
        }
    }
}
