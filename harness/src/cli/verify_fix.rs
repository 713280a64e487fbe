//! `quorate verify-fix`.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    output::TellingArgs,
    overrides,
    progress::Display,
    replay::{check_flags, origin},
    run::run_trial,
};
use crate::{
    amount::counted,
    duration,
    exit::{Exit, ExitError},
    fix::{Demand, Trials, is_unchanged, needs_faults, said},
    replay::{Saved, save_under, under_schedules},
    replay_log,
    report::{self, Report},
    run_folder::Backend,
    tape::{Broken, Build},
    trial::Trial,
    workers::jobs,
};

/// Tells whether the bug that a saved run shows is gone: by so many runs without it as its rate demands.
///
/// The rate is that of the last `quorate replay RUN --times N` in which it came back: it shows in so many of a hundred runs at
/// the least, and so many clean runs make it as sure as asked that it does so no more. The first run that shows it again ends
/// it. A run that could not have shown it, since nothing tested the claim or no fault took effect, does not count.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of a run, its archive, or a tape.
    #[arg(value_name = "RUN")]
    path: PathBuf,
    /// What is to be gone: a claim that was broken. By default the first that was violated.
    #[arg(long, value_name = "CLAIM")]
    claim: Option<String>,
    /// How sure it is to be, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = confidence)]
    confidence: f64,
    /// Another bug in the nodes than the run had, or none.
    #[arg(long, value_name = "BUG|none", value_parser = overrides::parse_plant)]
    plant: Option<overrides::PlantArg>,
    /// Another build of the node, for a run of real processes.
    #[arg(long, value_name = "PATH")]
    node_bin: Option<PathBuf>,
    /// No run is begun after so long.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    budget: Duration,
    /// How many simulations at a time; as many as there are processors unless told otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten)]
    telling: TellingArgs,
}

const EXAMPLES: &str = "\
Exit codes: 0 it is gone, as sure as asked; 1 it came back, or another claim was violated; 2 the budget ended too early.

Examples:
  quorate replay results/runs/quickstart/latest --times 20        (with the bug)
  quorate verify-fix results/runs/quickstart/latest               (with the fix)
  quorate verify-fix bug.tar.gz --confidence 99 --budget 1h
  quorate verify-fix results/runs/quickstart/latest --node-bin target/fixed/quorate-node";

/// What came of it.
struct Outcome {
    trials: Trials,
    /// Of the run that showed it again.
    report: Option<Report>,
    /// The schedule of that run, where it was simulated.
    schedule: Option<u64>,
    interrupted: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut saved = Saved::open(&args.path)?;
    check_flags(&saved, args.node_bin.is_some(), args.jobs.is_some())?;
    let Some(target) = saved.target(args.claim.as_deref())? else {
        return Err(ExitError::usage("verify a fix: nothing was broken in this run").into());
    };
    let replays = replay_log::last_seen(&saved, saved.tape.header.backend, &target)?;
    let demand = replays
        .as_ref()
        .and_then(|replays| Demand::new(replays, args.confidence));
    let (Some(replays), Some(demand)) = (&replays, demand) else {
        return Err(args.no_rate(&target, replays.is_some()));
    };
    if let Some(plant) = args.plant {
        saved = saved.with_plant(plant.0);
    }
    let unchanged = args.node_bin.is_none() && is_unchanged(replays, &Build::this(), saved.tape.scenario().plant);
    if unchanged {
        eprintln!("quorate: warning: this is the build that showed the bug, without a change");
    }
    let mut display = args.telling.display();
    display.say(&plan(&demand, &target, &saved));
    let outcome = if saved.is_simulated() {
        args.simulate(&saved, &target, demand)?
    } else {
        args.repeat(&saved, &target, demand, &mut display)?
    };
    drop(display);
    let exit = outcome.exit();
    args.telling.format.answer(
        || args.text(&outcome, &target, &saved),
        || args.json(&outcome, &target, &saved, unchanged),
    );
    Ok(exit)
}

