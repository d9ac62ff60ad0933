//! `stocktake schema`

use std::io::Write as _;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use crate::report::{self, Ui};
use crate::{jobfile, notification, plan, workspace};

/// Print the JSON schema of a file format
#[derive(Debug, Args)]
#[command(after_help = "Example:
  stocktake schema > jobfile.schema.json

Editors that use yaml-language-server read it from a first line such as
  # yaml-language-server: $schema=../schema/jobfile.schema.json
and those that use taplo from
  #:schema ../schema/jobfile.schema.json")]
pub(super) struct SchemaArgs {
    /// Which format
    #[arg(value_name = "FORMAT", default_value = "jobfile")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Files under jobs/
    Jobfile,
    /// stocktake.toml
    Workspace,
    /// What `plan --format json` prints and `plan --out` keeps
    Plan,
    /// A line of what `apply --format json` prints
    Apply,
    /// What `validate --format json` prints
    Diagnostics,
    /// The records that status and state list write
    State,
    /// What `status --failed --format json` prints
    Failures,
    /// What `adopt --format json` prints
    Adoption,
    /// What `state verify --format json` prints
    Verified,
    /// What `doctor --format json` prints
    Doctor,
    /// What a webhook of the form `json` gets
    Events,
    /// What `state lock --format json` prints
    Lock,
}

pub(super) fn run(arguments: &SchemaArgs, ui: Ui) -> Result<Exit, Failure> {
    let schema = match arguments.format {
        Format::Jobfile => jobfile::schema_json(),
        Format::Workspace => workspace::schema_json(),
        Format::Plan => plan::schema_json(),
        Format::Apply => report::apply_schema_json(),
        Format::Diagnostics => report::diagnostics::schema_json(),
        Format::State => report::records_schema_json(),
        Format::Failures => report::failures_schema_json(),
        Format::Adoption => report::adoption_schema_json(),
        Format::Verified => report::verified_schema_json(),
        Format::Doctor => report::doctor_schema_json(),
        Format::Events => notification::schema_json(),
        Format::Lock => report::lock_schema_json(),
    };
    writeln!(ui.data(), "{schema:#}")?;
    Ok(Exit::Done)
}
