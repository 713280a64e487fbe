//! `quorate faults`.

use quorate_core::Plant;
use serde_json::json;

use super::{Format, answer, answer_json};
use crate::{exit::Exit, fault::FaultKind};

/// Lists the faults that a run can draw, and the bugs that it can plant.
///
/// Example: quorate faults
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let faults = FaultKind::ALL.map(|kind| ("fault", kind.name(), kind.description()));
    let plants = Plant::ALL.map(|plant| ("plant", plant.name(), plant.description()));
    for (kind, name, description) in faults.into_iter().chain(plants) {
        match args.format {
            Format::Json => answer_json(&json!({ "kind": kind, "name": name, "does": description })),
            Format::Text => answer(&format!("{kind:<7}{name:<27}{description}\n")),
        }
    }
    Ok(Exit::Valid)
}
