//! One command over one object, in a process group of its own.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::context::{Stop, stopped};
use crate::plain_text::printable;
use crate::service::environment::Environment;
use crate::service::settings::WorkflowSettings;

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);

/// How much of a failed command's error output is kept as its message.
const MESSAGE_BYTES: u64 = 1024;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failed(String),
    /// Outcome from outside, by a cancel or the end of the service.
    Stopped,
}

/// What a command runs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a Path,
    pub(super) environment: &'a Environment,
}

/// What a command runs over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) object: &'a Path,
    pub(super) key: &'a str,
    pub(super) bucket: &'a str,
    /// The file that it is to write; absent where its output is what it prints.
    pub(super) output: Option<&'a Path>,
}

impl Subject<'_> {
    /// Replaces the placeholders, each once: what a key contains is never read as one.
    fn fill(&self, argument: &str) -> std::ffi::OsString {
        let mut filled = std::ffi::OsString::new();
        let mut rest = argument;
        while let Some(start) = rest.find('{') {
            let (before, tail) = rest.split_at(start);
            filled.push(before);
            let output = self.output.map_or("{output}".as_ref(), Path::as_os_str);
            let placeholders: [(&str, &std::ffi::OsStr); 4] = [
                ("{object}", self.object.as_os_str()),
                ("{key}", self.key.as_ref()),
                ("{bucket}", self.bucket.as_ref()),
                ("{output}", output),
            ];
            let found = placeholders
                .into_iter()
                .find(|(name, _)| tail.starts_with(name));
            let (name, value) = found.unwrap_or(("{", "{".as_ref()));
            filled.push(value);
            rest = &tail[name.len()..];
        }
        filled.push(rest);
        filled
    }
}

/// Runs the command; its output goes to `<output>.out` and `<output>.err`.
pub(super) async fn run(
    workflow: &WorkflowSettings,
    surroundings: Surroundings<'_>,
    subject: Subject<'_>,
    output: &Output,
    stop: watch::Receiver<Stop>,
) -> io::Result<Outcome> {
    let mut arguments = workflow
        .command
        .iter()
        .map(|argument| subject.fill(argument));
    let Some(program) = arguments.next() else {
        return Ok(Outcome::Failed("the workflow has no command".to_owned()));
    };
    let started = Command::new(&program)
        .args(arguments)
        .current_dir(surroundings.folder)
        .env_clear()
        .envs(surroundings.environment.allowed(&workflow.environment))
        .stdin(Stdio::null())
        .stdout(File::create(&output.stdout)?)
        .stderr(File::create(&output.stderr)?)
        .process_group(0)
        .spawn();
    match started {
        Ok(child) => wait(child, workflow.time_limit, output, stop).await,
        Err(error) => {
            let program = printable(program.as_ref());
            Ok(Outcome::Failed(format!(
                "`{program}` does not start: {error}"
            )))
        }
    }
}

async fn wait(
    mut child: Child,
    limit: Option<Duration>,
    output: &Output,
    mut stop: watch::Receiver<Stop>,
) -> io::Result<Outcome> {
    let group = Group::of(&child);
    let over_time = async {
        match limit {
            Some(limit) => {
                tokio::time::sleep(limit).await;
                limit
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        status = child.wait() => judge(status?, output),
        limit = over_time => {
            group.end(&mut child).await?;
            let seconds = limit.as_secs_f64();
            Ok(Outcome::Failed(format!("ended: it ran longer than its time limit of {seconds} s")))
        }
        () = stopped(&mut stop) => {
            group.end(&mut child).await?;
            Ok(Outcome::Stopped)
        }
    }
}

/// The process group of a command. Dropping it kills what is left of the group, which may outlive its
/// leader.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    /// Sends SIGTERM to the group, and SIGKILL after [`GRACE`] and to what outlives the leader.
    async fn end(&self, leader: &mut Child) -> io::Result<()> {
        self.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, leader.wait()).await.is_err() {
            self.signal(Signal::KILL);
            leader.wait().await?;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // Fails if the group has ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn judge(status: ExitStatus, output: &Output) -> io::Result<Outcome> {
    if status.success() {
        return Ok(Outcome::Success);
    }
    let said = output.last_words()?;
    let message = if said.is_empty() {
        status.to_string()
    } else {
        format!("{status}: {said}")
    };
    Ok(Outcome::Failed(message))
}

/// Where a running command's output goes until the run has ended.
#[derive(Debug)]
pub(super) struct Output {
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Output {
    pub(super) fn new(folder: &Path, run: &str) -> Self {
        Self {
            stdout: folder.join(format!("{run}.out")),
            stderr: folder.join(format!("{run}.err")),
        }
    }

    /// Keeps what the command printed as its result.
    pub(super) fn keep(&self, result: &Path) -> io::Result<()> {
        if let Some(folder) = result.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&self.stdout, result)?;
        fs::remove_file(&self.stderr)
    }

    /// Forgets what the command printed.
    pub(super) fn discard(&self) {
        for file in [&self.stdout, &self.stderr] {
            let _ = fs::remove_file(file);
        }
    }

    /// The end of the error output, on one line, without characters that XML cannot carry.
    fn last_words(&self) -> io::Result<String> {
        let mut file = File::open(&self.stderr)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MESSAGE_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(MESSAGE_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let words: Vec<&str> = text
            .split(|character: char| character.is_whitespace() || character.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        Ok(words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::Subject;
    use std::path::Path;

    #[test]
    fn placeholders_are_replaced_once() {
        let subject = Subject {
            object: Path::new("/b/{key}"),
            key: "{bucket}",
            bucket: "media-125",
            output: None,
        };
        assert_eq!(
            subject.fill("--in={object};{key}"),
            "--in=/b/{key};{bucket}"
        );
        assert_eq!(
            subject.fill("{{bucket}} {other} {"),
            "{media-125} {other} {"
        );
    }
}
