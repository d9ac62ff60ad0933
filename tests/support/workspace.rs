//! A temporary workspace and the real binary in it, with an environment that nothing leaks into.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::target::{GATED, Target};
use super::wait::eventually;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_stocktake");

/// The checkout of this project.
pub const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// The key pair that the embedded service accepts.
pub const CREDENTIALS: [(&str, &str); 2] = [
    ("TENCENTCLOUD_SECRET_ID", "stocktake-local"),
    ("TENCENTCLOUD_SECRET_KEY", "stocktake-local"),
];

/// A temporary workspace.
pub struct Workspace {
    folder: TempDir,
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Workspace {
    /// An empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// One embedded target that hashes objects, and two objects.
    pub fn small() -> Self {
        Self::new()
            .target("local", &Target::small())
            .object("video/a.txt", "a\n")
            .object("video/b.txt", "b\n")
    }

    /// One job, over one object, that ends once there is a file `gate`.
    pub fn gated() -> Self {
        Self::new()
            .target("local", &Target::embedded(GATED))
            .object("in/a", "a")
            .job("slow", "{ prefix: in/ }")
    }

    /// Adds a target.
    pub fn target(self, name: &str, target: &Target) -> Self {
        self.add_target(name, target);
        self
    }

    /// Adds an object to the folder `bucket`.
    pub fn object(self, key: &str, content: &str) -> Self {
        self.write(&format!("bucket/{key}"), content);
        self
    }

    /// Adds a job file with one job.
    pub fn job(self, key: &str, input: &str) -> Self {
        self.write(&format!("jobs/{key}.yaml"), &jobs([(key, input)]));
        self
    }

    /// Appends a target to the workspace file.
    pub fn add_target(&self, name: &str, target: &Target) {
        let path = self.path().join("stocktake.toml");
        let before = fs::read_to_string(path).unwrap_or_default();
        self.write("stocktake.toml", &(before + &target.text(name)));
    }

    /// Makes this the only target, named `local`.
    pub fn set_target(&self, target: &Target) {
        self.write("stocktake.toml", &target.text("local"));
    }

    /// The project's own example workspace.
    pub fn example() -> Self {
        let workspace = Self::new();
        let project = Path::new(PROJECT);
        fs::copy(
            project.join("stocktake.toml"),
            workspace.path().join("stocktake.toml"),
        )
        .unwrap();
        copy_folder(&project.join("jobs"), &workspace.path().join("jobs"));
        workspace
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// The binary with a clean environment, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(BINARY);
        command.args(arguments);
        command
    }

    /// The shell command `line` on a terminal of 80 columns and `rows` rows.
    pub fn on_terminal(&self, line: &str, rows: u16) -> Command {
        let line = line.replace("stocktake", BINARY);
        let mut command = self.command_of("script");
        command
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .arg("-qefc")
            .arg(format!("stty cols 80 rows {rows}; {line}"))
            .arg("/dev/null");
        command
    }

    /// Another program in the same place and environment.
    pub fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's binary needs the path, and nothing else"
        )]
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.path()).stdin(Stdio::null());
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// The same with [`CREDENTIALS`], for a target that is not embedded.
    pub fn run_signed(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).envs(CREDENTIALS))
    }

    /// Submits without waiting: the apply is killed once a job is recorded.
    pub fn submit(&self) {
        let mut apply = self.command(&["apply"]);
        let mut apply = apply
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually(|| {
            let listed = self.run(&["state", "list"]).stdout;
            listed.contains("Submitted") || listed.contains("Running")
        });
        apply.kill().unwrap();
        apply.wait().unwrap();
    }
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails unless the run ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Both outputs and the exit code, as a snapshot shows them.
    pub fn shown(&self) -> String {
        let code = self
            .code
            .map_or_else(|| "signal".to_owned(), |code| code.to_string());
        format!(
            "exit {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        )
    }
}

/// A job file with these jobs: the key and the input, in YAML, of each.
pub fn jobs<'a>(jobs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let job = |(key, input)| {
        format!("  {key}:\n    input: {input}\n    operation: {{ workflow_ids: w1 }}\n")
    };
    "jobs:\n".to_owned() + &jobs.into_iter().map(job).collect::<String>()
}

/// What differs from run to run: ids, moments, addresses, temporary folders.
pub const FILTERS: &[(&str, &str)] = &[
    (r"b[0-9a-f]{32}", "<job id>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0800", "<time>"),
    (r"<time>  \d+s ", "<time>  <took> "),
    (r"127\.0\.0\.1:\d+", "<address>"),
    (r"(/private)?/tmp/\.tmp\w+", "<folder>"),
];

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
