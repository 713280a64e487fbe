//! `quorate-node`: one node, as a program of its own.

use std::process::ExitCode;

use clap::Parser;
use quorate_node::cli::{self, NodeArgs};

/// One node of a Quorate cluster
#[derive(Parser)]
#[command(name = "quorate-node", version)]
struct Arguments {
    #[command(flatten)]
    node: NodeArgs,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return cli::refuse(&error),
    };
    match cli::run(&arguments.node) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("quorate-node: {failure}");
            failure.exit_code()
        }
    }
}
