//! The embedded service: how many triggers it takes, and how fast it finds the objects of a job.
//!
//! - Triggers, each durable before its answer, against a constant answer of the same server: 64
//!   connections that stay open. The jobs run meanwhile; there is nothing under their prefix.
//! - A job over 200,000 objects, none of which is in its time interval, from the trigger to its end,
//!   against `find` over the same folder.
//! - The same for an inventory of 1,000,000 rows, against `zcat | wc -l` and `md5sum` over its file.
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

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use calls::{HOST, authorization, trigger_call};
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use stocktake::api::wire::{JobState, decode_describe_answer, decode_trigger_answer};
use support::serve::Serve;
use support::target::Target;
use support::workspace::Workspace;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(5);
const FOLDERS: usize = 200;
const OBJECTS_A_FOLDER: usize = 1_000;
const ROWS: usize = 1_000_000;
/// Before anything was uploaded.
const INTERVAL: &str = "<TimeInterval><Start>1990-01-01T00:00:00+0800</Start>\
                        <End>1990-02-01T00:00:00+0800</End></TimeInterval>";

fn main() {
    let workspace = Workspace::new()
        .target("local", &Target::embedded(&["true"]))
        .object(".keep", "");
    let path = workspace.path();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = Serve::start(&workspace);
    runtime.block_on(triggers(&service));
    drop(service);
    // For those who tune the triggers alone.
    if std::env::args().any(|argument| argument == "triggers") {
        return;
    }
    fs::remove_dir_all(path.join(".stocktake")).unwrap();
    make_objects(&path.join("bucket/objects"));
    make_inventory(&path.join("bucket/inventory"));
    let service = Serve::start(&workspace);
    runtime.block_on(prefix(service.address, path));
    runtime.block_on(manifest(service.address, path));
    println!("memory of `serve`: {}", memory(service.process.id()));
}

async fn triggers(service: &Serve) {
    let constant = format!("GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes();
    let trigger = trigger_call("demo", "<Prefix>none/</Prefix>", "", "keep-alive");
    let constant = rate(service, constant).await;
    let trigger = rate(service, trigger).await;
    println!("a constant answer: {constant}");
    println!("triggers:          {trigger}");
    println!(
        "ratio:             {:.2}",
        trigger.a_second / constant.a_second
    );
}

/// How many answers there were, and what one cost.
struct Rate {
    a_second: f64,
    /// Processor time of `serve` and of the load generator, in microseconds.
    service_cost: f64,
    generator_cost: f64,
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:.0} a second; processor time of each: {:.1} us in `serve`, {:.1} us here",
            self.a_second, self.service_cost, self.generator_cost
        )
    }
}

/// What that many connections get.
async fn rate(service: &Serve, request: Vec<u8>) -> Rate {
    let processes = [service.process.id(), std::process::id()];
    let before = processes.map(processor_time);
    let (count, took) = answers(service.address, request).await;
    let after = processes.map(processor_time);
    let used = |process: usize| after[process].saturating_sub(before[process]);
    let cost = |process| used(process).as_secs_f64() * 1e6 / count;
    Rate {
        a_second: count / took.as_secs_f64(),
        service_cost: cost(0),
        generator_cost: cost(1),
    }
}

/// What a process has used, in user and in system mode.
fn processor_time(process: u32) -> Duration {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name of the program, in brackets, may have blanks.
    let (_, fields) = status.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // Linux counts them in hundredths of a second.
    Duration::from_millis(ticks * 10)
}

/// How many answers that many connections get, and in what time.
async fn answers(address: SocketAddr, request: Vec<u8>) -> (f64, Duration) {
    let begun = Instant::now();
    let connections = (0..CONNECTIONS).map(|_| {
        let request = request.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut count = 0_u32;
            let mut answer = Vec::new();
            while begun.elapsed() < MEASURED {
                stream.write_all(&request).await.unwrap();
                answer.clear();
                while !is_whole(&answer) {
                    let length = stream.read_buf(&mut answer).await.unwrap();
                    assert_ne!(length, 0, "the connection was closed");
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
                count += 1;
            }
            count
        })
    });
    let mut count = 0;
    for connection in connections.collect::<Vec<_>>() {
        count += connection.await.unwrap();
    }
    (f64::from(count), begun.elapsed())
}

