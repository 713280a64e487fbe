//! The command line: arguments in, an exit code out. Nothing below this folder sees an argument as it was typed.

mod again;
mod certs;
mod check;
mod ci;
mod claims;
mod completions;
mod convert;
mod doctor;
mod explain;
mod faults;
mod gossip;
mod judge;
mod load_line;
mod man;
mod matrix;
mod needs;
mod node;
mod numbers;
mod output;
mod overrides;
mod predict;
mod progress;
mod replay;
mod report;
mod run;
mod runs;
mod scenarios;
mod serve;
mod settings;
mod shrink;
mod shrink_run;
mod sim;
mod suite;
mod sweep;
mod table;
mod verify_fix;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use quorate_node::cli::NodeArgs;

use crate::exit::{Exit, exit_of};

/// Puts a leaderless store's claims on trial.
///
/// Without a command it runs the quickstart scenario: five real nodes, N=3 R=2 W=2, partitions and kills, a verdict.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 valid, 1 a claim violated, 2 unknown, 3 a need or threshold missed, 4 vacuous, 5 replay diverged, 64 usage, 65 input data, 70 harness or node failure, \
130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Args>),
    Sim(Box<sim::Args>),
    Suite(Box<suite::Args>),
    Predict(Box<predict::Args>),
    Matrix(Box<matrix::Args>),
    Check(Box<check::Args>),
    Explain(Box<explain::Args>),
    Report(Box<report::Args>),
    Replay(Box<replay::Args>),
    Shrink(Box<shrink::Args>),
    VerifyFix(Box<verify_fix::Args>),
    Runs(runs::Args),
    Serve(serve::Args),
    Convert(convert::Args),
    Scenarios(scenarios::Args),
    Claims(claims::Args),
    Faults(faults::Args),
    Doctor(doctor::Args),
    Gossip(gossip::Args),
    Certs(certs::Args),
    Node(Box<node::Args>),
    Completions(completions::Args),
    Man(man::Args),
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For machines: one object on standard output, everything else on standard error.
    Json,
}

/// How tables of figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TableFormat {
    /// For people.
    Text,
    /// For machines: one object.
    Json,
    /// For spreadsheets: one row for each R and W.
    Csv,
    /// For documents.
    Markdown,
}

impl Format {
    /// Answers in this format; the other is not made.
    fn answer(self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) {
        match self {
            Format::Text => answer(&text()),
            Format::Json => answer_json(&json()),
        }
    }
}

/// Does what the arguments of the process ask for.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        None => run::run(&default_run()),
        Some(Command::Node(args)) => match args.task() {
            node::Task::Run(args) => return run_node(&args),
            node::Task::Ask(question) => node::run(&question),
        },
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Sim(args)) => sim::run(&args),
        Some(Command::Suite(args)) => suite::run(&args),
        Some(Command::Predict(args)) => predict::run(&args),
        Some(Command::Matrix(args)) => matrix::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Shrink(args)) => shrink::run(&args),
        Some(Command::VerifyFix(args)) => verify_fix::run(&args),
        Some(Command::Runs(args)) => runs::run(&args),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man(args)) => man::run(&args),
        Some(Command::Convert(args)) => convert::run(&args),
        Some(Command::Scenarios(args)) => scenarios::run(&args),
        Some(Command::Claims(args)) => claims::run(&args),
        Some(Command::Faults(args)) => Ok(faults::run(&args)),
        Some(Command::Doctor(args)) => Ok(doctor::run(&args)),
        Some(Command::Gossip(args)) => gossip::run(&args),
        Some(Command::Certs(args)) => certs::run(&args),
    };
    let exit = result.unwrap_or_else(|error| {
        eprintln!("quorate: failed to {error:#}");
        exit_of(&error)
    });
    ExitCode::from(exit.code())
}

/// What `quorate` does when it is asked for nothing: `quorate run`.
fn default_run() -> run::Args {
    match Cli::parse_from(["quorate", "run"]).command {
        Some(Command::Run(args)) => *args,
        _ => unreachable!("it says run"),
    }
}

/// The node's own main, in this executable.
fn run_node(args: &NodeArgs) -> ExitCode {
    match quorate_node::cli::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

/// Help is no error; anything else that the parser has to say is one of usage.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Valid };
    ExitCode::from(exit.code())
}

/// Writes an answer to standard output. A reader that has gone away is no failure: the verdict is in the exit code.
fn answer(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes an answer of one JSON object.
fn answer_json(object: &serde_json::Value) {
    answer(&format!("{object}\n"));
}
