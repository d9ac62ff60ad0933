//! `serve` as a process: what ends it, what its commands see, and what other users of the machine can do.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;
use stocktake::api::client::{Client, ListQuery};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{JobId, JobName, WorkflowId};
use stocktake::api::request::{Input, JobType, Operation, Request, TimeInterval};
use stocktake::api::signature::{KeyTime, SignedRequest};
use stocktake::api::wire::JobState;
use stocktake::service::well_known_key_pair;

use crate::support::jobs::window;
use crate::support::serve::{Serve, client_with};
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::wait::eventually;
use crate::support::workspace::{Run, Workspace};

const COS_HOST: &str = "demo-1250000000.cos.ap-beijing.myqcloud.com";

/// Uses a core until it is killed, whatever it is asked to do.
const STUBBORN: &str = "trap '' TERM; echo $$ > pid; while :; do :; done";

fn request(input: Input) -> Request {
    Request {
        name: JobName::new("demo").unwrap(),
        kind: JobType::Workflow,
        input,
        operation: Operation {
            workflow_ids: WorkflowId::new("w1").unwrap().into(),
            time_interval: TimeInterval::default(),
        },
    }
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

fn submit(client: &Client, input: Input) -> JobId {
    let sent = on_runtime(client.trigger(&request(input), window()));
    sent.outcome.job_id().unwrap().clone()
}

fn state(client: &Client, job: &JobId) -> JobState {
    let described = on_runtime(client.describe(job)).unwrap();
    described.unwrap().state
}

/// The process of the stubborn command, once it runs.
fn stubborn(workspace: &Workspace) -> Pid {
    let read = || fs::read_to_string(workspace.path().join("pid")).unwrap_or_default();
    eventually(|| read().ends_with('\n'));
    Pid::from_raw(read().trim().parse().unwrap()).unwrap()
}

/// The time on a core that a process has had, in clock ticks of 10 ms.
fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11..13]
        .iter()
        .map(|field| field.parse::<u64>().unwrap())
        .sum()
}

/// Puts an inventory that takes minutes to read, and hands out no object.
fn endless_inventory(workspace: Workspace) -> Workspace {
    let mut member = GzEncoder::new(Vec::new(), Compression::fast());
    member
        .write_all("k,false\n".repeat(1024 * 1024).as_bytes())
        .unwrap();
    let data = member.finish().unwrap().repeat(4096);
    fs::write(workspace.path().join("bucket/data.csv.gz"), data).unwrap();
    let manifest = json!({
        "fileFormat": "CSV", "fileSchema": "Key, IsLatest", "files": [{ "key": "data.csv.gz" }],
    });
    workspace.object("manifest.json", &manifest.to_string())
}

