//! `quorate sim`.

use std::time::Instant;

use quorate_workloads::{ClaimVerdict, InOrder};
use serde_json::{Value, json};

use super::{output::OutputArgs, overrides::ScenarioArgs};
use crate::{
    exit::{Exit, ExitError},
    report::{self, Report},
    run_folder::Backend,
    scenario::Scenario,
    simulation::{Simulated, simulate},
    trial::Trial,
    workers::Workers,
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

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let scenario = args.scenario.resolve()?;
    match args.seeds {
        Some(count) => run_many(args, &scenario, count),
        None => run_one(args, scenario),
    }
}

fn run_one(args: &Args, scenario: Scenario) -> anyhow::Result<Exit> {
    let seed = args.output.seed();
    let mut display = args.output.telling.display();
    let trial = Trial::in_memory(scenario, seed).in_folder(&args.output.telling.out, Backend::Simulated)?;
    let workers = Workers::of_machine()?;
    let simulated = simulate(trial, &workers, None, &mut |progress| display.show(progress))?;
    drop(display);
    args.output
        .telling
        .format
        .answer(|| report::text(&simulated.report), || json_of(&simulated));
    Ok(simulated.report.exit)
}

fn run_many(args: &Args, scenario: &Scenario, count: u64) -> anyhow::Result<Exit> {
    if count == 0 {
        return Err(ExitError::usage("read --seeds: it has to be above 0").into());
    }
    let first = args.output.seed.unwrap_or(1);
    let mut display = args.output.telling.display();
    let (mut exits, mut failed, mut sim_seconds) = (Vec::new(), Vec::new(), 0.0);
    let began = Instant::now();
    for seed in first..first.saturating_add(count) {
        let trial = Trial::in_memory(scenario.clone(), seed);
        let simulated = simulate(trial, &InOrder, None, &mut |_| {})?;
        sim_seconds += simulated.virtual_time.as_secs_f64();
        exits.push(simulated.report.exit);
        if simulated.report.exit != Exit::Valid {
            let seed = FailedSeed::new(seed, &simulated.report);
            display.say(&seed.text());
            failed.push(seed);
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
    args.output.telling.format.answer(|| sweep.text(), || sweep.json());
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
    claims: Vec<(String, ClaimVerdict)>,
}

impl FailedSeed {
    fn new(seed: u64, report: &Report) -> FailedSeed {
        let failed = [ClaimVerdict::Violated, ClaimVerdict::Unknown, ClaimVerdict::Vacuous];
        let claims = report.judgement.claims.iter();
        let claims = claims.filter(|claim| failed.contains(&claim.verdict));
        FailedSeed {
            seed,
            exit: report.exit,
            claims: claims
                .map(|claim| (claim.claim.name.to_string(), claim.verdict))
                .collect(),
        }
    }

    /// The claims, and of those that were not violated, what they were.
    fn text(&self) -> String {
        let claims = self.claims.iter().map(|(claim, verdict)| match verdict {
            ClaimVerdict::Violated => claim.clone(),
            other => format!("{claim} ({})", other.name()),
        });
        format!("seed {}: {}", self.seed, claims.collect::<Vec<_>>().join(", "))
    }

    fn json(&self) -> Value {
        let with = |wanted: &[ClaimVerdict]| -> Vec<&str> {
            let claims = self.claims.iter().filter(|(_, verdict)| wanted.contains(verdict));
            claims.map(|(claim, _)| claim.as_str()).collect()
        };
        json!({
            "seed": self.seed,
            "exit": self.exit.code(),
            "violated": with(&[ClaimVerdict::Violated]),
            "not_judged": with(&[ClaimVerdict::Unknown, ClaimVerdict::Vacuous]),
        })
    }
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
        for seed in &self.failed {
            text.push_str(&format!("  {}\n", seed.text()));
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "format": 1,
            "exit": self.exit.code(),
            "seeds": self.count,
            "first_seed": self.first,
            "failed": self.failed.iter().map(FailedSeed::json).collect::<Vec<_>>(),
            "sim_seconds": self.sim_seconds,
            "wall_seconds": self.wall_seconds,
        })
    }
}

fn json_of(simulated: &Simulated) -> Value {
    let mut object = report::json(&simulated.report);
    object["trace_hash"] = simulated.trace.to_string().into();
    object["sim_seconds"] = simulated.virtual_time.as_secs_f64().into();
    object["wall_seconds"] = simulated.wall_time.as_secs_f64().into();
    object
}
