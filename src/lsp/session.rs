//! One client: what it sent so far, and what is owed to it.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::{
    CompletionOptions, Contents, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, Hover,
    HoverProvider, InitializeResult, MarkupContent, MarkupKind, PositionEncodingKind, Save,
    ServerCapabilities, ServerInfo, TextDocumentPositionParams, TextDocumentSync,
    TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::analysis::Analysis;
use super::completion::completions;
use super::documents::{Documents, file_path, named_path};
use super::fields::Fields;
use super::hover::hover;
use super::known::Known;
use super::publisher::{Client, Publisher};
use super::text::{Encoding, Lines};
use super::transport::{self, Received};
use super::worker::{Choices, Inbox};
use crate::document::Syntax;
use crate::workspace::FILE_NAME;

/// How far the protocol has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Uninitialized,
    Running,
    /// After `shutdown`.
    Closing,
}

/// One client.
pub(super) struct Session {
    phase: Phase,
    client: Client,
    documents: Documents,
    publisher: Publisher,
    analyses: BTreeMap<PathBuf, Analysis>,
    job_fields: Fields,
    workspace_fields: Fields,
    /// Begun by `initialize`, which may choose a target.
    begin: Option<Box<dyn FnOnce(Choices) -> std::io::Result<Inbox>>>,
    choices: Choices,
    inbox: Option<Inbox>,
    changed: BTreeSet<PathBuf>,
    starts: BTreeSet<PathBuf>,
    pub(super) outbox: Outbox,
}

/// A place in a document that is asked about.
struct Asked {
    /// The file as findings name it.
    shown: PathBuf,
    text: Arc<str>,
    offset: usize,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    answers: VecDeque<Value>,
    /// The last findings of each document, however many there were meanwhile.
    findings: BTreeMap<Uri, Value>,
}

impl Outbox {
    /// Takes the next message to write.
    pub(super) fn next(&mut self) -> Option<Value> {
        let answer = self.answers.pop_front();
        answer.or_else(|| self.findings.pop_first().map(|(_, message)| message))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.findings.is_empty()
    }

    /// How many answers wait.
    pub(super) fn answers(&self) -> usize {
        self.answers.len()
    }
}

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    /// `exit`; whether `shutdown` came before it.
    Exit(bool),
}

impl Session {
    pub(super) fn new(
        choices: Choices,
        begin: Box<dyn FnOnce(Choices) -> std::io::Result<Inbox>>,
    ) -> Self {
        Self {
            phase: Phase::Uninitialized,
            client: Client {
                encoding: Encoding::Utf16,
                shows_related: false,
            },
            documents: Documents::default(),
            publisher: Publisher::default(),
            analyses: BTreeMap::new(),
            job_fields: Fields::of_job_files(),
            workspace_fields: Fields::of_workspace_file(),
            begin: Some(begin),
            choices,
            inbox: None,
            changed: BTreeSet::new(),
            starts: BTreeSet::new(),
            outbox: Outbox::default(),
        }
    }

    /// Whether `shutdown` has been asked for.
    pub(super) fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Handles messages that arrived together, in their order. A request that a later one of them
    /// cancels is not worked on.
    pub(super) fn receive(&mut self, messages: Vec<Received>) -> Next {
        let cancelled: HashSet<RequestId> = messages.iter().filter_map(cancelled).collect();
        for message in messages {
            let next = self.handle(message, &cancelled);
            if next != Next::Continue {
                return next;
            }
        }
        self.leave_changes();
        Next::Continue
    }

    fn handle(&mut self, message: Received, cancelled: &HashSet<RequestId>) -> Next {
        match message {
            Received::NoJson => self.refuse(&None::<RequestId>, ErrorCode::ParseError, "not JSON"),
            Received::NoMessage => {
                self.refuse(&None::<RequestId>, ErrorCode::InvalidRequest, "no message");
            }
            Received::Message(Message::Request(request)) if cancelled.contains(&request.id) => {
                self.refuse(&request.id, ErrorCode::RequestCanceled, "cancelled");
            }
            Received::Message(Message::Request(request)) => self.request(request),
            Received::Message(Message::Notification(notification)) => {
                return self.notification(notification);
            }
            // This server asks nothing.
            Received::Message(Message::Response(_)) => {}
        }
        Next::Continue
    }

