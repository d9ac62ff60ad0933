//! A `serve` process of its own, and what it says it was asked to do.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::thread;

use stocktake::api::client::{Client, ClientSettings, Endpoint, ListQuery};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, Region};

use crate::world::{BUCKET, REGION, command};

/// A running service; killed when it is dropped.
pub(crate) struct Service {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Service {
    /// Starts `serve` in a workspace, with the faults of its `faults.toml`.
    pub(crate) fn start(workspace: &std::path::Path) -> Self {
        let arguments = ["-t", "local", "serve", "--faults", "faults.toml"];
        let mut process = command(workspace, &arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map(|line| line.unwrap())
            .find_map(|line| {
                let (_, address) = line.split_once("http://")?;
                address.trim().parse().ok()
            })
            .expect("serve says where it listens");
        // A pipe that nobody reads would stop it some day.
        thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    /// The ids of all jobs it ever took, by name.
    pub(crate) fn jobs(&self) -> BTreeMap<String, Vec<String>> {
        let endpoint = Endpoint {
            bucket: BucketName::new(BUCKET).unwrap(),
            region: Region::new(REGION).unwrap(),
            base: Some(format!("http://{}", self.address).parse().unwrap()),
        };
        let credentials = Credentials::permanent("stocktake-local", "stocktake-local");
        let settings = ClientSettings {
            read_retries: 20,
            ..ClientSettings::default()
        };
        let client = Client::new(endpoint, credentials, settings).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listed = runtime
            .block_on(client.list(&ListQuery::default()))
            .unwrap();
        let mut jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for job in listed {
            jobs.entry(job.name)
                .or_default()
                .push(job.job_id.to_string());
        }
        jobs
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
