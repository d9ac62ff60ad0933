//! Runs the jobs of a workflow as GitHub's runner does: the shell steps with bash, for real; what
//! `actions/…` do is done in their place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use regex_lite::Regex;
use serde_yaml::Value as Yaml;

use super::repository::Repository;
use crate::support::workspace::{BINARY, Run};

/// What GitHub tells a run.
pub struct Runner<'a> {
    /// Where it happens.
    pub repository: &'a Repository,
    /// The `github` context.
    pub github: serde_json::Value,
    /// The `secrets` context.
    pub secrets: BTreeMap<&'static str, &'static str>,
    /// Inputs that are given whatever the workflow says.
    pub inputs: BTreeMap<&'static str, String>,
    /// Called before the step with that name.
    pub before: (&'static str, &'a dyn Fn()),
}

/// How a job ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// Whether every step succeeded.
    pub success: bool,
    /// What was written, step after step.
    pub log: String,
    /// Workflow commands that the runner would have obeyed.
    pub commands: Vec<String>,
    /// The step summary.
    pub summary: String,
    /// The outputs of each step that ran.
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
    /// Files that were kept as artifacts.
    pub artifacts: Vec<PathBuf>,
}

/// One list of steps under way.
struct Scope {
    inputs: BTreeMap<String, String>,
    steps: BTreeMap<String, serde_json::Value>,
    env: BTreeMap<String, String>,
    failed: bool,
}