fn is_whole(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.split("Content-Length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

async fn prefix(address: SocketAddr, path: &Path) {
    let find = best(&["find", "bucket/objects", "-type", "f"], path);
    let job = best_job(address, "<Prefix>objects/</Prefix>").await;
    println!("find over {} files: {find:.2?}", FOLDERS * OBJECTS_A_FOLDER);
    println!("a job over that prefix: {job:.2?}");
    println!("ratio: {:.2}", job.as_secs_f64() / find.as_secs_f64());
}

async fn manifest(address: SocketAddr, path: &Path) {
    let script = "zcat bucket/inventory/part.csv.gz | wc -l; md5sum bucket/inventory/part.csv.gz";
    let shell = best(&["sh", "-c", script], path);
    let input = "<Manifest>inventory/manifest.json</Manifest>";
    let job = best_job(address, input).await;
    println!("zcat | wc -l and md5sum over {ROWS} rows: {shell:.2?}");
    println!("a job over that manifest: {job:.2?}");
    println!("ratio: {:.2}", job.as_secs_f64() / shell.as_secs_f64());
}

/// The shortest of three runs, its output thrown away.
fn best(command: &[&str], folder: &Path) -> Duration {
    let run = |_| {
        let begun = Instant::now();
        let mut process = Command::new(command[0]);
        process.args(&command[1..]).current_dir(folder);
        assert!(process.stdout(Stdio::null()).status().unwrap().success());
        begun.elapsed()
    };
    (0..3).map(run).min().unwrap()
}

/// The shortest of three jobs, from the trigger to the end.
async fn best_job(address: SocketAddr, input: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let answer = call(address, &trigger_call("scan", input, INTERVAL, "close")).await;
        let (job, _) = decode_trigger_answer(&answer).unwrap();
        let path = format!("/inventorytriggerjob/{}", job.job_id);
        let authorization = authorization("GET", &path);
        let describe = format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\
             Authorization: {authorization}\r\n\r\n"
        );
        loop {
            let answer = call(address, describe.as_bytes()).await;
            match decode_describe_answer(&answer).unwrap().job.unwrap().state {
                JobState::Success => break,
                JobState::Submitted | JobState::Running => {}
                state => panic!("the job ended as {state}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        best = best.min(begun.elapsed());
    }
    best
}

/// The body of the answer to one call on a connection of its own.
async fn call(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.as_bytes().to_vec()
}

fn make_objects(folder: &Path) {
    for number in 0..FOLDERS {
        let folder = folder.join(format!("folder-{number:03}"));
        fs::create_dir_all(&folder).unwrap();
        for object in 0..OBJECTS_A_FOLDER {
            File::create(folder.join(format!("object-{object:04}.mp4"))).unwrap();
        }
    }
}

fn make_inventory(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut rows = GzEncoder::new(Vec::new(), Compression::default());
    for row in 0..ROWS {
        writeln!(
            rows,
            "\"1250000000\",\"demo\",\"video/in/{:03}/clip-{row:07}.mp4\",\"{}\",\
             \"2022-02-14T09:30:00.000Z\",\"{:032x}\",\"STANDARD\",\"false\"",
            row % 1_000,
            row * 7_919,
            row * 104_729,
        )
        .unwrap();
    }
    let rows = rows.finish().unwrap();
    let manifest = format!(
        r#"{{"sourceAppid":"1250000000","sourceBucket":"demo","fileFormat":"CSV","fileSchema":"Appid, Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded","files":[{{"key":"inventory/part.csv.gz","size":"{}","md5Checksum":"{}"}}]}}"#,
        rows.len(),
        HEXLOWER.encode(&Md5::digest(&rows)),
    );
    fs::write(folder.join("part.csv.gz"), rows).unwrap();
    fs::write(folder.join("manifest.json"), manifest).unwrap();
}

/// The most that the process has held.
fn memory(process: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("not known").trim().to_owned()
}
