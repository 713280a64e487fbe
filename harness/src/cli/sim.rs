//! `quorate sim`.

use std::time::Instant;

use quorate_workloads::ClaimVerdict;
use serde_json::{Value, json};

use super::{
    output::OutputArgs,
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
    /// Run this many seeds, from --seed on (default 1), and list those that fail. Leaves no folders.
    #[arg(long, value_name = "COUNT")]
    seeds: Option<u64>,
    #[command(flatten)]
    output: OutputArgs,
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
    let seed = args.output.seed();
    let mut display = args.output.display();
    let trial = Trial::in_folder(scenario, seed, &args.output.out, Backend::Simulated)?;
    let simulated = simulate(trial, &mut display)?;
    drop(display);
    args.output
        .format
        .answer(|| report::text(&simulated.report), || simulated.json());
    Ok(simulated.report.exit)
}

fn run_many(args: &Args, scenario: &Scenario, count: u64) -> anyhow::Result<Exit> {
    if count == 0 {
        return Err(ExitError::usage("read --seeds: it has to be above 0").into());
    }
    let first = args.output.seed.unwrap_or(1);
    let mut display = args.output.display();
    let (mut exits, mut failed, mut sim_seconds) = (Vec::new(), Vec::new(), 0.0);
    let began = Instant::now();
    for seed in first..first.saturating_add(count) {
        let mut silent = Display::new(Style::None);
        let simulated = simulate(Trial::in_memory(scenario.clone(), seed), &mut silent)?;
        sim_seconds += simulated.sim_seconds;
        exits.push(simulated.report.exit);
        if simulated.report.exit != Exit::Valid {
            let claims = failed_claims(&simulated.report);
            display.say(&format!("seed {seed}: {}", claims.join(", ")));
            let exit = simulated.report.exit;
            failed.push(FailedSeed { seed, exit, claims });
        }
    }
    drop(display);
    let sweep = Sweep {
        first,
        count,
        exit: Exit::gravest(exits),
        failed,
        sim_seconds,
        wall_seconds: began.elapsed().as_secs_f64(),
    };
    args.output.format.answer(|| sweep.text(), || sweep.json());
    Ok(sweep.exit)
}

/// What came of many seeds.
struct Sweep {
    first: u64,
    count: u64,
    exit: Exit,
    failed: Vec<FailedSeed>,
    sim_seconds: f64,
    wall_seconds: f64,
}

/// A seed that did not come out valid, and the claims that kept it from it.
struct FailedSeed {
    seed: u64,
    exit: Exit,
    claims: Vec<String>,
}

impl Sweep {
    fn text(&self) -> String {
        let mut text = format!(
            "{} of {} seeds valid, {:.0} simulated seconds in {:.1}; exit code {}\n",
            self.count - self.failed.len() as u64,
            self.count,
            self.sim_seconds,
            self.wall_seconds,
            self.exit.code()
        );
        for FailedSeed { seed, claims, .. } in &self.failed {
            text.push_str(&format!("  seed {seed}: {}\n", claims.join(", ")));
        }
        text
    }

    fn json(&self) -> Value {
        let failed = self.failed.iter();
        let failed = failed.map(|f| json!({ "seed": f.seed, "exit": f.exit.code(), "claims": f.claims }));
        json!({
            "format": 1,
            "exit": self.exit.code(),
            "seeds": self.count,
            "first_seed": self.first,
            "failed": failed.collect::<Vec<_>>(),
            "sim_seconds": self.sim_seconds,
            "wall_seconds": self.wall_seconds,
        })
    }
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
fn failed_claims(report: &Report) -> Vec<String> {
    let failed = [ClaimVerdict::Violated, ClaimVerdict::Unknown, ClaimVerdict::Vacuous];
    let claims = report
        .judgement
        .claims
        .iter()
        .filter(|claim| failed.contains(&claim.verdict));
    claims.map(|claim| claim.claim.name.to_string()).collect()
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