impl Runner<'_> {
    /// Runs a job of the workflow in a fresh folder.
    pub fn run(&self, job: &str) -> Ended {
        let _ = fs::remove_dir_all(self.path("run"));
        fs::create_dir_all(self.path("run/temp")).unwrap();
        for file in ["run/summary", "run/commands"] {
            fs::write(self.path(file), "").unwrap();
        }
        let workflow = yaml(&self.path("work/.github/workflows/batch-jobs.yml"));
        let job = &workflow["jobs"][job];
        let mut ended = Ended::default();
        let mut scope = Scope {
            inputs: BTreeMap::new(),
            steps: BTreeMap::new(),
            env: BTreeMap::new(),
            failed: false,
        };
        assert!(
            self.is_true(job["if"].as_str().unwrap(), &scope),
            "the job would not run"
        );
        self.steps(&job["steps"], &mut scope, &mut ended);
        ended.success = !scope.failed;
        ended.summary = fs::read_to_string(self.path("run/summary")).unwrap();
        ended
    }

    fn path(&self, path: &str) -> PathBuf {
        self.repository.path(path)
    }

    fn steps(&self, steps: &Yaml, scope: &mut Scope, ended: &mut Ended) {
        for step in steps.as_sequence().unwrap() {
            let condition = step["if"].as_str().unwrap_or("true");
            let runs = !scope.failed || condition.contains("always()");
            if !runs || !self.is_true(condition, scope) {
                continue;
            }
            if step["name"].as_str() == Some(self.before.0) {
                (self.before.1)();
            }
            let (succeeded, outputs) = match step["uses"].as_str() {
                Some(uses) => (self.uses(uses, step, scope, ended), BTreeMap::new()),
                None => self.shell(step, scope, ended),
            };
            scope.failed |= !succeeded;
            if let Some(id) = step["id"].as_str() {
                let outcome = if succeeded { "success" } else { "failure" };
                let named = outputs
                    .iter()
                    .map(|(name, value)| (name.replace('-', "_"), value));
                let named: BTreeMap<_, _> = named.collect();
                let result = serde_json::json!({ "outcome": outcome, "outputs": named });
                scope.steps.insert(id.to_owned(), result);
                ended.outputs.insert(id.to_owned(), outputs);
            }
        }
    }

    fn shell(
        &self,
        step: &Yaml,
        scope: &Scope,
        ended: &mut Ended,
    ) -> (bool, BTreeMap<String, String>) {
        let script = step["run"].as_str().unwrap();
        assert!(
            !script.contains("${{"),
            "values reach a script through its environment alone"
        );
        fs::write(self.path("run/script"), script).unwrap();
        fs::write(self.path("run/output"), "").unwrap();
        let folder = step["working-directory"].as_str().unwrap_or(".");
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(self.path("run/script"))
            .current_dir(self.path("run/work").join(self.text(folder, scope)))
            .stdin(Stdio::null())
            .env_clear()
            .envs(&scope.env)
            .envs(self.context());
        for (name, value) in mapping(&step["env"]) {
            command.env(name, self.text(&value, scope));
        }
        let run = Run::of(&mut command);
        let name = step["name"].as_str().unwrap();
        ended
            .log
            .extend(["## ", name, "\n", &run.stdout, &run.stderr]);
        ended.commands.extend(obeyed(&run.stdout));
        let outputs = fs::read_to_string(self.path("run/output")).unwrap();
        let outputs = outputs.lines().map(|line| line.split_once('=').unwrap());
        let outputs = outputs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (run.code == Some(0), outputs.collect())
    }

    /// What GitHub sets for every step.
    fn context(&self) -> BTreeMap<&'static str, String> {
        #[expect(clippy::disallowed_methods, reason = "a runner has a path")]
        let path = std::env::var("PATH").unwrap();
        let shown = |path: PathBuf| path.to_str().unwrap().to_owned();
        let github = |field: &str| self.github[field].as_str().unwrap_or_default().to_owned();
        BTreeMap::from([
            ("PATH", path),
            ("HOME", shown(self.repository.env.path().to_path_buf())),
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_OUTPUT", shown(self.path("run/output"))),
            ("GITHUB_STEP_SUMMARY", shown(self.path("run/summary"))),
            ("GITHUB_WORKSPACE", shown(self.path("run/work"))),
            ("GITHUB_API_URL", github("api_url")),
            ("GITHUB_REPOSITORY", github("repository")),
            ("GITHUB_ACTOR", github("actor")),
            ("RUNNER_TEMP", shown(self.path("run/temp"))),
        ])
    }

    fn uses(&self, uses: &str, step: &Yaml, scope: &Scope, ended: &mut Ended) -> bool {
        let given = mapping(&step["with"]);
        let given: BTreeMap<String, String> = given
            .into_iter()
            .map(|(name, value)| (name, self.text(&value, scope)))
            .collect();
        let (action, version) = uses.split_once('@').unwrap_or((uses, ""));
        match action {
            "actions/checkout" => self.check_out(given.get("ref")),
            "actions/cache/restore" | "actions/cache/save" => {}
            "actions/upload-artifact" => ended.artifacts.push(given["path"].clone().into()),
            local if local.starts_with("./") => {
                return self.composite(local, given, step, scope, ended);
            }
            other => panic!("{other} is not known here"),
        }
        assert!(version.len() == 40, "{uses} is not pinned");
        true
    }

    /// The branch, or what the request would make of main.
    fn check_out(&self, branch: Option<&String>) {
        let git = |arguments: &[&str]| self.repository.git("run", arguments);
        let head = self.github["head_ref"].as_str().unwrap_or("main");
        let branch = branch.map_or(head, String::as_str);
        git(&[
            "clone",
            "--quiet",
            "--branch",
            branch,
            "../origin.git",
            "work",
        ]);
    }

    fn composite(
        &self,
        uses: &str,
        given: BTreeMap<String, String>,
        step: &Yaml,
        scope: &Scope,
        ended: &mut Ended,
    ) -> bool {
        let folder = self.path("run/work").join(uses);
        let action = yaml(&folder.join("action.yml"));
        let mut inner = Scope {
            inputs: given,
            steps: BTreeMap::new(),
            env: scope.env.clone(),
            failed: false,
        };
        for (name, value) in mapping(&step["env"]) {
            inner.env.insert(name, self.text(&value, scope));
        }
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let default = input["default"].as_str().unwrap_or_default();
            let default = self.text(default, &inner);
            inner.inputs.entry(name.to_owned()).or_insert(default);
        }
        for (name, value) in &self.inputs {
            inner.inputs.insert((*name).to_owned(), value.clone());
        }
        self.steps(&action["runs"]["steps"], &mut inner, ended);
        !inner.failed
    }

    /// A text with its expressions filled in.
    fn text(&self, text: &str, scope: &Scope) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap();
            filled += before;
            filled += &self.value(expression, scope).to_string();
            rest = after;
        }
        filled + rest
    }

    fn is_true(&self, condition: &str, scope: &Scope) -> bool {
        self.value(condition, scope).is_true()
    }

    /// The expressions of GitHub are close to those of a template language; names have no `-` there,
    /// and what is not set is an empty text.
    fn value(&self, expression: &str, scope: &Scope) -> Value {
        let expression = expression.replace("&&", " and ").replace("||", " or ");
        let name = Regex::new(r"\b(steps|inputs|github|runner|secrets|vars)(\.[\w-]+)+").unwrap();
        let expression = name.replace_all(&expression, |found: &regex_lite::Captures<'_>| {
            format!("({} | default(''))", found[0].replace('-', "_"))
        });
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.add_function("always", || true);
        let underscored =
            |(name, value): (&String, &String)| (name.replace('-', "_"), value.clone());
        let inputs: BTreeMap<_, _> = scope.inputs.iter().map(underscored).collect();
        let mut github = self.github.clone();
        github["action_path"] = self
            .path("run/work/.github/actions/stocktake")
            .to_str()
            .into();
        let context = serde_json::json!({
            "github": github,
            "secrets": self.secrets,
            "vars": { "STOCKTAKE_ALLOWED_HOSTS": "127.0.0.1,demo-1250000000" },
            "runner": { "os": "Linux", "arch": "X64" },
            "inputs": inputs,
            "steps": scope.steps,
        });
        let compiled = environment.compile_expression(&expression).unwrap();
        compiled.eval(Serde(&context)).unwrap()
    }
}

/// The binary under test, as an input of the action.
pub fn binary() -> BTreeMap<&'static str, String> {
    BTreeMap::from([("binary", BINARY.to_owned())])
}

fn yaml(path: &Path) -> Yaml {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn mapping(value: &Yaml) -> Vec<(String, String)> {
    let entries = value.as_mapping().into_iter().flatten();
    let text = |value: &Yaml| match value {
        Yaml::String(text) => text.clone(),
        Yaml::Bool(value) => value.to_string(),
        other => panic!("{other:?}"),
    };
    entries
        .map(|(name, value)| (name.as_str().unwrap().to_owned(), text(value)))
        .collect()
}

/// The workflow commands of an output that are not fenced off.
fn obeyed(stdout: &str) -> Vec<String> {
    let mut fence: Option<String> = None;
    let mut commands = Vec::new();
    for line in stdout.lines().map(str::trim_start) {
        if let Some(token) = &fence {
            if line == format!("::{token}::") {
                fence = None;
            }
        } else if let Some(token) = line.strip_prefix("::stop-commands::") {
            fence = Some(token.to_owned());
        } else if line.starts_with("::") {
            commands.push(line.to_owned());
        }
    }
    assert!(fence.is_none(), "the runner would obey nothing more");
    commands
}
