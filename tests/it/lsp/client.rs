//! An editor: the real binary behind its pipes.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::wait::PATIENCE;
use crate::support::workspace::Workspace;

/// The longest that the server may outlive its client.
const END: Duration = Duration::from_secs(1);

pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    next_id: i32,
    /// Everything that came, in its order.
    pub received: Vec<Value>,
}

impl Client {
    /// Starts the server in the folder of `env`; nothing is sent yet.
    pub fn start(env: &Workspace, arguments: &[&str]) -> Self {
        let mut command = env.command(&[&["lsp"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, messages) = channel();
        let output = child.stdout.take().unwrap();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            messages,
            next_id: 0,
            received: Vec::new(),
        }
    }

    /// Starts the server and initializes it for the folder, with columns in these units.
    pub fn open(env: &Workspace, arguments: &[&str], encoding: &str) -> Self {
        let mut client = Self::start(env, arguments);
        let result = client.initialize(env, encoding);
        assert_eq!(result["capabilities"]["positionEncoding"], encoding);
        client
    }

    pub fn initialize(&mut self, env: &Workspace, encoding: &str) -> Value {
        let result = self.request(
            "initialize",
            &json!({
                "processId": null,
                "rootUri": uri(env.path()),
                "capabilities": {
                    "general": { "positionEncodings": [encoding] },
                    "textDocument": { "publishDiagnostics": { "relatedInformation": true } },
                },
            }),
        );
        self.notify("initialized", &json!({}));
        result["result"].clone()
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        // A server that has ended takes nothing.
        let _ = self.input.as_mut().unwrap().write_all(bytes);
    }

    pub fn send(&mut self, message: &Value) {
        self.raw(framed(message).as_bytes());
    }

    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request, and returns its id.
    pub fn ask(&mut self, method: &str, params: &Value) -> i32 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Sends a request, and returns the whole answer.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        self.wait_for(|message| message["id"] == id)
    }

    /// The next message that is meant; those before it are kept.
    #[track_caller]
    pub fn wait_for(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            let message = message.unwrap();
            self.received.push(message.clone());
            if is_meant(&message) {
                return message;
            }
        }
    }

    pub fn did_open(&mut self, path: &Path, version: i32, text: &str) {
        let document =
            json!({ "uri": uri(path), "languageId": "x", "version": version, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    pub fn did_change(&mut self, path: &Path, version: i32, changes: &Value) {
        let document = json!({ "uri": uri(path), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.notify("textDocument/didChange", &params);
    }

    pub fn did_close(&mut self, path: &Path) {
        let params = json!({ "textDocument": { "uri": uri(path) } });
        self.notify("textDocument/didClose", &params);
    }

    /// The findings of a document at a version of it.
    #[track_caller]
    pub fn findings(&mut self, path: &Path, version: i32) -> Vec<Value> {
        let uri = uri(path);
        let published = self.wait_for(|message| {
            let params = &message["params"];
            params["uri"] == uri.as_str() && params["version"] == version
        });
        let findings = published["params"]["diagnostics"].as_array().unwrap();
        findings.clone()
    }

    /// Asks for the end, and waits for it.
    pub fn shut_down(mut self) -> (ExitStatus, Vec<Value>) {
        let answer = self.request("shutdown", &Value::Null);
        assert_eq!(answer["result"], Value::Null);
        self.notify("exit", &Value::Null);
        let status = self.ended();
        (status, std::mem::take(&mut self.received))
    }

    /// Closes the server's input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits for the end of the process, which has to come within a second.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < END, "the server outlives its client");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn framed(message: &Value) -> String {
    let text = message.to_string();
    format!("Content-Length: {}\r\n\r\n{text}", text.len())
}

fn read(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (_, number) = line.split_once("Content-Length: ").unwrap();
        length = number.trim().parse().unwrap();
    }
    let mut content = vec![0; length];
    output.read_exact(&mut content).ok()?;
    Some(serde_json::from_slice(&content).unwrap())
}

pub fn uri(path: &Path) -> String {
    let path = path.to_str().unwrap();
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
    format!("file://{path}")
}

/// A change of the whole text.
pub fn whole(text: &str) -> Value {
    json!([{ "text": text }])
}

/// A change of what lies between two positions.
pub fn part(start: [u32; 2], end: [u32; 2], text: &str) -> Value {
    let at = |[line, character]: [u32; 2]| json!({ "line": line, "character": character });
    json!({ "range": { "start": at(start), "end": at(end) }, "text": text })
}
