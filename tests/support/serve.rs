//! A `serve` process beside the test.

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

use rustix::process::{Pid, Signal, kill_process};
use stocktake::api::client::{Client, ClientSettings, Endpoint};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::{BucketName, Region};
use stocktake::service::well_known_key_pair;

use super::target::{BUCKET, REGION};
use super::workspace::Workspace;

/// A `serve` that listens; killed when it is dropped.
pub struct Serve {
    pub process: Child,
    pub address: SocketAddr,
    /// What it said until it listened.
    pub greeting: String,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Serve {
    pub fn start(workspace: &Workspace) -> Self {
        Self::start_with(workspace, &[])
    }

    /// It accepts the key pair of [`client`].
    pub fn start_with(workspace: &Workspace, arguments: &[&str]) -> Self {
        Self::start_at(workspace, arguments, &[])
    }

    /// Starts it with these arguments alone.
    pub fn spawn(workspace: &Workspace, arguments: &[&str]) -> Self {
        Self::spawn_at(workspace, arguments, &[])
    }

    /// [`start_with`](Self::start_with) in another environment.
    pub fn start_at(
        workspace: &Workspace,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Self {
        let arguments = [&["--fixed-credentials"], arguments].concat();
        Self::spawn_at(workspace, &arguments, variables)
    }

    fn spawn_at(workspace: &Workspace, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let mut command = workspace.command(&["-t", "local", "serve"]);
        command.args(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stderr.take().unwrap());
        let mut greeting = String::new();
        while !greeting.ends_with("ends it.\n") {
            let length = output.read_line(&mut greeting).unwrap();
            assert_ne!(length, 0, "it ended: {greeting}");
        }
        let (_, address) = greeting.split_once("http://").unwrap();
        let address = address.lines().next().unwrap().parse().unwrap();
        // A full pipe would stop it.
        let log = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&log);
        let reader = spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self {
            process,
            address,
            greeting,
            log,
            reader: Some(reader),
        }
    }

    /// What it has said since it listens.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn client(&self) -> Client {
        client(self.address)
    }

    /// Sends a signal and waits for the end: the status, and all that was said.
    pub fn end(&mut self, signal: Signal) -> (ExitStatus, Vec<String>) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        let status = self.process.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status, self.log())
    }

    pub fn kill(mut self) {
        self.end(Signal::KILL);
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client with the fixed key pair.
pub fn client(address: impl Display) -> Client {
    client_with(address, well_known_key_pair())
}

/// A client of the service at `address`, for the bucket of these tests. It asks again for long: some
/// services have faults.
pub fn client_with(address: impl Display, credentials: Credentials) -> Client {
    let endpoint = Endpoint {
        bucket: BucketName::new(BUCKET).unwrap(),
        region: Region::new(REGION).unwrap(),
        base: Some(format!("http://{address}").parse().unwrap()),
    };
    let settings = ClientSettings {
        read_retries: 20,
        ..ClientSettings::default()
    };
    Client::new(endpoint, credentials, settings).unwrap()
}
