//! The command line program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = stocktake::cli::main(std::env::args_os());
    ExitCode::from(exit.code())
}
