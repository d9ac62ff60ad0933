//! A git repository with a bare origin, in a temporary folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::env::{Env, Run};
use crate::serving::{Serve, target};

/// A repository whose origin is a bare one beside it.
pub struct Repository {
    /// The folder that holds all of it.
    pub env: Env,
}

/// The key pair that the service accepts.
pub const SECRETS: [(&str, &str); 2] = [
    ("TENCENTCLOUD_SECRET_ID", "stocktake-local"),
    ("TENCENTCLOUD_SECRET_KEY", "stocktake-local"),
];

impl Repository {
    /// A repository with a workspace whose target `prod` is at `endpoint`, pushed to its origin;
    /// `init` are more arguments of `stocktake init`.
    pub fn new(endpoint: &str, init: &[&str]) -> Self {
        let env = Env::empty();
        env.write(
            ".gitconfig",
            "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n",
        );
        let repository = Self { env };
        repository.git(".", &["init", "--quiet", "--bare", "origin.git"]);
        repository.git(".", &["clone", "--quiet", "origin.git", "work"]);
        let workspace = format!(
            "default_target = 'prod'\n[targets.prod]\nbucket = 'demo-1250000000'\nregion = 'ap-beijing'\n\
             endpoint = 'http://{endpoint}'\ntimeout = '2s'\nsettle = '0s'\n"
        );
        repository.env.write("work/stocktake.toml", &workspace);
        repository
            .run("work", &[&["init"], init].concat())
            .expect(0);
        fs::remove_dir_all(repository.path("work/jobs")).unwrap();
        repository.run("work", &["state", "init"]).expect(0);
        repository.commit("begin");
        repository
    }

    /// A path in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.env.path().join(path)
    }

    /// Runs git in a folder; it must succeed.
    #[track_caller]
    pub fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        let home = self.env.path();
        command
            .args(arguments)
            .current_dir(self.path(folder))
            .env("HOME", home)
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let run = Run::of(&mut command).expect(0);
        run.stdout
    }

    /// Commits all of `work` and pushes it.
    pub fn commit(&self, message: &str) {
        self.git("work", &["add", "--all"]);
        self.git(
            "work",
            &["commit", "--quiet", "--allow-empty", "--message", message],
        );
        self.git("work", &["push", "--quiet", "origin", "HEAD"]);
    }

    /// Runs the binary in a folder.
    pub fn run(&self, folder: &str, arguments: &[&str]) -> Run {
        let mut command = self.env.command(arguments);
        command.current_dir(self.path(folder)).envs(SECRETS);
        Run::of(&mut command)
    }

    /// What is in a file of the origin's main.
    pub fn in_origin(&self, path: &str) -> String {
        self.git("origin.git", &["show", &format!("main:{path}")])
    }
}

/// A service over one bucket, with everything that it keeps.
pub struct Cloud {
    /// The service.
    pub serve: Serve,
    _env: Env,
}

impl Cloud {
    /// Starts it.
    pub fn start() -> Self {
        let env = Env::empty();
        env.write("stocktake.toml", &target(r#"["true"]"#));
        for name in ["a", "b", "c"] {
            env.write(&format!("bucket/in/{name}"), name);
        }
        fs::create_dir_all(env.path().join("jobs")).unwrap();
        Self {
            serve: Serve::start(&env),
            _env: env,
        }
    }
}
