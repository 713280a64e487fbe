//! `quorate runs ls`.

use serde_json::{Value, json};

use super::OutArgs;
use crate::{
    cli::{
        Format, answer, answer_json,
        table::{Side, Table},
    },
    exit::Exit,
    runs::Listed,
    utc,
};

/// Lists saved runs, the newest first, each with its verdict and the claims that were violated.
///
/// A run without a verdict is unfinished (it goes on, or was killed), given-up, or failed. What can't be read is named on
/// standard error and passed over.
///
/// Example: quorate runs ls --format json
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    out: OutArgs,
    /// How to answer; JSON is an object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let listing = args.out.list()?;
    match args.format {
        Format::Json => listing.runs.iter().for_each(|run| answer_json(&json_of(run))),
        Format::Text if listing.runs.is_empty() => answer(&format!("no runs in {}\n", args.out.out.display())),
        Format::Text => {
            let mut table = Table::new([
                ("RUN", Side::Left),
                ("BEGAN (UTC)", Side::Left),
                ("BACKEND", Side::Left),
                ("SCENARIO", Side::Left),
                ("SEED", Side::Right),
                ("VERDICT", Side::Left),
                ("VIOLATED", Side::Left),
            ]);
            listing.runs.iter().for_each(|run| table.row(row(run)));
            answer(&table.to_string());
        }
    }
    Ok(Exit::Valid)
}

fn row(run: &Listed) -> [String; 7] {
    let violated = run.outcome.judged().map(|judged| judged.violated.join(", "));
    [
        run.path.display().to_string(),
        utc::spaced(&run.manifest.started),
        run.manifest.backend.name().to_owned(),
        run.scenario.clone(),
        run.manifest.seed.to_string(),
        run.outcome.name().to_owned(),
        violated.unwrap_or_default(),
    ]
}

fn json_of(run: &Listed) -> Value {
    let judged = run.outcome.judged();
    json!({
        "run": run.path,
        "started": run.manifest.started,
        "backend": run.manifest.backend,
        "scenario": run.scenario,
        "seed": run.manifest.seed,
        "outcome": run.outcome.name(),
        "verdict": judged.map(|judged| &judged.verdict),
        "exit": run.manifest.ended.as_ref().map(|ended| ended.exit),
        "violated": judged.map(|judged| &judged.violated),
        "observed": judged.map(|judged| &judged.observed),
    })
}
