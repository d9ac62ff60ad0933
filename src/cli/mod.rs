//! The command line: one file a command, each an args struct and a short `run`.

mod adopt;
mod apply;
mod approval;
mod as_planned;
mod cancel;
mod completions;
mod connection;
mod consent;
mod credentials;
mod doctor;
mod estimate;
mod exit;
mod failure;
mod guess;
mod init;
mod keys;
mod location;
mod logging;
mod lsp;
mod man;
mod notify;
mod options;
mod plan;
mod plan_file;
mod poll;
mod proxy;
mod records;
mod render;
mod resolve;
mod retry;
mod schema;
mod serve;
mod session;
mod settings;
mod show;
mod signals;
mod state;
mod state_lock;
mod status;
mod strangers;
mod unresolved;
mod validate;
mod watch;
mod workflow;

use std::ffi::OsString;
use std::io::{IsTerminal, Write as _};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;
use failure::Failure;
use options::GlobalOptions;
use settings::Settings;

use crate::report::{self, ColorChoice, Ui, Verbosity, diagnostics};

/// Keeps batch jobs of Tencent Cloud CI in git and submits each of them once.
#[derive(Debug, Parser)]
#[command(
    name = "stocktake",
    version,
    propagate_version = true,
    args_override_self = true,
    max_term_width = 80
)]
#[command(after_help = "Examples:
  stocktake plan             what would be submitted, and why
  stocktake apply            submit what is new, each job once
  stocktake -t prod plan     the same for the target `prod` of stocktake.toml")]
struct CommandLine {
    #[command(flatten)]
    options: GlobalOptions,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Render(render::RenderArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Retry(retry::RetryArgs),
    Show(show::ShowArgs),
    Status(status::StatusArgs),
    Cancel(cancel::CancelArgs),
    Adopt(adopt::AdoptArgs),
    Resolve(resolve::ResolveArgs),
    State(state::StateArgs),
    Doctor(doctor::DoctorArgs),
    Workflow(workflow::WorkflowArgs),
    Watch(watch::WatchArgs),
    Serve(serve::ServeArgs),
    Lsp(lsp::LspArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    /// Print the version
    Version,
}

impl Command {
    /// Whether what it does can depend on the environment.
    fn uses_settings(&self) -> bool {
        !matches!(
            self,
            Self::Init(_) | Self::Show(_) | Self::Schema(_) | Self::Completions(_) | Self::Man(_)
        )
    }
}

/// Runs the program with the given arguments, the first of which is its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let settings = Settings::from_environment();
    let arguments = with_environment(arguments.into_iter().collect(), &settings);
    let mut parsed = match CommandLine::try_parse_from(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => return usage(error, &arguments),
    };
    let verbosity = if parsed.options.quiet {
        Verbosity::Quiet
    } else {
        Verbosity::Normal
    };
    let ui = Ui::new(
        parsed.options.color_choice(settings.color),
        verbosity,
        terminal_width(),
    );
    let ui = match settings.progress_interval {
        Some(interval) => ui.with_progress_interval(interval),
        None => ui,
    };
    if let Err(problem) = parsed.options.enter() {
        return show(ui, &problem.into());
    }
    if let Err(failure) = logging::start(&parsed.options, &settings) {
        return show(ui, &failure);
    }
    tracing::debug!(
        ?arguments,
        "the command line, with what the environment adds to it"
    );
    if let Some(problem) = settings
        .problems
        .first()
        .filter(|_| parsed.command.uses_settings())
    {
        return show(ui, &problem.clone().into());
    }
    let exit = match dispatch(parsed.command, &parsed.options, settings, ui) {
        Ok(exit) => exit,
        Err(failure) => show(ui, &failure),
    };
    match report::finish_output() {
        // Another code says more than that it could not be shown.
        Err(error) if exit == Exit::Done => show(ui, &error.into()),
        _ => exit,
    }
}

/// Inserts the environment's arguments after the name of the command: those given later win.
fn with_environment(mut arguments: Vec<OsString>, settings: &Settings) -> Vec<OsString> {
    let program = CommandLine::command();
    let takes_value = |argument: &str| {
        let mut options = program.get_arguments();
        let named = options.find(|option| {
            let long = option.get_long().map(|long| format!("--{long}"));
            let short = option.get_short().map(|short| format!("-{short}"));
            long.as_deref() == Some(argument) || short.as_deref() == Some(argument)
        });
        named.is_some_and(|option| option.get_action().takes_values())
    };
    let mut index = 1;
    while let Some(argument) = arguments.get(index).and_then(|argument| argument.to_str()) {
        if !argument.starts_with('-') {
            let more = settings.arguments(argument);
            let after = index + 1;
            arguments.splice(after..after, more);
            break;
        }
        index += if takes_value(argument) { 2 } else { 1 };
    }
    guess::expand_json(&mut arguments);
    arguments
}

fn dispatch(
    command: Command,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    match command {
        Command::Init(arguments) => init::run(&arguments, ui),
        Command::Validate(arguments) => validate::run(&arguments, options, settings, ui),
        Command::Render(arguments) => render::run(&arguments, options, settings, ui),
        Command::Plan(arguments) => plan::run(&arguments, options, settings, ui),
        Command::Apply(arguments) => apply::run(&arguments, options, settings, ui),
        Command::Retry(arguments) => retry::run(arguments, options, settings, ui),
        Command::Show(arguments) => show::run(&arguments, ui),
        Command::Status(arguments) => status::run(&arguments, options, settings, ui),
        Command::Cancel(arguments) => cancel::run(&arguments, options, settings, ui),
        Command::Adopt(arguments) => adopt::run(&arguments, options, settings, ui),
        Command::Resolve(arguments) => resolve::run(&arguments, options, settings, ui),
        Command::Doctor(arguments) => doctor::run(&arguments, options, &settings, ui),
        Command::State(arguments) => state::run(&arguments, options, settings, ui),
        Command::Workflow(arguments) => workflow::run(&arguments, options, settings, ui),
        Command::Watch(arguments) => watch::run(&arguments, options, settings, ui),
        Command::Serve(arguments) => serve::run(&arguments, options, settings, ui),
        Command::Lsp(arguments) => lsp::run(&arguments, options, &settings),
        Command::Schema(arguments) => schema::run(&arguments, ui),
        Command::Completions(arguments) => completions::run(&arguments, ui),
        Command::Man(arguments) => man::run(&arguments, ui),
        Command::Version => {
            writeln!(ui.data(), "stocktake {}", env!("CARGO_PKG_VERSION"))?;
            Ok(Exit::Done)
        }
    }
}

/// Help and version are what was asked for; anything else is a wrong command line.
fn usage(mut error: clap::Error, arguments: &[OsString]) -> Exit {
    guess::lead_on(&mut error);
    let asked_for = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if !asked_for && apply::wants_json(arguments) {
        // Nowhere is left to report that this cannot be written.
        let _ = apply::end_with_usage(&error);
    }
    let printed = error.print().and_then(|()| report::finish_output());
    match printed {
        _ if !asked_for => Exit::Usage,
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let ui = Ui::new(ColorChoice::Auto, Verbosity::Normal, None);
            show(ui, &error.into())
        }
        _ => Exit::Done,
    }
}

fn show(ui: Ui, failure: &Failure) -> Exit {
    // There is nowhere left to report a failure to report.
    let _ = diagnostics::human(&mut ui.messages(), &failure.diagnostics, ui.look().width);
    failure.exit
}

fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (_, columns) = console::Term::stdout().size_checked()?;
    Some(usize::from(columns))
}
