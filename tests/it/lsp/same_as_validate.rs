//! What the client shows is what `validate` says of the same texts, whatever the edits.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};
use stocktake::expand::ExpandContext;

use super::client::{Client, uri, whole};
use crate::incremental::{Edit, NAMES, TEXTS, context, edit, perform};
use crate::support::workspace::Workspace;

const NOW: &str = "2022-01-02T00:00:00Z";

#[derive(Debug, Clone)]
enum Step {
    Disk(Edit),
    Open(usize, usize),
    /// A character of a text that is being typed: the text is cut there.
    Type(usize, usize, usize),
    Save(usize),
    Close(usize),
    /// The workspace file is half written, or whole again.
    Toml(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let (name, text) = (0..NAMES.len(), 0..TEXTS.len());
    prop_oneof![
        4 => edit().prop_map(Step::Disk),
        4 => (name.clone(), text.clone()).prop_map(|(name, text)| Step::Open(name, text)),
        4 => (name.clone(), text, 0..400_usize).prop_map(|(name, text, cut)| Step::Type(name, text, cut)),
        2 => name.clone().prop_map(Step::Save),
        2 => name.prop_map(Step::Close),
        1 => any::<bool>().prop_map(Step::Toml),
    ]
}

/// An editor and its buffers.
struct Editor {
    env: Workspace,
    client: Client,
    buffers: BTreeMap<PathBuf, String>,
    version: i32,
    context: ExpandContext,
    is_broken: bool,
}

impl Editor {
    fn new() -> Self {
        let env = Workspace::new();
        fs::create_dir_all(env.path().join("jobs")).unwrap();
        let toml = env.write("stocktake.toml", "");
        let mut client = Client::open(&env, &["--now", NOW], "utf-32");
        client.did_open(&toml, 0, "");
        let mut editor = Self {
            env,
            client,
            buffers: BTreeMap::new(),
            version: 0,
            context: context(),
            is_broken: false,
        };
        editor.buffers.insert(toml, String::new());
        editor
    }

    fn path(&self, name: usize) -> PathBuf {
        self.env.path().join("jobs").join(NAMES[name])
    }

    fn perform(&mut self, step: &Step) {
        self.version += 1;
        match step {
            Step::Disk(edit) => {
                perform(edit, &self.env.path().join("jobs"), &mut self.context);
                let touched = match edit {
                    Edit::Write(name, _) | Edit::Remove(name) => vec![*name],
                    Edit::Rename(from, to) | Edit::Link(from, to) => vec![*from, *to],
                    _ => Vec::new(),
                };
                let change = |name| json!({ "uri": uri(&self.path(name)), "type": 2 });
                let changes: Vec<Value> = touched.into_iter().map(change).collect();
                let params = json!({ "changes": changes });
                self.client
                    .notify("workspace/didChangeWatchedFiles", &params);
            }
            Step::Open(name, text) => self.set(*name, TEXTS[*text]),
            Step::Type(name, text, cut) => {
                let cut = TEXTS[*text].floor_char_boundary(*cut);
                self.set(*name, &TEXTS[*text][..cut]);
            }
            Step::Save(name) => {
                let path = self.path(*name);
                if let Some(text) = self.buffers.get(&path)
                    && (path.exists() || !path.is_symlink())
                {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, text).unwrap();
                    let params = json!({ "textDocument": { "uri": uri(&path) } });
                    self.client.notify("textDocument/didSave", &params);
                }
            }
            Step::Close(name) => {
                let path = self.path(*name);
                if self.buffers.remove(&path).is_some() {
                    self.client.did_close(&path);
                }
            }
            Step::Toml(is_broken) => self.is_broken = *is_broken,
        }
    }

    fn set(&mut self, name: usize, text: &str) {
        let path = self.path(name);
        if self.buffers.insert(path.clone(), text.to_owned()).is_some() {
            self.client.did_change(&path, self.version, &whole(text));
        } else {
            self.client.did_open(&path, self.version, text);
        }
    }

