//! A `serve` process to measure against, and calls that are signed beforehand.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use stocktake::api::credentials::Credentials;
use stocktake::api::signature::{KeyTime, SignedRequest};

pub(crate) const HOST: &str = "demo-1250000000.ci.ap-beijing.myqcloud.com";

/// A workspace file whose target `local` serves the folder `bucket`.
pub(crate) const LOCAL: &str = r#"
[targets.local]
service = "embedded"
bucket = "demo-1250000000"
region = "ap-beijing"
[targets.local.buckets]
demo-1250000000 = "bucket"
[targets.local.workflows.w1]
command = ["true"]
"#;

/// A `serve` that listens; killed when it is dropped.
pub(crate) struct Serve {
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
}

impl Serve {
    /// Serves the target `local` of the workspace in that folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = command(folder, &["-t", "local", "serve"]);
        let mut process = process.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("http://")?;
            address.trim().parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.unwrap();
        Self { process, address }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, with the credentials of an embedded service.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stocktake"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("TENCENTCLOUD_SECRET_ID", "stocktake-local")
        .env("TENCENTCLOUD_SECRET_KEY", "stocktake-local")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A trigger call as bytes, valid for the next ten minutes.
pub(crate) fn trigger_call(name: &str, input: &str, interval: &str, connection: &str) -> Vec<u8> {
    let body = format!(
        "<Request><Name>{name}</Name><Type>Workflow</Type><Input>{input}</Input>\
         <Operation><WorkflowIds>w1</WorkflowIds>{interval}</Operation></Request>"
    );
    let (path, length) = ("/inventorytriggerjob", body.len());
    let authorization = authorization("POST", path);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: {connection}\r\n\
         Content-Type: application/xml\r\nContent-Length: {length}\r\n\
         Authorization: {authorization}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// The signature of a call without parameters.
pub(crate) fn authorization(method: &str, path: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let signed = SignedRequest {
        method,
        path,
        parameters: &[],
        headers: &[("host", HOST)],
    };
    let key_time = KeyTime {
        start: now - 60,
        end: now + 600,
    };
    let credentials = Credentials::permanent("stocktake-local", "stocktake-local");
    signed.authorization(&credentials, key_time)
}
