//! Applying 5,000 jobs, against a bare load generator that sends the same calls.
//!
//! Both open a connection a call and have 64 calls under way, and both call the same `serve` process.
//! The generator keeps no state and its requests are written and signed beforehand.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what people run it for"
)]

#[path = "common/calls.rs"]
mod calls;
#[expect(dead_code, unreachable_pub, reason = "a part of it is enough here")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use calls::trigger_call;
use support::serve::Serve;
use support::target::Target;
use support::workspace::{CREDENTIALS, Workspace, jobs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JOBS: usize = 5_000;
const PARALLELISM: usize = 64;

fn main() {
    let bare = with_service(|_, address| {
        let request = |number| {
            let input = format!("<Prefix>job-{number}/</Prefix>");
            trigger_call(&format!("job-{number}"), &input, "", "close")
        };
        let requests: Vec<Vec<u8>> = (0..JOBS).map(request).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let started = Instant::now();
        runtime.block_on(generate(address, requests));
        started.elapsed()
    });
    let mut told = String::new();
    let applied = with_service(|workspace, _| {
        let mut apply = workspace.command(&["-t", "test", "apply", "--auto-approve"]);
        apply.args(["--parallelism", &PARALLELISM.to_string()]);
        apply.envs(CREDENTIALS);
        apply.env("STOCKTAKE_LOG", "stocktake::state=debug");
        let started = Instant::now();
        let output = apply.stderr(Stdio::piped()).output().unwrap();
        let elapsed = started.elapsed();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        let written = stderr.lines().find(|line| line.contains("state written"));
        written.unwrap_or_default().clone_into(&mut told);
        elapsed
    });
    let rate = |elapsed: std::time::Duration| {
        u32::try_from(JOBS).map_or(0.0, f64::from) / elapsed.as_secs_f64()
    };
    println!(
        "bare load generator: {:.0} calls a second ({bare:.2?})",
        rate(bare)
    );
    println!(
        "apply:               {:.0} jobs a second ({applied:.2?})",
        rate(applied)
    );
    println!("apply / bare:        {:.2}", rate(applied) / rate(bare));
    println!("{told}");
}

async fn generate(address: SocketAddr, requests: Vec<Vec<u8>>) {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let workers = (0..PARALLELISM).map(|_| {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        tokio::spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(request).await.unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// Measures against a fresh service.
fn with_service<T>(measure: impl FnOnce(&Workspace, SocketAddr) -> T) -> T {
    let workspace = Workspace::new()
        .target("local", &Target::embedded(&["true"]))
        .object(".keep", "");
    let keys: Vec<String> = (0..JOBS).map(|number| format!("job-{number}")).collect();
    let inputs: Vec<String> = keys
        .iter()
        .map(|key| format!("{{ prefix: {key}/ }}"))
        .collect();
    let pairs = keys
        .iter()
        .map(String::as_str)
        .zip(inputs.iter().map(String::as_str));
    workspace.write("jobs/all.yaml", &jobs(pairs));
    let service = Serve::start(&workspace);
    let target = Target::at(service.address).set("max_submissions", 100_000);
    workspace.add_target("test", &target);
    workspace
        .run_signed(&["-t", "test", "state", "init"])
        .expect(0);
    measure(&workspace, service.address)
}
