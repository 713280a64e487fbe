//! `quorate scenarios`.

use serde_json::json;

use super::{Format, answer, answer_json};
use crate::{duration, exit::Exit, scenario::Scenario};

/// Lists the scenarios that have a name.
///
/// Example: quorate scenarios --format json
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    for scenario in Scenario::library() {
        match args.format {
            Format::Json => answer_json(&json!(scenario)),
            Format::Text => answer(&format!(
                "{:<12} {}\n{:<12} {} nodes, N={} R={} W={}, {} of load\n",
                scenario.name,
                scenario.purpose,
                "",
                scenario.nodes,
                scenario.n,
                scenario.r,
                scenario.w,
                duration::format(scenario.time)
            )),
        }
    }
    Ok(Exit::Valid)
}
