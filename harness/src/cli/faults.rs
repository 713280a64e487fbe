//! `quorate faults`.

use quorate_core::Plant;
use serde_json::json;

use super::{Format, answer, answer_json};
use crate::{
    exit::Exit,
    fault::{FaultKind, Role},
    run_folder::Backend,
};

/// Lists the faults that a run can draw, the roles that a plan's faults can be aimed at in the place of a node, and the bugs that it can
/// plant.
///
/// Example: quorate faults
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let faults = FaultKind::ALL.map(|kind| ("fault", kind.name(), kind.description(), kind.is_of(Backend::Processes)));
    let plants = Plant::ALL.map(|plant| ("plant", plant.name(), plant.description(), true));
    let roles = Role::FORMS.map(|(form, meaning)| ("role", form, meaning, true));
    for (kind, name, description, of_processes) in faults.into_iter().chain(roles).chain(plants) {
        match args.format {
            Format::Json => {
                let verbs = if of_processes { &["run", "sim"][..] } else { &["sim"] };
                answer_json(&json!({ "kind": kind, "name": name, "does": description, "verbs": verbs }));
            }
            Format::Text => {
                let note = if of_processes { "" } else { " (sim alone)" };
                answer(&format!("{kind:<7}{name:<27}{description}{note}\n"));
            }
        }
    }
    Ok(Exit::Valid)
}
