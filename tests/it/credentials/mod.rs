//! Credentials: each link of the chain with real processes and sockets, their damage, and renewal.

mod damage;
mod links;
mod renewal;

use crate::support::cloud::ROLE;
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{Run, Workspace};

/// A workspace whose target `far` is a `serve` process, with these settings.
fn far(settings: impl FnOnce(Target) -> Target) -> (Workspace, Serve) {
    let workspace = Workspace::small().job("all", "{ prefix: video/ }");
    let serve = Serve::start(&workspace);
    workspace.add_target("far", &settings(Target::at(serve.address)));
    workspace.run(&["-t", "far", "state", "init"]).expect(0);
    (workspace, serve)
}

/// The same with a role for OIDC tokens.
fn with_role(target: Target) -> Target {
    target.set("role_arn", ROLE).set("provider_id", "provider")
}

/// A command that makes a signed call, with the log on.
fn call(workspace: &Workspace, variables: &[(&str, &str)]) -> Run {
    let mut command = workspace.command(&["-v", "-t", "far", "adopt"]);
    command.envs(variables.iter().copied());
    tokio::task::block_in_place(|| Run::of(&mut command))
}

/// What was said, in one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
