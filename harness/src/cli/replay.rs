//! `quorate replay`.

use std::{ops::ControlFlow, path::PathBuf};

use serde_json::{Value, json};

use super::{output::TellingArgs, overrides, progress::Display, run::run_trial};
use crate::{
    amount::counted,
    exit::{Exit, ExitError},
    rate::Rate,
    replay::{Sameness, Saved, save_under, shows, simulate_again, under_schedules},
    replay_log::{self, Replays},
    report::{self, Report},
    run_folder::Backend,
    tape::{Broken, Divergence},
    trial::Trial,
    workers::{Workers, jobs},
};

/// How many schedules are tried where one is looked for and nobody says how many.
const SCHEDULES: u64 = 1000;

/// Runs a saved run again: what its clients asked, when and through whom, and what was broken when.
///
/// A simulated run is the same again, event by event, or the first event that differs is named (exit code 5). With --times it is
/// run under other schedules too. A run of real processes is repeated as nearly as can be: same nodes, same ring, same requests,
/// same faults. Either way it is told how often the same anomaly came back.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of a run, its archive, or a tape.
    #[arg(value_name = "RUN")]
    path: Option<PathBuf>,
    /// A tape, in the place of RUN.
    #[arg(long, value_name = "FILE", conflicts_with = "path", required_unless_present = "path")]
    tape: Option<PathBuf>,
    /// How often; once unless told otherwise, or up to a thousand times with --simulated.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    times: Option<u64>,
    /// Run it in the simulator, under one schedule after another, until the same anomaly shows; --times is how many at most.
    #[arg(long)]
    simulated: bool,
    /// What is to be seen again: a claim that was broken. By default the first that was violated.
    #[arg(long, value_name = "CLAIM")]
    claim: Option<String>,
    /// Another bug in the nodes than the run had, or none.
    #[arg(long, value_name = "BUG|none", value_parser = overrides::parse_plant)]
    plant: Option<overrides::PlantArg>,
    /// Another build of the node, for a run of real processes.
    #[arg(long, value_name = "PATH")]
    node_bin: Option<PathBuf>,
    /// How many simulations at a time; as many as there are processors unless told otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten)]
    telling: TellingArgs,
}

const EXAMPLES: &str = "\
Exit codes: that of the verdict, and 5 where a simulated run was not the same again and nothing graver was found.

Examples:
  quorate replay results/runs/quickstart/latest
  quorate replay results/runs/quickstart/latest --times 20
  quorate replay results/runs/quickstart/latest --simulated
  quorate replay --tape bug.tape.jsonl --plant none";

/// What came of the replays.
struct Outcome {
    target: Option<Broken>,
    rate: Rate,
    sameness: Option<Sameness>,
    /// Of the replay that is told: the first that showed the anomaly, or else the last.
    report: Option<Report>,
    exit: Exit,
    /// Of the schedule that was found, in the simulator.
    found: Option<u64>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let path = args
        .path
        .as_ref()
        .or(args.tape.as_ref())
        .expect("one of the two is required");
    let mut saved = Saved::open(path)?;
    let target = saved.target(args.claim.as_deref())?;
    let is_other = args.plant.is_some_and(|plant| plant.0 != saved.tape.scenario().plant);
    if let Some(plant) = args.plant {
        saved = saved.with_plant(plant.0);
    }
    if !args.simulated {
        check_flags(&saved, args.node_bin.is_some(), args.jobs.is_some())?;
    }
    let mut display = args.telling.display();
    let outcome = match (saved.is_simulated(), args.simulated) {
        (true, false) => args.simulate(&saved, target, is_other, &mut display)?,
        (false, false) => args.repeat(&saved, target, &mut display)?,
        (_, true) => args.search(&saved, target, &mut display)?,
    };
    drop(display);
    if let Some(target) = &outcome.target
        && outcome.rate.times > 1
        && !args.simulated
    {
        let plant = saved.tape.scenario().plant;
        let backend = saved.tape.header.backend;
        replay_log::append(&saved, &Replays::new(backend, target, outcome.rate, plant))?;
    }
    args.telling
        .format
        .answer(|| text(&outcome, path, &saved), || json(&outcome, path, &saved));
    Ok(outcome.exit)
}

impl Args {
    fn jobs(&self) -> usize {
        jobs(self.jobs)
    }