#[test]
fn nothing_of_a_cancelled_job_uses_a_core_a_second_later() {
    let target = Target::embedded(&["sh", "-c", STUBBORN]);
    let workspace = Workspace::new()
        .target("local", &target)
        .object("in/a", "a");
    let workspace = endless_inventory(workspace);
    let serve = Serve::start(&workspace);
    let client = serve.client();
    let jobs = [
        submit(&client, Input::Manifest("manifest.json".to_owned())),
        submit(&client, Input::Manifest("manifest.json".to_owned())),
        submit(&client, Input::Object("in/a".to_owned())),
    ];
    let command = stubborn(&workspace);
    for job in &jobs {
        eventually(|| state(&client, job) == JobState::Running);
    }
    for job in &jobs {
        on_runtime(client.cancel(job)).unwrap();
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(test_kill_process(command).is_err(), "the command lives");
    let before = ticks(serve.process.id());
    std::thread::sleep(Duration::from_millis(500));
    let used = ticks(serve.process.id()) - before;
    assert!(used < 10, "{used} of 50 ticks");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let target = Target::embedded(&["sh", "-c", STUBBORN]);
    let workspace = Workspace::new()
        .target("local", &target)
        .object("in/a", "a");
    let mut serve = Serve::start(&workspace);
    submit(&serve.client(), Input::Object("in/a".to_owned()));
    let command = stubborn(&workspace);
    // A call that is under way is waited for, by the first signal alone.
    let mut caller = TcpStream::connect(serve.address).unwrap();
    caller
        .write_all(b"POST /inventorytriggerjob HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        .unwrap();
    let process = Pid::from_child(&serve.process);
    kill_process(process, Signal::INT).unwrap();
    let begun = Instant::now();
    // Two of the same are one while the first waits to be taken.
    eventually(|| TcpStream::connect(serve.address).is_err());
    kill_process(process, Signal::INT).unwrap();
    eventually(|| serve.process.try_wait().unwrap().is_some());
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    eventually(|| test_kill_process(command).is_err());
}

#[test]
fn commands_see_no_secret_of_the_process_that_starts_them() {
    let environment = toml::Value::from(vec!["MODEL"]);
    let target =
        Target::embedded(&["env"]).workflow("w1", &["env"], &[("environment", environment)]);
    let workspace = Workspace::new()
        .target("local", &target)
        .object("in/a", "a")
        .job("one", "{ prefix: in/ }");
    let mut apply = workspace.command(&["apply", "-t", "local", "--wait"]);
    for name in [
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_TOKEN",
        "STOCKTAKE_SERVE_SECRET_ID",
        "STOCKTAKE_SERVE_SECRET_KEY",
        "GITHUB_TOKEN",
        "SSH_AUTH_SOCK",
    ] {
        apply.env(name, "canary");
    }
    apply.envs([("MODEL", "m"), ("LC_ALL", "C"), ("TZ", "UTC")]);
    Run::of(&mut apply).expect(0);
    let results = workspace.path().join(".stocktake/local/results");
    let job = fs::read_dir(results).unwrap().next().unwrap().unwrap();
    let seen = fs::read_to_string(job.path().join("in/a")).unwrap();
    let mut names: Vec<_> = seen
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LC_ALL", "MODEL", "PATH", "TZ"], "{seen}");
}

/// The key pair that `serve --print-credentials` prints.
fn printed(workspace: &Workspace) -> Credentials {
    let printed = workspace
        .run(&["serve", "--print-credentials"])
        .expect(0)
        .stdout;
    let value = |name: &str| {
        let mut lines = printed.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .to_owned()
    };
    Credentials::permanent(
        value("TENCENTCLOUD_SECRET_ID="),
        value("TENCENTCLOUD_SECRET_KEY="),
    )
}

#[test]
fn the_key_pair_is_drawn_for_the_folder_and_its_user() {
    let workspace = Workspace::small().job("one", "{ prefix: video/ }");
    let serve = Serve::spawn(&workspace, &[]);
    let file = workspace.path().join(".stocktake/local/credentials.json");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(
        serve
            .greeting
            .contains("Its key pair is in .stocktake/local/credentials.json")
            || serve
                .greeting
                .contains(&format!("Its key pair is in {}", file.display())),
        "{}",
        serve.greeting
    );
    let refused = on_runtime(serve.client().list(&ListQuery::default()));
    assert_eq!(refused.unwrap_err().status(), Some(401), "the fixed pair");
    let client = client_with(serve.address, printed(&workspace));
    let job = submit(&client, Input::Prefix("no/".to_owned()));
    eventually(|| state(&client, &job) == JobState::Success);
    // A command of our own finds the service and its pair.
    workspace.run(&["apply", "-t", "local"]).expect(0);
    drop(serve);
    let key = printed(&workspace).secret_id;
    assert_eq!(key, printed(&workspace).secret_id, "drawn once");
}

#[test]
fn the_fixed_key_pair_is_for_loopback_and_for_those_who_ask() {
    let workspace = Workspace::small().job("one", "{ prefix: video/ }");
    let everywhere = ["serve", "--fixed-credentials", "--listen", "0.0.0.0:0"];
    let refused = workspace.run(&everywhere).expect(1).stderr;
    assert!(refused.contains("a key pair that everyone"), "{refused}");
    let mut given = workspace.command(&["serve", "--listen", "0.0.0.0:0"]);
    given.env("STOCKTAKE_SERVE_SECRET_ID", "stocktake-local");
    given.env("STOCKTAKE_SERVE_SECRET_KEY", "stocktake-local");
    let refused = Run::of(&mut given).expect(1).stderr;
    assert!(refused.contains("a key pair that everyone"), "{refused}");
    let mut both = workspace.command(&["serve", "--fixed-credentials"]);
    both.env("STOCKTAKE_SERVE_SECRET_ID", "a");
    both.env("STOCKTAKE_SERVE_SECRET_KEY", "b");
    let refused = Run::of(&mut both).expect(1).stderr;
    assert!(refused.contains("name two"), "{refused}");
    let serve = Serve::start(&workspace);
    assert_contains(&serve.greeting, "every user of this machine");
    workspace.run(&["apply", "-t", "local"]).expect(0);
}

#[test]
fn the_folder_of_the_service_is_its_users_alone() {
    let workspace = Workspace::small().job("one", "{ prefix: video/ }");
    workspace.run(&["apply", "-t", "local"]).expect(0);
    let data = workspace.path().join(".stocktake/local");
    assert_eq!(data.metadata().unwrap().mode() & 0o777, 0o700);
}

#[test]
#[ignore = "needs root, to become another user"]
fn another_user_of_the_machine_neither_reads_the_key_pair_nor_runs_a_command() {
    let target = Target::embedded(&["sh", "{object}"]);
    let workspace = Workspace::new()
        .target("local", &target)
        .object("in/a", "a");
    for folder in ["", "bucket"] {
        // What is protected is not protected by the test's folder.
        let folder = workspace.path().join(folder);
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let serve = Serve::spawn(&workspace, &[]);
    let as_other = |arguments: &[&str]| {
        let mut command = workspace.command_of("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        Run::of(command.args(arguments))
    };
    let id = as_other(&["id", "-u"]).expect(0).stdout;
    assert_eq!(id, "65534\n");
    for file in ["credentials.json", "service.db", "service.json", "results"] {
        let path = format!(".stocktake/local/{file}");
        let refused = as_other(&["cat", &path]).stderr;
        assert!(refused.contains("Permission denied"), "{file}: {refused}");
    }
    let attack = |serve: &Serve| {
        let now = jiff::Timestamp::now().as_second();
        let period = KeyTime {
            start: now - 60,
            end: now + 60,
        };
        let signed = SignedRequest {
            method: "PUT",
            path: "/x.sh",
            parameters: &[],
            headers: &[("host", COS_HOST)],
        };
        let authorization = signed.authorization(&well_known_key_pair(), period);
        let url = format!("http://{}/x.sh", serve.address);
        let curl = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-X",
            "PUT",
        ];
        let headers = [
            format!("Host: {COS_HOST}"),
            format!("Authorization: {authorization}"),
        ];
        let headers = headers.iter().flat_map(|header| ["-H", header]);
        let rest = ["--data", "touch pwned", &url];
        as_other(
            &curl
                .into_iter()
                .chain(headers)
                .chain(rest)
                .collect::<Vec<_>>(),
        )
        .expect(0)
        .stdout
    };
    assert_eq!(attack(&serve), "403");
    assert!(!workspace.path().join("bucket/x.sh").exists());
    // With the fixed pair the attack is one.
    drop(serve);
    assert_eq!(attack(&Serve::start(&workspace)), "200");
}