    /// Waits until everything is taken in, by a change of the workspace file that comes last.
    fn shown(&mut self) -> Vec<String> {
        let toml = self.env.path().join("stocktake.toml");
        let text = workspace_file(&self.context, self.is_broken);
        self.client.did_change(&toml, self.version, &whole(&text));
        self.buffers.insert(toml.clone(), text);
        self.client.findings(&toml, self.version);
        let mut documents: BTreeMap<&str, &Value> = BTreeMap::new();
        for message in &self.client.received {
            if message["method"] == "textDocument/publishDiagnostics" {
                let params = &message["params"];
                documents.insert(params["uri"].as_str().unwrap(), &params["diagnostics"]);
            }
        }
        let prefix = uri(self.env.path()) + "/";
        let words = |(uri, findings): (&str, &Value)| {
            let file = uri.strip_prefix(&prefix).unwrap().to_owned();
            let findings = findings.as_array().unwrap().clone();
            findings.into_iter().map(move |finding| {
                let start = &finding["range"]["start"];
                let place = |name: &str| start[name].as_u64().unwrap() + 1;
                let severity = if finding["severity"] == 1 {
                    "error"
                } else {
                    "warning"
                };
                format!(
                    "{file}:{}:{} {severity} {} {}",
                    place("line"),
                    place("character"),
                    finding["code"],
                    finding["message"],
                )
            })
        };
        let mut shown: Vec<String> = documents.into_iter().flat_map(words).collect();
        shown.sort();
        shown
    }

    /// Whether a link on disk may lead to a file that is in a buffer alone: it leads nowhere until the
    /// buffer is saved.
    fn may_link_to_unsaved(&self) -> bool {
        let dangles = |name| self.path(name).is_symlink() && !self.path(name).exists();
        let is_unsaved = |path: &PathBuf| !path.exists();
        (0..NAMES.len()).any(dangles) && self.buffers.keys().any(is_unsaved)
    }

    /// What `validate` says once every buffer is saved. The disk is as before afterwards; what is
    /// written meanwhile is what the server takes for the files anyway.
    fn validated(&self) -> Vec<String> {
        let mut before: Vec<(PathBuf, Option<Vec<u8>>)> = Vec::new();
        let deep = self.env.path().join("jobs/deep");
        let had_deep = deep.exists();
        for (path, text) in &self.buffers {
            if path.is_symlink() && !path.exists() {
                continue;
            }
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            before.push((real.clone(), fs::read(&real).ok()));
            fs::create_dir_all(real.parent().unwrap()).unwrap();
            fs::write(real, text).unwrap();
        }
        let run = self
            .env
            .run(&["--now", NOW, "validate", "--format", "json"]);
        for (path, content) in before.into_iter().rev() {
            match content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
        if !had_deep && deep.exists() {
            fs::remove_dir(&deep).unwrap();
        }
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let words = |finding: &Value| {
            let file = finding["file"].as_str().unwrap_or("stocktake.toml");
            let place = |name: &str| finding["start"][name].as_u64().unwrap_or(1);
            let mut message = finding["message"].as_str().unwrap().to_owned();
            if let Some(help) = finding["help"].as_str() {
                message = format!("{message}\n{help}");
            }
            format!(
                "{file}:{}:{} {} {} {}",
                place("line"),
                place("column"),
                finding["severity"].as_str().unwrap(),
                finding["code"],
                json!(message),
            )
        };
        let findings = report["diagnostics"].as_array().unwrap();
        let mut findings: Vec<String> = findings.iter().map(words).collect();
        findings.sort();
        findings
    }
}

fn workspace_file(context: &ExpandContext, is_broken: bool) -> String {
    let bucket = context.bucket.as_ref();
    let bucket = bucket.map(|bucket| format!("bucket = {:?}\n", bucket.as_str()));
    let variables = context.variables.iter();
    let variables = variables.map(|(name, value)| format!("{name} = {value:?}\n"));
    let variables = variables.collect::<Vec<_>>().concat();
    format!(
        "[vars]\n{variables}\n[targets.local]\n{}region = \"ap-beijing\"\nservice = \"embedded\"\n{}",
        bucket.unwrap_or_default(),
        if is_broken { "[targets" } else { "" },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn findings_are_those_of_validate_after_any_edits(steps in prop::collection::vec(step(), 1..16)) {
        let mut editor = Editor::new();
        for step in &steps {
            editor.perform(step);
            let shown = editor.shown();
            if !editor.may_link_to_unsaved() {
                prop_assert_eq!(shown, editor.validated(), "after {:?}", step);
            }
        }
        let (status, _) = editor.client.shut_down();
        prop_assert!(status.success());
    }
}

#[test]
fn findings_of_every_text_are_as_validate_has_them() {
    let mut editor = Editor::new();
    let mut seen = 0;
    for (text, content) in TEXTS.iter().enumerate() {
        editor.perform(&Step::Open(0, text));
        let shown = editor.shown();
        seen += shown.len();
        assert_eq!(shown, editor.validated(), "{content}");
    }
    assert!(seen > 4, "{seen} mistakes are too few");
}
