//! A watch under way, and what it writes.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::wait::PATIENCE;
use crate::support::workspace::Workspace;

/// A running watch and what it has written.
pub struct Watch {
    child: Child,
    keyboard: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    text: String,
}

impl Watch {
    /// Without a terminal.
    pub fn start(env: &Workspace, arguments: &[&str]) -> Self {
        let mut all = [&["watch"], arguments].concat();
        if !arguments.contains(&"--quiet-time") {
            all.extend(["--quiet-time", "30ms"]);
        }
        let mut command = env.command(&all);
        command.stdin(Stdio::null());
        Self::spawn(command)
    }

    /// On a terminal of 80 columns, as the shell command `line`.
    pub fn on_terminal(env: &Workspace, line: &str) -> Self {
        Self::on_terminal_with(env, &[], line)
    }

    /// The same with more in the environment.
    pub fn on_terminal_with(env: &Workspace, variables: &[(&str, &str)], line: &str) -> Self {
        let mut command = env.on_terminal(line, 40);
        command
            .envs(variables.iter().copied())
            .stdin(Stdio::piped());
        Self::spawn(command)
    }

    /// Runs a command as a watch.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, output) = channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for mut stream in streams {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    let _ = sender.send(buffer[..length].to_vec());
                }
            });
        }
        let keyboard = child.stdin.take();
        Self {
            child,
            keyboard,
            output,
            text: String::new(),
        }
    }

    /// Waits until `words` are written, and gives back everything up to them, which is then done.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text.find(words) {
                let rest = self.text.split_off(at + words.len());
                return std::mem::replace(&mut self.text, rest);
            }
            match self
                .output
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {words:?} in:\n{}", self.text)
                }
            }
        }
    }

    /// What is written within a while, which may be nothing.
    pub fn written(&mut self, within: Duration) -> String {
        if let Ok(bytes) = self.output.recv_timeout(within) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        std::mem::take(&mut self.text)
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard
            .as_mut()
            .unwrap()
            .write_all(keys.as_bytes())
            .unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end: the exit code, and what was still written.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        (code, std::mem::take(&mut self.text))
    }

    pub fn interrupt(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.end()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
