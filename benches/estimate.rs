//! `plan --estimate` over 200,000 objects, against a bare listing of the same objects.
//!
//! Both ask the same `serve` process for the same pages of 1,000 objects, one after the other. The
//! bare listing only looks for the marker of the next page.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what people run it for"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, HOST};
use stocktake::api::signature::{KeyTime, SignedRequest, url_encode};
use stocktake::service::well_known_key_pair;

const FOLDERS: usize = 200;
const FILES: usize = 1_000;
const ROUNDS: usize = 5;
const BUCKET_HOST: &str = "demo-1250000000.cos.ap-beijing.myqcloud.com";
const WORKSPACE: &str = r#"
[targets.local]
service = "embedded"
bucket = "demo-1250000000"
region = "ap-beijing"
[targets.local.buckets]
demo-1250000000 = "bucket"
"#;
const JOBS: &str = "jobs:
  months:
    windows: { every: 1 month, from: 2020-01-01T00:00:00Z, until: 2026-01-01T00:00:00Z }
    input: { prefix: in/ }
    operation: { workflow_ids: w1 }
";

/// Writes the workspace once; later runs find it.
fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("estimate-200000");
    if root.join("stocktake.toml").exists() {
        return root;
    }
    for folder in 0..FOLDERS {
        let path = root.join(format!("bucket/in/{folder:03}"));
        fs::create_dir_all(&path).unwrap();
        for file in 0..FILES {
            let object = File::create(path.join(format!("object-{file:04}.mp4"))).unwrap();
            let uploaded =
                UNIX_EPOCH + Duration::from_secs(1_580_000_000 + 900_000 * folder as u64);
            object.set_modified(uploaded).unwrap();
        }
    }
    fs::create_dir_all(root.join("jobs")).unwrap();
    fs::write(root.join("jobs/a.yaml"), JOBS).unwrap();
    fs::write(root.join("stocktake.toml"), WORKSPACE).unwrap();
    root
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stocktake"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

fn main() {
    let folder = workspace();
    let mut serve = command(&folder, &["serve", "--fixed-credentials"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serve.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("http://")));
    let line = line.unwrap();
    let (_, address) = line.split_once("http://").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The first listing brings the folders into the memory of the system.
    runtime.block_on(bare_listing(address));
    let (mut bare, mut estimate) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        bare = bare.min(runtime.block_on(bare_listing(address)));
        estimate = estimate.min(whole_estimate(&folder));
    }
    let _ = serve.kill();
    let _ = serve.wait();
    let objects = FOLDERS * FILES;
    println!("bare listing of {objects} objects: {bare:.2?}");
    println!("plan --estimate, 72 windows:    {estimate:.2?}");
    println!(
        "estimate / bare:                {:.2}",
        estimate.as_secs_f64() / bare.as_secs_f64()
    );
}

fn whole_estimate(folder: &Path) -> Duration {
    let started = Instant::now();
    let output = command(folder, &["plan", "--estimate"]).output().unwrap();
    let elapsed = started.elapsed();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("estimate:"), "{text}");
    elapsed
}

async fn bare_listing(address: &str) -> Duration {
    // Fails when it is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let authorization = authorization();
    let started = Instant::now();
    let mut marker = String::new();
    let mut objects = 0;
    loop {
        let marker_text = url_encode(&marker);
        let url = format!(
            "http://{address}/?encoding-type=url&max-keys=1000&prefix=in%2F&marker={marker_text}"
        );
        let request = client.get(url).header(HOST, BUCKET_HOST);
        let answer = request.header(AUTHORIZATION, &authorization).send().await;
        let body = answer.unwrap().text().await.unwrap();
        objects += body.matches("<Contents>").count();
        let next = body
            .split_once("<NextMarker>")
            .and_then(|(_, rest)| rest.split_once("</NextMarker>"));
        match next {
            Some((next, _)) => {
                marker = percent_decode_str(next).decode_utf8().unwrap().into_owned();
            }
            None => break,
        }
    }
    assert_eq!(objects, FOLDERS * FILES);
    started.elapsed()
}

fn authorization() -> String {
    let now = jiff::Timestamp::now().as_second();
    let signed = SignedRequest {
        method: "GET",
        path: "/",
        parameters: &[],
        headers: &[("host", BUCKET_HOST)],
    };
    let key_time = KeyTime {
        start: now - 60,
        end: now + 3600,
    };
    let credentials = well_known_key_pair();
    signed.authorization(&credentials, key_time)
}