    fn request(&mut self, request: Request) {
        let id = request.id;
        match (self.phase, request.method.as_str()) {
            (Phase::Uninitialized, "initialize") => {
                let result = self.initialize(&request.params);
                self.outbox
                    .answers
                    .push_back(transport::result(&id, &result));
            }
            (Phase::Uninitialized, _) => {
                let words = "`initialize` comes first";
                self.refuse(&id, ErrorCode::ServerNotInitialized, words);
            }
            (Phase::Closing, _) => {
                self.refuse(
                    &id,
                    ErrorCode::InvalidRequest,
                    "only `exit` follows `shutdown`",
                );
            }
            (Phase::Running, "initialize") => {
                self.refuse(&id, ErrorCode::InvalidRequest, "`initialize` comes once");
            }
            (Phase::Running, "shutdown") => {
                self.phase = Phase::Closing;
                let result = transport::result(&id, &Value::Null);
                self.outbox.answers.push_back(result);
            }
            (Phase::Running, "textDocument/completion") => {
                let answer = self.ask(&request.params, |known, asked| {
                    json!(completions(known, &asked.text, asked.offset))
                });
                self.answer(&id, answer);
            }
            (Phase::Running, "textDocument/hover") => {
                let answer = self.ask(&request.params, |known, asked| {
                    let words = hover(known, &asked.shown, &asked.text, asked.offset);
                    words.map_or(Value::Null, |words| {
                        json!(Hover::new(
                            Contents::MarkupContent(MarkupContent::new(
                                MarkupKind::Markdown,
                                words
                            )),
                            None
                        ))
                    })
                });
                self.answer(&id, answer);
            }
            (Phase::Running, method) => {
                let words = format!("`{method}` is not offered");
                self.refuse(&id, ErrorCode::MethodNotFound, &words);
            }
        }
    }

    fn answer(&mut self, id: &RequestId, answer: Option<Value>) {
        match answer {
            Some(result) => self
                .outbox
                .answers
                .push_back(transport::result(id, &result)),
            None => self.refuse(id, ErrorCode::InvalidParams, "no position of a document"),
        }
    }

    /// Answers what is asked at a position; null where nothing is known of the document, and `None` for
    /// what is no position.
    fn ask(&self, params: &Value, answer: impl Fn(&Known<'_>, &Asked) -> Value) -> Option<Value> {
        let position = TextDocumentPositionParams::deserialize(params).ok()?;
        let known = self
            .documents
            .get(&position.text_document.uri)
            .and_then(|document| {
                let mut nearest_first = self.analyses.values().rev();
                let analysis =
                    nearest_first.find(|found| document.path.starts_with(&found.root))?;
                let fields = if document.path == analysis.root.join(FILE_NAME) {
                    &self.workspace_fields
                } else {
                    &self.job_fields
                };
                let known = Known {
                    syntax: Syntax::of(&document.path)?,
                    fields,
                    analysis,
                    encoding: self.client.encoding,
                };
                let lines = Lines::of(&document.text);
                let shown = document.path.strip_prefix(&analysis.root).ok()?;
                let asked = Asked {
                    shown: shown.to_path_buf(),
                    offset: lines.offset(&document.text, position.position, self.client.encoding),
                    text: Arc::clone(&document.text),
                };
                Some((known, asked))
            });
        Some(known.map_or(Value::Null, |(known, asked)| answer(&known, &asked)))
    }

    fn refuse(&mut self, id: &impl serde::Serialize, code: ErrorCode, words: &str) {
        self.outbox
            .answers
            .push_back(transport::error(id, code, words));
    }

    fn notification(&mut self, notification: Notification) -> Next {
        if notification.method == "exit" {
            return Next::Exit(self.phase == Phase::Closing);
        }
        if self.phase == Phase::Running
            && self
                .document_change(&notification.method, notification.params)
                .is_none()
        {
            tracing::debug!(method = notification.method, "passed over");
        }
        Next::Continue
    }

    /// Reads what the client can do. It may leave out anything.
    fn initialize(&mut self, params: &Value) -> Value {
        self.phase = Phase::Running;
        let offered: Vec<PositionEncodingKind> =
            read(params, "/capabilities/general/positionEncodings").unwrap_or_default();
        let related = "/capabilities/textDocument/publishDiagnostics/relatedInformation";
        self.client = Client {
            encoding: Encoding::choose(&offered),
            shows_related: read(params, related).unwrap_or(false),
        };
        if let Some(target) = read(params, "/initializationOptions/target") {
            self.choices.target = Some(target);
        }
        let folders = params
            .pointer("/workspaceFolders")
            .and_then(Value::as_array);
        let folders = folders.into_iter().flatten();
        let folders = folders.filter_map(|folder| read::<Uri>(folder, "/uri"));
        let roots = folders.chain(read::<Uri>(params, "/rootUri"));
        self.starts = roots.filter_map(|uri| file_path(&uri)).collect();
        let begun = self.begin.take().map(|begin| begin(self.choices.clone()));
        match begun {
            Some(Ok(inbox)) => self.inbox = Some(inbox),
            Some(Err(error)) => tracing::error!(%error, "no thread for the workspaces"),
            None => {}
        }
        let info = ServerInfo::new(
            "stocktake".to_owned(),
            Some(env!("CARGO_PKG_VERSION").to_owned()),
        );
        json!(InitializeResult::new(self.capabilities(), Some(info)))
    }

    fn capabilities(&self) -> ServerCapabilities {
        let sync = TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::Incremental),
            save: Some(Save::Bool(true)),
            ..TextDocumentSyncOptions::default()
        };
        ServerCapabilities {
            position_encoding: Some(self.client.encoding.kind()),
            text_document_sync: Some(TextDocumentSync::Options(sync)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some([".", "{"].map(str::to_owned).into()),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(HoverProvider::Bool(true)),
            ..ServerCapabilities::default()
        }
    }