impl Args {
    fn no_rate(&self, target: &Broken, is_seen: bool) -> anyhow::Error {
        let Broken { claim, anomaly, .. } = target;
        let run = self.path.display();
        let (why, times) = if is_seen {
            ("is known only of the schedule that is known to show it", 200)
        } else {
            ("is not known", 20)
        };
        let message = format!(
            "verify a fix: how often {anomaly} ({claim}) comes back {why}; with the build that has the bug, `quorate replay {run} \
             --times {times}` records it"
        );
        ExitError::usage(message).into()
    }

    /// Under other schedules side by side, after the recorded one.
    fn simulate(&self, saved: &Saved, target: &Broken, demand: Demand) -> anyhow::Result<Outcome> {
        let jobs = jobs(self.jobs);
        let (mut trials, mut schedule) = (Trials::new(demand), None);
        let needs_faults = needs_faults(&saved.tape);
        let began = Instant::now();
        under_schedules(&saved.tape, jobs, 0, u64::MAX, &mut |of_run, report| {
            let report = report?;
            let decided = trials.take(&report, said(&report, target, needs_faults));
            schedule = trials.came_back.then_some(of_run);
            Ok(if began.elapsed() >= self.budget {
                ControlFlow::Break(())
            } else {
                decided
            })
        })?;
        let report = schedule.map(|schedule| save_under(&saved.tape, schedule, &self.telling.out, jobs));
        Ok(Outcome {
            trials,
            report: report.transpose()?,
            schedule,
            interrupted: false,
        })
    }

    /// On real processes, one run after another.
    fn repeat(&self, saved: &Saved, target: &Broken, demand: Demand, display: &mut Display) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome {
            trials: Trials::new(demand),
            report: None,
            schedule: None,
            interrupted: false,
        };
        let needs_faults = needs_faults(&saved.tape);
        let began = Instant::now();
        loop {
            let Trials { done, clean, .. } = outcome.trials;
            display.say(&format!("run {}: {clean} of {} clean so far", done + 1, demand.needed));
            let trial = Trial::of_tape(&saved.tape).in_folder(&self.telling.out, Backend::Processes)?;
            let Some(report) = run_trial(trial, self.node_bin.as_deref(), display)? else {
                outcome.interrupted = true;
                return Ok(outcome);
            };
            outcome.interrupted = report.exit == Exit::Interrupted;
            let decided = outcome.trials.take(&report, said(&report, target, needs_faults));
            outcome.report = outcome.trials.came_back.then_some(report);
            if decided.is_break() || outcome.interrupted || began.elapsed() >= self.budget {
                return Ok(outcome);
            }
        }
    }

    fn text(&self, outcome: &Outcome, target: &Broken, saved: &Saved) -> String {
        let trials = &outcome.trials;
        let mut out = String::new();
        let mut line = |label: &str, text: String| out += &format!("{label:<9}{text}\n");
        line("run", format!("{}: {}", self.path.display(), origin(saved)));
        line("bug", plan(&trials.demand, target, saved));
        let other = trials.done - trials.clean - u64::from(trials.came_back);
        let uncounted = match other {
            0 => String::new(),
            other => format!(", {other} that did not count"),
        };
        let runs = counted(trials.done, "run");
        line("done", format!("{runs}: {} clean{uncounted}", trials.clean));
        for (why, runs) in &trials.not_counted {
            line("", format!("{runs} did not count: {why}"));
        }
        for (claim, runs) in &trials.also_violated {
            line("also", format!("{claim} was violated in {runs} of them"));
        }
        line(
            "verdict",
            format!("{}; exit code {}", self.verdict(outcome), outcome.exit().code()),
        );
        if let Some(report) = &outcome.report {
            out += &format!("\n{}", report::text(report));
        }
        out
    }

    fn verdict(&self, outcome: &Outcome) -> String {
        let trials = &outcome.trials;
        let Trials { clean, demand, .. } = trials;
        let low = percent_down(demand.low);
        let chance = percent(1.0 - demand.confidence);
        match () {
            () if trials.came_back => format!("it came back in run {}; the run below shows it", trials.done),
            () if trials.is_enough() => format!(
                "gone: if the bug were still there at its rate of at least {low} %, {} would come with a chance \
                 below {chance} %",
                counted(*clean, "clean run")
            ),
            () => {
                let why = match () {
                    () if outcome.interrupted => "it was ended",
                    () if trials.is_hopeless() => "no run could have shown it: it was given up",
                    () => "the budget ended",
                };
                format!(
                    "unknown: {why} after {clean} of {} clean runs, which make it {} % sure that it is gone",
                    demand.needed,
                    percent_down(demand.reached(*clean))
                )
            }
        }
    }

    fn json(&self, outcome: &Outcome, target: &Broken, saved: &Saved, unchanged: bool) -> Value {
        let trials = &outcome.trials;
        let demand = &trials.demand;
        json!({
            "format": 1,
            "exit": outcome.exit().code(),
            "of": self.path,
            "backend": saved.tape.header.backend,
            "claim": target.claim,
            "anomaly": target.anomaly,
            "needed": demand.needed,
            "done": trials.done,
            "clean": trials.clean,
            "not_counted": trials.not_counted.values().sum::<u64>(),
            "not_counted_why": trials.not_counted,
            "came_back": u64::from(trials.came_back),
            "also_violated": trials.also_violated,
            "confidence": demand.confidence,
            "confidence_reached": if trials.came_back { 0.0 } else { demand.reached(trials.clean) },
            "rate": { "n": demand.rate.times, "came_back": demand.rate.came_back, "low": demand.low },
            "unchanged": unchanged,
            "interrupted": outcome.interrupted,
            "schedule": outcome.schedule,
            "report": outcome.report.as_ref().map(report::json),
        })
    }
}

