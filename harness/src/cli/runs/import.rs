//! `quorate runs import`.

use std::path::PathBuf;

use serde_json::json;

use super::OutArgs;
use crate::{cli::Format, exit::Exit, runs};

/// Unpacks an archive among the runs that are here, whole or not at all.
///
/// It has to hold one run that this build can read, and nothing else: no links, nothing that leads elsewhere, no more than
/// 16 GiB. A run that is here already is not written over, and `latest` stays the last that was made here.
///
/// Example: quorate runs import bug.tar.gz
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The archive.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let run = runs::import(&args.file, &args.out.out)?;
    args.format.answer(
        || format!("{}\n", run.display()),
        || json!({ "format": 1, "archive": args.file, "run": run }),
    );
    Ok(Exit::Valid)
}
