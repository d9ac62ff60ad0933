//! Targets of `stocktake.toml`, as TOML values.

use std::fmt::Display;

use toml::{Table, Value};

pub const BUCKET: &str = "demo-1250000000";
pub const REGION: &str = "ap-beijing";

/// Waits for a file, so that a test decides when a job ends. It outlives a service that is killed, but
/// not the test's folder.
pub const GATED: &[&str] = &[
    "sh",
    "-c",
    "until [ -e gate ] || [ ! -d jobs ]; do sleep 0.02; done",
];

/// The settings of one target.
pub struct Target(Table);

impl Target {
    /// The service at this address, or Tencent's own without one.
    pub fn of(bucket: &str) -> Self {
        let target = Self(Table::new());
        target.set("bucket", bucket).set("region", REGION)
    }

    /// The embedded service over the folder `bucket`, with the workflow `w1`.
    pub fn embedded(command: &[&str]) -> Self {
        let buckets = Table::from_iter([(BUCKET.to_owned(), "bucket".into())]);
        let target = Self::of(BUCKET).set("service", "embedded");
        target.set("buckets", buckets).workflow("w1", command, &[])
    }

    /// The embedded service, with a workflow that hashes objects.
    pub fn small() -> Self {
        Self::embedded(&["sha256sum", "{object}"])
    }

    /// A `serve` process of this workspace.
    pub fn at(address: impl Display) -> Self {
        Self::of(BUCKET).set("endpoint", format!("http://{address}"))
    }

    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub fn workflow(mut self, id: &str, command: &[&str], settings: &[(&str, Value)]) -> Self {
        let mut workflow = Table::from_iter([("command".to_owned(), command.to_vec().into())]);
        workflow.extend(
            settings
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        let workflows = self
            .0
            .entry("workflows")
            .or_insert_with(|| Table::new().into());
        workflows
            .as_table_mut()
            .unwrap()
            .insert(id.to_owned(), workflow.into());
        self
    }

    /// The target as part of a workspace file.
    pub fn text(&self, name: &str) -> String {
        let targets = Table::from_iter([(name.to_owned(), self.0.clone().into())]);
        let file = Table::from_iter([("targets".to_owned(), targets.into())]);
        toml::to_string(&file).unwrap()
    }
}
