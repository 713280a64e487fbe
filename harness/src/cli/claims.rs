//! `quorate claims`.

use quorate_workloads::{Claim, claims, floors};
use serde_json::json;

use super::{Format, answer, answer_json, settings::SettingsArgs};
use crate::{exit::Exit, scenario::Scenario};

/// Lists what may be claimed at given settings, and why, and what has to happen in a run to test it: a claim that nothing tested is
/// vacuous.
///
/// Examples: quorate claims --n 3 --r 1 --w 1; quorate claims --write-path abd --clock-skew 20ms; quorate claims
/// --workload counter --fsync never
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let scenario = args.settings.over(&Scenario::quickstart())?;
    for expectation in claims(scenario.workload, scenario.settings()) {
        let claim = expectation.claim;
        let floors = floors(claim, scenario.workload, scenario.settings());
        match args.format {
            Format::Json => answer_json(&json!({
                "claim": claim.name(),
                "claimed": expectation.claimed,
                "reason": expectation.reason,
                "claimed_in_real_time": expectation.in_real_time().claimed,
                "promises": claim.description(),
                "tested_by": floors.iter().map(|floor| json!({
                    "by": floor.by,
                    "what": floor.by.words(),
                    "least": floor.least,
                })).collect::<Vec<_>>(),
            })),
            Format::Text => {
                let claimed = if expectation.claimed { "claimed" } else { "not claimed" };
                let (name, promise, reason) = (claim.name(), claim.description(), expectation.reason);
                let mut text = format!("{claimed:<13}{name:<25}{promise}\n{:38}{reason}\n", "");
                let of_real = expectation.in_real_time();
                if of_real.claimed != expectation.claimed {
                    text += &format!("{:38}not claimed on real processes: {}\n", "", of_real.reason);
                }
                let tested_by: Vec<_> = floors.iter().map(|floor| floor.by.words()).collect();
                let tested_by = match &tested_by[..] {
                    [] if claim == Claim::RefusedPromptly => "requests that were owed a refusal".to_owned(),
                    [] => "requests that were owed an answer".to_owned(),
                    by => by.join(", "),
                };
                answer(&(text + &format!("{:38}tested by {tested_by}\n", "")));
            }
        }
    }
    Ok(Exit::Valid)
}