impl Outcome {
    fn exit(&self) -> Exit {
        let interrupted = self.interrupted.then_some(Exit::Interrupted);
        Exit::gravest([self.trials.exit()].into_iter().chain(interrupted))
    }
}

/// What is known of the bug, and what follows for how many runs it takes.
fn plan(demand: &Demand, target: &Broken, saved: &Saved) -> String {
    let Demand {
        rate,
        low,
        confidence,
        needed,
    } = demand;
    let Broken { claim, anomaly, .. } = target;
    let under = if saved.is_simulated() {
        "under other schedules in"
    } else {
        "in"
    };
    let make = if *needed == 1 { "makes" } else { "make" };
    let sure = percent(*confidence);
    format!(
        "{anomaly} ({claim}) came back {under} {} of {} runs, so in at least {} % ({sure} % sure); {} {make} it {sure} % sure \
         that it is gone",
        rate.came_back,
        rate.times,
        percent_down(*low),
        counted(*needed, "clean run")
    )
}

/// A share in percent, with as few digits as tell it.
fn percent(share: f64) -> String {
    in_percent(share, f64::round)
}

/// The same, never more than it is.
fn percent_down(share: f64) -> String {
    in_percent(share, f64::floor)
}

fn in_percent(share: f64, round: fn(f64) -> f64) -> String {
    let percent = share * 100.0;
    let scale = match percent {
        _ if percent < 1.0 => 100.0,
        _ if !(10.0..=99.0).contains(&percent) => 10.0,
        _ => 1.0,
    };
    (round(percent * scale) / scale).to_string()
}

/// A share of less than all, in percent.
fn confidence(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>().ok();
    let percent = percent.filter(|percent| *percent > 0.0 && *percent < 100.0);
    let percent =
        percent.ok_or_else(|| format!("{text:?} is no number of percent between 0 and 100, as 95 or 99.9"))?;
    Ok(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_above_nothing_and_below_certainty() {
        assert_eq!(confidence("95"), Ok(0.95));
        assert!(confidence("99.9%").is_ok_and(|it| (it - 0.999).abs() < 1e-12));
        for wrong in ["0", "100", "-5", "NaN", "sure", ""] {
            assert!(confidence(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn percents_have_the_digits_that_tell() {
        for (share, expected) in [
            (0.36, "36"),
            (0.05, "5"),
            (0.001, "0.1"),
            (0.0013, "0.13"),
            (0.999, "99.9"),
            (0.0, "0"),
        ] {
            assert_eq!(percent(share), expected);
        }
        for (share, expected) in [
            (0.9499, "94"),
            (0.99999, "99.9"),
            (0.4782, "47"),
            (0.00295, "0.29"),
            (0.00001, "0"),
        ] {
            assert_eq!(percent_down(share), expected);
        }
    }
}
