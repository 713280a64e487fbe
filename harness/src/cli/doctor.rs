//! `quorate doctor`.

use std::path::PathBuf;

use serde_json::json;

use super::{
    Format,
    table::{Side, Table},
};
use crate::{
    doctor::{self, Check},
    exit::Exit,
};

/// Probes what this machine can do for runs on real processes, and says why not.
///
/// The exit code is 70 if something is missing that no run can do without.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  quorate doctor\n  quorate doctor --format json")]
pub(super) struct Args {
    /// Where runs are to leave their folders.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    out: PathBuf,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> Exit {
    let checks = doctor::examine(&args.out);
    let impossible = doctor::impossible_faults(&checks);
    let is_fit = !checks.iter().any(Check::is_fatal);
    args.format.answer(
        || text(&checks, &impossible),
        || json!({ "format": 1, "fit": is_fit, "checks": checks, "impossible_faults": impossible }),
    );
    if is_fit { Exit::Valid } else { Exit::Failure }
}

fn text(checks: &[Check], impossible: &[String]) -> String {
    let mut table = Table::new([
        ("", Side::Left),
        ("WHAT", Side::Left),
        ("FOUND", Side::Left),
        ("FOR", Side::Left),
    ]);
    for check in checks {
        let needed = if check.is_fatal() {
            "MISSING"
        } else {
            check.status.name()
        };
        table.row([
            needed.to_owned(),
            check.name.to_owned(),
            check.found.clone(),
            check.serves.to_owned(),
        ]);
    }
    let fatal: Vec<_> = checks
        .iter()
        .filter(|check| check.is_fatal())
        .map(|check| check.name)
        .collect();
    let verdict = if fatal.is_empty() {
        "Real processes can be run here (quorate run)".to_owned()
    } else {
        format!("Real processes can't be run here: {} missing", fatal.join(", "))
    };
    let faults = if !fatal.is_empty() {
        ".".to_owned()
    } else if impossible.is_empty() {
        ", with every fault of `quorate faults`.".to_owned()
    } else {
        format!("; not these faults: {}.", impossible.join(", "))
    };
    format!("{table}\n{verdict}{faults}\nSimulations (quorate sim) and judging (quorate check) need none of this.\n")
}