    /// A simulated run: the same again, and then under other schedules.
    fn simulate(
        &self,
        saved: &Saved,
        target: Option<Broken>,
        is_other: bool,
        display: &mut Display,
    ) -> anyhow::Result<Outcome> {
        let workers = Workers::new(self.jobs())?;
        let (first, sameness) = simulate_again(saved, &workers, &mut |progress| display.show(progress))?;
        let mut told = Tally::new(target);
        told.take(first.report);
        let others = self.times.unwrap_or(1) - 1;
        under_schedules(&saved.tape, self.jobs(), 1, others, &mut |_, report| {
            told.take(report?);
            Ok(ControlFlow::Continue(()))
        })?;
        // With another bug in the nodes it is meant to be another run.
        let sameness = (!is_other).then_some(sameness);
        let diverged = sameness.as_ref().filter(|sameness| sameness.has_diverged());
        let mut outcome = told.end(sameness.clone());
        outcome.exit = Exit::gravest([outcome.exit].into_iter().chain(diverged.map(|_| Exit::Diverged)));
        Ok(outcome)
    }

    /// A run of processes, so many times.
    fn repeat(&self, saved: &Saved, target: Option<Broken>, display: &mut Display) -> anyhow::Result<Outcome> {
        let mut told = Tally::new(target);
        let times = self.times.unwrap_or(1);
        for number in 1..=times {
            display.say(&format!("replay {number} of {times}"));
            let trial = Trial::of_tape(&saved.tape).in_folder(&self.telling.out, Backend::Processes)?;
            match run_trial(trial, self.node_bin.as_deref(), display)? {
                Some(report) => {
                    let is_interrupted = report.exit == Exit::Interrupted;
                    told.take(report);
                    if is_interrupted {
                        break;
                    }
                }
                None => {
                    let mut outcome = told.end(None);
                    outcome.exit = Exit::gravest([outcome.exit, Exit::Interrupted]);
                    return Ok(outcome);
                }
            }
        }
        Ok(told.end(None))
    }