    /// Takes in a change of a document; `None` for anything else, or what cannot be read.
    fn document_change(&mut self, method: &str, params: Value) -> Option<()> {
        let path = match method {
            "textDocument/didOpen" => {
                let document = from::<DidOpenTextDocumentParams>(params)?.text_document;
                let path = self
                    .documents
                    .open(document.uri, document.version, &document.text)?;
                self.starts.extend(path.parent().map(PathBuf::from));
                path
            }
            "textDocument/didChange" => {
                let change = from::<DidChangeTextDocumentParams>(params)?;
                let uri = change.text_document.text_document_identifier.uri;
                let (version, encoding) = (change.text_document.version, self.client.encoding);
                self.documents
                    .change(&uri, version, change.content_changes, encoding)?
            }
            "textDocument/didSave" => {
                let uri = from::<DidSaveTextDocumentParams>(params)?.text_document.uri;
                self.documents.get(&uri)?.path.clone()
            }
            "workspace/didChangeWatchedFiles" => {
                let changes = from::<DidChangeWatchedFilesParams>(params)?.changes;
                let paths = changes.iter().filter_map(|change| file_path(&change.uri));
                self.changed.extend(paths.map(|path| named_path(&path)));
                return Some(());
            }
            "textDocument/didClose" => {
                let uri = from::<DidCloseTextDocumentParams>(params)?
                    .text_document
                    .uri;
                self.documents.close(&uri)?
            }
            _ => return None,
        };
        self.changed.insert(path);
        Some(())
    }

    /// Hands what changed to the thread that reads workspaces.
    fn leave_changes(&mut self) {
        let Some(inbox) = &self.inbox else { return };
        if self.changed.is_empty() && self.starts.is_empty() {
            return;
        }
        let documents = self.documents.iter();
        let versions = documents.map(|document| (document.path.clone(), document.version));
        inbox.leave(
            self.documents.texts(),
            versions.collect(),
            std::mem::take(&mut self.changed),
            std::mem::take(&mut self.starts),
        );
    }

    /// Takes in what a workspace came to.
    pub(super) fn take(&mut self, analysis: Analysis) {
        let changes = self
            .publisher
            .changes(&analysis, &self.documents, self.client);
        for change in changes {
            let message = transport::notification("textDocument/publishDiagnostics", &change);
            self.outbox.findings.insert(change.uri, message);
        }
        self.analyses.insert(analysis.root.clone(), analysis);
    }
}

/// The request that a message cancels.
fn cancelled(message: &Received) -> Option<RequestId> {
    match message {
        Received::Message(Message::Notification(notification))
            if notification.method == "$/cancelRequest" =>
        {
            read(&notification.params, "/id")
        }
        _ => None,
    }
}

fn read<T: DeserializeOwned>(value: &Value, pointer: &str) -> Option<T> {
    T::deserialize(value.pointer(pointer)?).ok()
}

fn from<T: DeserializeOwned>(params: Value) -> Option<T> {
    serde_json::from_value(params).ok()
}
