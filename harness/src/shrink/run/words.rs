//! What is left of a run, in words that stand alone.

use std::{fmt::Write as _, time::Duration};

use quorate_workloads::{Action, ClaimReport, Step};

use crate::{
    amount::counted,
    operations::key_name,
    scenario::Scenario,
    tape::{Ask, Tape},
};

/// The run on `tape`, which shows what `claim` tells, as a page: what was set up, what happened when, what is wrong with it.
/// `replay` is the command that makes it again.
pub fn explain_run(tape: &Tape, claim: &ClaimReport, replay: &str) -> String {
    let mut out = String::new();
    let scenario = tape.scenario();
    let _ = writeln!(
        out,
        "# {} in {}\n",
        claim.claim.anomaly,
        counted(tape.asks.len() as u64, "operation")
    );
    let _ = writeln!(out, "{}: {}.\n", claim.claim.name, claim.claim.promise);
    let _ = writeln!(out, "{}\n", set_up(scenario));
    let _ = writeln!(out, "| after | what |\n|---|---|");
    for (at, what) in steps(tape) {
        let _ = writeln!(out, "| {} | {what} |", shown(at));
    }
    let _ = writeln!(
        out,
        "\nThen everything is healed, and each key is read from each of its owners, before and after anti-entropy.\n"
    );
    if let Some(witness) = &claim.witness {
        let _ = writeln!(out, "{}\n", witness.text);
        let _ = writeln!(out, "![The operations in time](graph.svg)\n");
    }
    let _ = writeln!(out, "To see it again: `{replay}`.");
    out
}

fn set_up(scenario: &Scenario) -> String {
    let nodes = counted(scenario.place_count() as u64, "node");
    let Scenario { n, r, w, .. } = scenario;
    let plant = scenario.plant.map_or_else(String::new, |plant| {
        format!(" Planted in the nodes: {} ({}).", plant.name(), plant.description())
    });
    format!(
        "{nodes}, N={n} R={r} W={w}, {}, {}.{plant}",
        counted(scenario.concurrency as u64, "client"),
        counted(scenario.keys as u64, "key")
    )
}

/// What happens, in order, counted from the begin of the load.
fn steps(tape: &Tape) -> Vec<(Duration, String)> {
    let asked = tape.asks.iter().map(|ask| (ask.at, asks(ask)));
    let plan = &tape.scenario().plan;
    let begun = plan
        .iter()
        .map(|planned| (planned.at, format!("fault: {}", planned.fault)));
    let ended = plan
        .iter()
        .map(|planned| (planned.at + planned.lasts, format!("ends: {}", planned.fault)));
    let mut steps: Vec<_> = asked.chain(begun).chain(ended).collect();
    steps.sort_by_key(|(at, _)| *at);
    steps
}

fn asks(ask: &Ask) -> String {
    let key = ask.action.keys().next().map(key_name).unwrap_or_default();
    let what = match &ask.action {
        Action::Read { .. } => format!("reads {key}"),
        Action::Write { value, .. } => format!("writes {value} to {key}"),
        Action::Delete { .. } => format!("deletes {key}"),
        Action::Add { element, .. } => format!("adds {element} to {key}"),
        Action::Remove { element, .. } => format!("removes {element} from {key}"),
        Action::Cas { expected, value, .. } => {
            let expected = expected.map_or_else(|| "nothing".to_owned(), |expected| expected.to_string());
            format!("sets {key} from {expected} to {value}")
        }
        Action::Increment { delta, .. } => format!("adds {delta} to {key}"),
        Action::Txn { steps } => steps.iter().map(step).collect::<Vec<_>>().join(", then "),
    };
    format!("client {} {what}, through {}", ask.client, ask.node)
}

fn step(step: &Step) -> String {
    match step {
        Step::Read { key } => format!("reads {}", key_name(*key)),
        Step::Write { key, value } => format!("writes {value} to {}", key_name(*key)),
        Step::Append { key, element } => format!("appends {element} to {}", key_name(*key)),
    }
}

fn shown(at: Duration) -> String {
    format!("{:.3} ms", at.as_secs_f64() * 1e3)
}
