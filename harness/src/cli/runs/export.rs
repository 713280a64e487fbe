//! `quorate runs export`.

use std::path::PathBuf;

use serde_json::json;

use super::size;
use crate::{
    archive::{self, SUFFIX},
    cli::Format,
    exit::Exit,
    run_folder::RunFolder,
};

/// Packs a run into one file, which is accepted wherever a run is: on another machine, or by another build.
///
/// One run gives the same bytes every time. What only its nodes had, their data and their keys, is not in it.
///
/// Examples: quorate runs export results/runs/quickstart/latest; quorate runs export RUN -o bug.tar.gz
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of a run.
    #[arg(value_name = "RUN")]
    path: PathBuf,
    /// The file to write; without it, one in this folder that is named by the scenario and the run.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let run = RunFolder::open(&args.path)?;
    let output = match &args.output {
        Some(output) => output.clone(),
        None => PathBuf::from(format!("{}-{}{SUFFIX}", run.scenario()?.name, run.name()?)),
    };
    archive::pack(&run, &output, args.force)?;
    let bytes = output.metadata()?.len();
    args.format.answer(
        || format!("{}: {}\n", output.display(), size(bytes)),
        || json!({ "format": 1, "run": args.path, "archive": output, "bytes": bytes }),
    );
    Ok(Exit::Valid)
}
