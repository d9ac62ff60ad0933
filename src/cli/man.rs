//! `stocktake man`

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use super::CommandLine;
use super::exit::Exit;
use super::failure::Failure;
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::plain_text::printable;
use crate::report::Ui;

/// Print the manual page, or write the pages of all commands
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake man | man -l -                       read it
  stocktake man --out ~/.local/share/man/man1    then `man` finds all of them")]
pub(super) struct ManArgs {
    /// Write one page for each command into this folder, which is made if need be
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArgs, ui: Ui) -> Result<Exit, Failure> {
    let mut command = CommandLine::command();
    command.build();
    let Some(folder) = &arguments.out else {
        ui.data().write_all(&page(command)?)?;
        return Ok(Exit::Done);
    };
    let pages = write_pages(folder, command).map_err(|error| {
        let message = format!("cannot write pages into {}: {error}", printable(folder));
        Diagnostic::error("unwritable-file", message)
    })?;
    ui.note(format!("wrote {pages} pages into {}", printable(folder)))?;
    Ok(Exit::Done)
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

/// Writes the page of a command and those of the commands below it; gives their number.
fn write_pages(folder: &Path, command: clap::Command) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let mut pages = 0;
    for command in command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        pages += write_pages(folder, command.clone())?;
    }
    // The page is named as its heading: `stocktake-state-list`.
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = folder.join(format!("{name}.1"));
    let page = page(command)?;
    files::write_output(&path, |file| file.write_all(&page))?;
    Ok(pages + 1)
}
