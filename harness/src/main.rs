//! The `quorate` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Keeps memory and asks for large pages, where a check of a large history met a fresh page for every few operations.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    quorate_harness::cli::main()
}
