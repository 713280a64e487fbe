//! `quorate sim`.

use std::{path::PathBuf, time::Instant};

use quorate_workloads::ClaimVerdict;
use serde_json::{Value, json};

use super::{
    Format, answer, answer_json,
    overrides::ScenarioArgs,
    progress::{Display, Style},
};
use crate::{
    backend::SimulatedCluster,
    cluster::Cluster,
    exit::{Exit, ExitError},
    report::{self, Report},
    run_folder::Backend,
    scenario::Scenario,
    trial::Trial,
};

/// Runs a scenario in virtual time: the same nodes' core, clients, faults and checks, all from one seed.
///
/// Examples: quorate sim --seed 7; quorate sim --seeds 100 --plant hint-dropped
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Decides everything that chance decides; drawn and printed when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// Run this many seeds, from --seed on (default 1), and list those that fail. Leaves no folders.
    #[arg(long, value_name = "COUNT")]
    seeds: Option<u64>,
    /// Where the run's folder goes.
    #[arg(long, value_name = "DIR", default_value = "results/runs")]
    out: PathBuf,
    /// How to show progress.
    #[arg(long, value_enum, default_value = "auto")]
    progress: Style,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A simulated run and what only a simulation knows of it.
struct Simulated {
    report: Report,
    trace_hash: String,
    sim_seconds: f64,
    wall_seconds: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let scenario = args.scenario.resolve()?;
    match args.seeds {
        Some(count) => run_many(args, &scenario, count),
        None => run_one(args, scenario),
    }
}

fn run_one(args: &Args, scenario: Scenario) -> anyhow::Result<Exit> {
    let seed = args.seed.unwrap_or_else(super::draw_seed);
    let mut display = Display::new(if args.quiet { Style::None } else { args.progress });
    let trial = Trial::in_folder(scenario, seed, &args.out, Backend::Simulated)?;
    let simulated = simulate(trial, &mut display)?;
    drop(display);
    match args.format {
        Format::Text => answer(&report::text(&simulated.report)),
        Format::Json => answer_json(&simulated.json()),
    }
    Ok(simulated.report.exit)
}

fn run_many(args: &Args, scenario: &Scenario, count: u64) -> anyhow::Result<Exit> {
    if count == 0 {
        return Err(ExitError::usage("read --seeds: it has to be above 0").into());
    }
    let first = args.seed.unwrap_or(1);
    let mut display = Display::new(if args.quiet { Style::None } else { args.progress });
    let (mut exits, mut failed, mut sim_seconds) = (Vec::new(), Vec::new(), 0.0);
    let began = Instant::now();
    for seed in first..first.saturating_add(count) {
        let mut silent = Display::new(Style::None);
        let simulated = simulate(Trial::in_memory(scenario.clone(), seed), &mut silent)?;
        sim_seconds += simulated.sim_seconds;
        if simulated.report.exit != Exit::Valid {
            let claims = failed_claims(&simulated.report);
            display.say(&format!("seed {seed}: {}", claims.join(", ")));
            failed.push((seed, simulated.report.exit, claims));
        }
        exits.push(simulated.report.exit);
    }
    drop(display);
    let exit = Exit::gravest(exits);
    let wall_seconds = began.elapsed().as_secs_f64();
    match args.format {
        Format::Text => {
            answer(&format!(
                "{} of {count} seeds valid, {sim_seconds:.0} simulated seconds in {wall_seconds:.1}; exit code {}\n",
                count - failed.len() as u64,
                exit.code()
            ));
            for (seed, _, claims) in &failed {
                answer(&format!("  seed {seed}: {}\n", claims.join(", ")));
            }
        }
        Format::Json => {
            let failed = failed
                .iter()
                .map(|(seed, exit, claims)| json!({ "seed": seed, "exit": exit.code(), "claims": claims }));
            answer_json(&json!({
                "format": 1,
                "exit": exit.code(),
                "seeds": count,
                "first_seed": first,
                "failed": failed.collect::<Vec<_>>(),
                "sim_seconds": sim_seconds,
                "wall_seconds": wall_seconds,
            }));
        }
    }
    Ok(exit)
}

fn simulate(trial: Trial, display: &mut Display) -> anyhow::Result<Simulated> {
    let began = Instant::now();
    let mut cluster = SimulatedCluster::new(trial.scenario(), trial.seed());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let record = runtime.block_on(trial.record(&mut cluster, &mut |progress| display.show(progress)));
    let record = match record {
        Ok(record) => record,
        Err(error) => {
            trial.fail(&error);
            return Err(error);
        }
    };
    let trace_hash = cluster.trace().to_string();
    Ok(Simulated {
        report: trial.conclude(&record, Some(trace_hash.clone()))?,
        trace_hash,
        sim_seconds: cluster.elapsed().as_secs_f64(),
        wall_seconds: began.elapsed().as_secs_f64(),
    })
}

/// The claims that kept a run from being valid.
fn failed_claims(report: &Report) -> Vec<&'static str> {
    let failed = [ClaimVerdict::Violated, ClaimVerdict::Unknown, ClaimVerdict::Vacuous];
    let claims = report
        .judgement
        .claims
        .iter()
        .filter(|claim| failed.contains(&claim.verdict));
    claims.map(|claim| claim.claim.name()).collect()
}

impl Simulated {
    fn json(&self) -> Value {
        let mut object = report::json(&self.report);
        object["trace_hash"] = self.trace_hash.clone().into();
        object["sim_seconds"] = self.sim_seconds.into();
        object["wall_seconds"] = self.wall_seconds.into();
        object
    }
}
