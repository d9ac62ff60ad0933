//! The command line program.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A workspace is millions of small texts: a fifth of a plan's time went into allocating them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let exit = stocktake::cli::main(std::env::args_os());
    ExitCode::from(exit.code())
}
