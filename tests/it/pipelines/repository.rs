//! A git repository with a bare origin, in a temporary folder.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, Run, Workspace};

/// A repository whose origin is a bare one beside it.
pub struct Repository {
    /// The folder that holds all of it.
    pub env: Workspace,
}

impl Repository {
    /// A repository with a workspace whose target `prod` is at `endpoint`, pushed to its origin;
    /// `init` are more arguments of `stocktake init`.
    pub fn new(endpoint: impl Display, init: &[&str]) -> Self {
        let env = Workspace::new();
        env.write(
            ".gitconfig",
            "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n",
        );
        let repository = Self { env };
        repository.git(".", &["init", "--quiet", "--bare", "origin.git"]);
        repository.git(".", &["clone", "--quiet", "origin.git", "work"]);
        let target = Target::at(endpoint)
            .set("timeout", "2s")
            .set("window", "2s")
            .set("settle", "0s");
        let workspace = "default_target = 'prod'\n".to_owned() + &target.text("prod");
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
        command.current_dir(self.path(folder)).envs(CREDENTIALS);
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
    _env: Workspace,
}

impl Cloud {
    /// Starts it.
    pub fn start() -> Self {
        let env = Workspace::new()
            .target("local", &Target::embedded(&["true"]))
            .object("in/a", "a")
            .object("in/b", "b")
            .object("in/c", "c");
        fs::create_dir_all(env.path().join("jobs")).unwrap();
        Self {
            serve: Serve::start(&env),
            _env: env,
        }
    }
}
