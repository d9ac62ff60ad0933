//! What an editor offers and shows at a position.

use std::path::Path;

use serde_json::{Value, json};

use super::client::{Client, uri, whole};
use crate::support::workspace::Workspace;

/// The text without the mark `|`, and the position where it stood.
fn marked(text: &str) -> (String, Value) {
    let offset = text.find('|').unwrap();
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
    let position = json!({ "line": line, "character": character });
    (text.replacen('|', "", 1), position)
}

struct Editor {
    env: Workspace,
    client: Client,
    version: i32,
}

impl Editor {
    fn new(env: Workspace) -> Self {
        let mut client = Client::open(&env, &[], "utf-16");
        for file in ["stocktake.toml", "jobs/a.yaml"] {
            let path = env.path().join(file);
            client.did_open(&path, 0, &env.read(file));
            client.findings(&path, 0);
        }
        Self {
            env,
            client,
            version: 0,
        }
    }

    /// Asks at the mark of a text, once the server knows the text.
    fn ask(&mut self, method: &str, file: &str, text: &str) -> Value {
        self.version += 1;
        let path = self.env.path().join(file);
        let (text, position) = marked(text);
        self.client.did_change(&path, self.version, &whole(&text));
        self.client.findings(&path, self.version);
        let params = json!({ "textDocument": { "uri": uri(&path) }, "position": position });
        self.client.request(method, &params)["result"].clone()
    }

    /// What the text becomes with each completion.
    fn completions(&mut self, file: &str, text: &str) -> Vec<String> {
        let items = self.ask("textDocument/completion", file, text);
        let typed = text.split('|').next().unwrap();
        let line = typed.rsplit('\n').next().unwrap();
        let becomes = |item: &Value| {
            let edit = &item["textEdit"];
            let start = edit["range"]["start"]["character"].as_u64().unwrap();
            let start = usize::try_from(start).unwrap();
            format!("{}{}", &line[..start], edit["newText"].as_str().unwrap())
        };
        items.as_array().unwrap().iter().map(becomes).collect()
    }

    fn hover(&mut self, file: &str, text: &str) -> String {
        let shown = self.ask("textDocument/hover", file, text);
        shown["contents"]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

const JOB: &str =
    "jobs:\n  a:\n    input: { prefix: video/ }\n    operation: { workflow_ids: w1 }\n";

fn workspace() -> Workspace {
    let env = Workspace::small();
    let variables = "[vars]\nfolder = \"video\"\nother = \"x\"\n";
    env.write("stocktake.toml", &(env.read("stocktake.toml") + variables));
    env.write("jobs/a.yaml", JOB);
    env
}

#[test]
fn fields_values_and_variables_are_offered_where_they_fit() {
    let mut editor = Editor::new(workspace());
    let file = "jobs/a.yaml";
    let fields = editor.completions(
        file,
        &JOB.replace("    operation", "    over|\n    operation"),
    );
    assert!(fields.contains(&"    overlap: ".to_owned()), "{fields:?}");
    assert!(
        !fields.iter().any(|field| field.contains("input")),
        "{fields:?}"
    );
    let words = editor.completions(
        file,
        &JOB.replace("    operation", "    overlap: al|\n    operation"),
    );
    assert!(
        words.contains(&"    overlap: allow".to_owned()),
        "{words:?}"
    );
    let ids = editor.completions(file, &JOB.replace("w1 }", "| }"));
    assert_eq!(ids, ["    operation: { workflow_ids: w1"]);
    let variables = editor.completions(file, &JOB.replace("video/", "\"${ vars.f|\""));
    assert_eq!(
        variables,
        [
            "    input: { prefix: \"${ vars.folder",
            "    input: { prefix: \"${ vars.other"
        ]
    );
    // In TOML, in a table of the workspace file.
    let text = editor.env.read("stocktake.toml");
    let fields = editor.completions("stocktake.toml", &format!("{text}[targets.prod]\nbuc|\n"));
    assert!(fields.contains(&"bucket = ".to_owned()), "{fields:?}");
}

#[test]
fn a_hover_says_what_a_field_is_for_and_what_a_variable_is() {
    let mut editor = Editor::new(workspace());
    let file = "jobs/a.yaml";
    let about = editor.hover(file, &JOB.replace("prefix", "pre|fix"));
    assert_eq!(about, "Every object whose key begins with this.");
    let text = JOB.replace("video/", "\"${ vars.fol|der }/\"");
    assert_eq!(
        editor.hover(file, &text),
        "`vars.folder` = `video`, of the workspace"
    );
    let nothing = editor.hover(file, "# a comm|ent\njobs: {}\n");
    assert_eq!(nothing, "");
}

#[test]
fn a_hover_on_a_key_says_what_is_recorded() {
    let env = workspace();
    let mut editor = Editor::new(env);
    let text = JOB.replace("  a:", "  |a:");
    assert_eq!(
        editor.hover("jobs/a.yaml", &text),
        "- `a`: new: not submitted yet"
    );
    editor.env.run(&["apply"]).expect(0);
    let state = |editor: &mut Editor, text: &str| editor.hover("jobs/a.yaml", text);
    // The state is read again when it changes.
    crate::support::wait::eventually(|| {
        state(&mut editor, &text).starts_with("- `a`: Success, submitted ")
    });
    let changed = text.replace("video/", "other/");
    let words = "- `a`: changed: other work was submitted under this key";
    assert_eq!(state(&mut editor, &changed), words);
    assert!(Path::new(&editor.env.path().join("jobs/a.yaml")).exists());
}

#[test]
fn every_position_of_every_text_has_an_answer() {
    let mut editor = Editor::new(workspace());
    let path = editor.env.path().join("jobs/a.yaml");
    for text in crate::incremental::TEXTS {
        editor.version += 1;
        editor
            .client
            .did_change(&path, editor.version, &whole(text));
        let mut last = 0;
        for (line, content) in text.lines().enumerate() {
            for character in 0..=content.len() {
                let at = json!({ "line": line, "character": character });
                let params = json!({ "textDocument": { "uri": uri(&path) }, "position": at });
                editor.client.ask("textDocument/completion", &params);
                last = editor.client.ask("textDocument/hover", &params);
            }
        }
        if last > 0 {
            let answer = editor.client.wait_for(|message| message["id"] == last);
            assert!(answer.get("error").is_none(), "{answer}");
        }
    }
}
