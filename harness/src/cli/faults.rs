//! `quorate faults`.

use quorate_core::Plant;
use serde_json::json;

use super::{
    Format, answer, answer_json,
    table::{Side, Table},
};
use crate::{
    exit::Exit,
    fault::{Fault, FaultKind, Role},
    run_folder::Backend,
};

/// Lists the faults that a run can draw or plan, the roles that they can be aimed at, and the bugs that it can plant.
///
/// A family is what --faults takes; a fault is what a plan names, with what it takes on real processes; a role is whom a plan's fault
/// can be aimed at in the place of a node.
///
/// Example: quorate faults
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Exit {
    match args.format {
        Format::Json => answer_lines(),
        Format::Text => answer(&text()),
    }
    Exit::Valid
}

/// One object a line: families, then faults, then roles, then bugs.
fn answer_lines() {
    for kind in FaultKind::ALL {
        let verbs = verbs(|backend| kind.is_of(backend));
        answer_json(&json!({ "kind": "fault", "name": kind.name(), "does": kind.description(), "verbs": verbs }));
    }
    for fault in Fault::examples() {
        answer_json(&json!({
            "kind": "shape",
            "name": fault.shape(),
            "family": fault.kind().name(),
            "verbs": verbs(|backend| fault.is_of(backend)),
            "needs": fault.needs(),
            "example": fault,
        }));
    }
    let verbs = ["run", "sim"];
    for (form, meaning) in Role::FORMS {
        answer_json(&json!({ "kind": "role", "name": form, "does": meaning, "verbs": verbs }));
    }
    for plant in Plant::ALL {
        answer_json(&json!({ "kind": "plant", "name": plant.name(), "does": plant.description(), "verbs": verbs }));
    }
}

fn text() -> String {
    let mut families = Table::new([("FAMILY", Side::Left), ("VERBS", Side::Left), ("DOES", Side::Left)]);
    for kind in FaultKind::ALL {
        let verbs = verbs(|backend| kind.is_of(backend)).join(", ");
        families.row([kind.name().to_owned(), verbs, kind.description().to_owned()]);
    }
    let mut faults = Table::new([
        ("FAULT", Side::Left),
        ("FAMILY", Side::Left),
        ("VERBS", Side::Left),
        ("ON REAL PROCESSES BY", Side::Left),
        ("EXAMPLE", Side::Left),
    ]);
    for fault in Fault::examples() {
        let needs: Vec<_> = fault.needs().iter().map(|need| need.words()).collect();
        faults.row([
            fault.shape(),
            fault.kind().name().to_owned(),
            verbs(|backend| fault.is_of(backend)).join(", "),
            needs.join(", "),
            fault.to_string(),
        ]);
    }
    let mut roles = Table::new([("ROLE", Side::Left), ("IS", Side::Left)]);
    for (form, meaning) in Role::FORMS {
        roles.row([form.to_owned(), meaning.to_owned()]);
    }
    let mut plants = Table::new([("BUG", Side::Left), ("DOES", Side::Left)]);
    for plant in Plant::ALL {
        plants.row([plant.name().to_owned(), plant.description().to_owned()]);
    }
    format!("{families}\n{faults}\n{roles}\n{plants}")
}

fn verbs(is_of: impl Fn(Backend) -> bool) -> Vec<&'static str> {
    let verbs = [(Backend::Processes, "run"), (Backend::Simulated, "sim")];
    let verbs = verbs.into_iter().filter(|(backend, _)| is_of(*backend));
    verbs.map(|(_, verb)| verb).collect()
}
