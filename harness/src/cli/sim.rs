//! `quorate sim`.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;

use super::{
    ci::{CiArgs, ThresholdArgs},
    output::OutputArgs,
    overrides::ScenarioArgs,
    progress::during_checks,
    sweep,
};
use crate::{
    ci::{Outcome, Suite},
    duration,
    exit::{Exit, ExitError},
    interpreter::Progress,
    report,
    run_folder::Backend,
    scenario::Scenario,
    simulation::{Simulated, simulate},
    sweep::{Swarm, draw_sizes},
    trial::Trial,
    workers::{Counter, Workers},
};

/// Runs a scenario in virtual time: the same nodes' core, clients, faults and checks, all from one seed, or from many.
///
/// Of many seeds, each that fails is told as soon as it is found, with the command that shows it again. A seed that proves nothing
/// is counted, and decides the exit code only where no seed came out valid.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Let each seed draw its own sizes around those of the scenario: nodes, time, keys, rate, concurrency, reads, partitions,
    /// gossip, time-out, digests, hedges. What decides the claims stays.
    #[arg(long)]
    swarm: bool,
    #[command(flatten)]
    pub(super) sweep: SweepArgs,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    #[command(flatten)]
    pub(super) ci: CiArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Many seeds.
#[derive(Debug, clap::Args)]
pub(super) struct SweepArgs {
    /// Run this many seeds, from --seed on (default 1), and list those that fail. Leaves no folders.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seeds: Option<u64>,
    /// Run as many seeds as fit into this time; --seeds is then the most.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) budget: Option<Duration>,
    /// How many seeds at a time; as many as there are processors unless told otherwise. The answer is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
    /// End when so many seeds have failed.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) stop_at: Option<u64>,
    /// Keep the seeds that reach what few do in this file. They are run first, then new ones: from --seed on, or after all that
    /// the file knows of.
    #[arg(long, value_name = "FILE")]
    pub(super) corpus: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  quorate sim --seed 7
  quorate sim --seeds 100 --plant hint-dropped --stop-at 1
  quorate sim --seeds 100000 --swarm --budget 10m --corpus corpus.json";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let scenario = args.scenario.resolve()?;
    scenario
        .check_backend(Backend::Simulated)
        .map_err(|error| ExitError::usage(format!("simulate {}: {error}", scenario.name)))?;
    if args.sweep.is_asked() {
        return sweep::run(args, &scenario);
    }
    args.sweep.refuse_unused()?;
    run_one(args, &scenario)
}

fn run_one(args: &Args, scenario: &Scenario) -> anyhow::Result<Exit> {
    let seed = args.output.seed();
    let display = Mutex::new(args.output.telling.display());
    let show = |progress: Progress<'_>| display.lock().unwrap_or_else(PoisonError::into_inner).show(progress);
    let trial = args
        .trial(scenario, seed)
        .in_folder(&args.output.telling.out, Backend::Simulated)?;
    let counter = Arc::new(Counter::default());
    let workers = Workers::of_machine()?.counted(Arc::clone(&counter));
    let name = trial.name();
    args.ci.begin(&name)?;
    let simulated = during_checks(&display, &counter, None, || {
        simulate(trial, &workers, None, &mut |progress| show(progress))
    });
    let simulated = simulated.map_err(|error| args.ci.fail(&name, error))?;
    drop(display);
    args.output
        .telling
        .format
        .answer(|| report::text(&simulated.report), || json_of(&simulated));
    let report = &simulated.report;
    Ok(args.ci.end(report.exit, &Outcome::of(Suite::of_report(name, report))))
}

impl Args {
    /// The run of one seed, wherever it comes from: alone or among many it is the same.
    pub(super) fn trial(&self, scenario: &Scenario, seed: u64) -> Trial {
        let scenario = match self.swarm() {
            Swarm::Off => scenario.clone(),
            Swarm::Sizes => draw_sizes(scenario, seed),
        };
        Trial::in_memory(scenario, seed).with_thresholds(&self.thresholds.thresholds)
    }

    pub(super) fn swarm(&self) -> Swarm {
        if self.swarm { Swarm::Sizes } else { Swarm::Off }
    }
}

impl SweepArgs {
    fn is_asked(&self) -> bool {
        self.seeds.is_some() || self.budget.is_some()
    }

    /// Refuses what one seed alone has no use for.
    fn refuse_unused(&self) -> anyhow::Result<()> {
        let unused = [
            ("--jobs", self.jobs.is_some()),
            ("--stop-at", self.stop_at.is_some()),
            ("--corpus", self.corpus.is_some()),
        ];
        match unused.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => {
                Err(ExitError::usage(format!("read {name}: it is for many seeds: add --seeds or --budget")).into())
            }
            None => Ok(()),
        }
    }
}

fn json_of(simulated: &Simulated) -> Value {
    let mut object = report::json(&simulated.report);
    object["trace_hash"] = simulated.trace.map(|trace| trace.to_string()).into();
    object["sim_seconds"] = simulated.virtual_time.as_secs_f64().into();
    object["wall_seconds"] = simulated.wall_time.as_secs_f64().into();
    object
}