    /// Looks for a schedule of the simulator that shows the anomaly, and saves the run that does.
    fn search(&self, saved: &Saved, target: Option<Broken>, display: &mut Display) -> anyhow::Result<Outcome> {
        let Some(target) = target else {
            return Err(ExitError::usage("look for an anomaly: nothing was broken in this run").into());
        };
        if self.node_bin.is_some() {
            return Err(ExitError::usage("read --node-bin: the simulator runs the nodes of this executable").into());
        }
        let most = self.times.unwrap_or(SCHEDULES);
        display.say(&format!("- looking through {most} schedules"));
        let mut told = Tally::new(Some(target.clone()));
        let mut found = None;
        under_schedules(&saved.tape, self.jobs(), 0, most, &mut |schedule, report| {
            let report = report?;
            let is_found = shows(&report, &target);
            told.take(report);
            found = is_found.then_some(schedule);
            Ok(if is_found {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        let mut outcome = told.end(None);
        if let Some(schedule) = found {
            let report = save_under(&saved.tape, schedule, &self.telling.out, self.jobs())?;
            assert!(shows(&report, &target), "one schedule gives one run");
            (outcome.report, outcome.found) = (Some(report), found);
        }
        Ok(outcome)
    }
}

/// What has come of the replays so far.
struct Tally {
    target: Option<Broken>,
    rate: Rate,
    exit: Exit,
    report: Option<Report>,
}

impl Tally {
    fn new(target: Option<Broken>) -> Tally {
        Tally {
            target,
            rate: Rate { times: 0, came_back: 0 },
            exit: Exit::Valid,
            report: None,
        }
    }

    fn take(&mut self, report: Report) {
        let came_back = self.target.as_ref().is_some_and(|target| shows(&report, target));
        self.rate.times += 1;
        self.rate.came_back += u64::from(came_back);
        self.exit = Exit::gravest([self.exit, report.exit]);
        if self.rate.came_back == u64::from(came_back) {
            self.report = Some(report);
        }
    }

    fn end(self, sameness: Option<Sameness>) -> Outcome {
        Outcome {
            target: self.target,
            rate: self.rate,
            sameness,
            report: self.report,
            exit: self.exit,
            found: None,
        }
    }
}

/// How sure the bounds of a rate are that is told.
const CONFIDENCE: f64 = 0.95;

fn text(outcome: &Outcome, path: &std::path::Path, saved: &Saved) -> String {
    let mut out = format!("replay   {}: {}\n", path.display(), origin(saved));
    match &outcome.sameness {
        Some(Sameness::Exact { events }) => out += &format!("same     all {events} events\n"),
        Some(Sameness::Diverged(divergence)) => {
            out += &format!("DIVERGED {divergence}\n         {}\n", divergence.details);
        }
        Some(Sameness::OtherHash { recorded, replayed }) => {
            out += &format!("DIVERGED its hash was {recorded} and is {replayed}; its events were not kept\n");
        }
        Some(Sameness::Unknown) => out += "same     unknown: the tape does not tell how the run ended\n",
        None => {}
    }
    out += &format!("back     {}\n\n", came_back(outcome));
    out += &outcome.report.as_ref().map_or_else(String::new, report::text);
    out
}

fn came_back(outcome: &Outcome) -> String {
    let Some(Broken { claim, anomaly, .. }) = &outcome.target else {
        return "nothing was broken in the run, so nothing could come back".to_owned();
    };
    let Rate { times, came_back } = outcome.rate;
    let (low, high) = outcome.rate.interval(CONFIDENCE);
    let share = match times {
        0 | 1 => String::new(),
        _ => format!(" ({:.0} to {:.0} %, 95 % sure)", low * 100.0, high * 100.0),
    };
    match outcome.found {
        Some(_) => format!("{anomaly} ({claim}), under the last of {times} schedules; the run below shows it"),
        None => format!("{anomaly} ({claim}), in {came_back} of {times} runs{share}"),
    }
}

/// Refuses flags that a run which is made again as it was has no use for.
pub(super) fn check_flags(saved: &Saved, has_node_bin: bool, has_jobs: bool) -> anyhow::Result<()> {
    let why = match (saved.is_simulated(), has_node_bin, has_jobs) {
        (true, true, _) => "read --node-bin: this run was simulated, in this executable",
        (false, _, true) => "read --jobs: runs of real processes are made one after another",
        _ => return Ok(()),
    };
    Err(ExitError::usage(why).into())
}

/// What a saved run was, in words.
pub(super) fn origin(saved: &Saved) -> String {
    let header = &saved.tape.header;
    let made = match header.backend {
        Backend::Processes => "real processes",
        Backend::Simulated => "simulated",
    };
    let asks = counted(saved.tape.asks.len() as u64, "operation");
    let faults = counted(header.scenario.plan.len() as u64, "fault");
    format!("{made}, seed {}, {asks}, {faults}", header.seed)
}

fn json(outcome: &Outcome, path: &std::path::Path, saved: &Saved) -> Value {
    let (low, high) = outcome.rate.interval(CONFIDENCE);
    let mut object = outcome
        .report
        .as_ref()
        .map_or_else(|| json!({ "format": 1 }), report::json);
    object["exit"] = outcome.exit.code().into();
    object["replay"] = json!({
        "of": path,
        "backend": saved.tape.header.backend,
        "claim": outcome.target.as_ref().map(|target| &target.claim),
        "anomaly": outcome.target.as_ref().map(|target| &target.anomaly),
        "times": outcome.rate.times,
        "came_back": outcome.rate.came_back,
        "rate": { "n": outcome.rate.times, "low": low, "high": high },
        "same": match &outcome.sameness {
            Some(Sameness::Exact { .. }) => Value::Bool(true),
            Some(Sameness::Diverged(_) | Sameness::OtherHash { .. }) => Value::Bool(false),
            Some(Sameness::Unknown) | None => Value::Null,
        },
        "divergence": match &outcome.sameness {
            Some(Sameness::Diverged(divergence)) => divergence_json(divergence),
            Some(Sameness::OtherHash { recorded, replayed }) => json!({ "was": recorded, "is": replayed }),
            _ => Value::Null,
        },
        "schedule": outcome.found,
    });
    object
}

fn divergence_json(divergence: &Divergence) -> Value {
    json!({
        "event": divergence.number,
        "was": divergence.recorded.map(|event| event.to_string()),
        "is": divergence.replayed.map(|event| event.to_string()),
        "details": divergence.details,
    })
}
