//! `stocktake completions`

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::CommandLine;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::Ui;

/// Print what makes a shell complete commands and options
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake completions bash > /etc/bash_completion.d/stocktake
  stocktake completions zsh > ~/.zfunc/_stocktake
  stocktake completions fish > ~/.config/fish/completions/stocktake.fish")]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArgs, ui: Ui) -> Result<Exit, Failure> {
    // The generator panics when it cannot write; a list of bytes takes everything.
    let mut script = Vec::new();
    let mut command = CommandLine::command();
    clap_complete::generate(arguments.shell, &mut command, "stocktake", &mut script);
    ui.data().write_all(&script)?;
    Ok(Exit::Done)
}
