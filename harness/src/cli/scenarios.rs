//! `quorate scenarios`.

use serde_json::json;

use super::{Format, answer, answer_json};
use crate::{amount::counted, duration, exit::Exit, scenario::Scenario, suite::Suite};

/// Lists the scenarios that have a name, those of suites as `suite/cell`.
///
/// Examples: quorate scenarios; quorate sim exhibits/s12
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What is broken in it, and which bug its nodes are told to have.
fn what_is_broken(scenario: &Scenario) -> String {
    let kinds: Vec<_> = scenario.faults.iter().map(|kind| kind.name()).collect();
    let faults = match scenario.plan.len() {
        0 if kinds.is_empty() => String::new(),
        0 => format!(", {} drawn", kinds.join(" and ")),
        count => format!(", {} planned", counted(count as u64, "fault")),
    };
    let plant = scenario.plant.map(|plant| format!(", planted {}", plant.name()));
    faults + &plant.unwrap_or_default()
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let of_suite = |suite: Suite| {
        let name = suite.name;
        suite.cells.into_iter().map(move |cell| Scenario {
            name: format!("{name}/{}", cell.scenario.name),
            ..cell.scenario
        })
    };
    let of_suites = Suite::NAMES.into_iter().filter_map(Suite::from_name).flat_map(of_suite);
    for scenario in Scenario::library().into_iter().chain(of_suites) {
        match args.format {
            Format::Json => answer_json(&json!(scenario)),
            Format::Text => answer(&format!(
                "{:<34} {}\n{:<34} {} nodes, N={} R={} W={}, {} of load{}\n",
                scenario.name,
                scenario.purpose,
                "",
                scenario.nodes,
                scenario.n,
                scenario.r,
                scenario.w,
                duration::format(scenario.time),
                what_is_broken(&scenario)
            )),
        }
    }
    Ok(Exit::Valid)
}
