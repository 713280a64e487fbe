//! A saved run once more: exactly, if it was simulated; as nearly as can be, if it was made of processes.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use quorate_core::Plant;
use quorate_sim::split_seed;
use quorate_workloads::{Execute, InOrder};

use crate::{
    exit::ExitError,
    interpreter::Progress,
    parallel::in_order,
    report::Report,
    run_folder::{Backend, RunFolder},
    simulation::{Simulated, simulate},
    tape::{self, Broken, Divergence, Tape, TraceComparison},
    trial::Trial,
    workers::Workers,
};

/// A run that was saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its tape.
    pub tape: Tape,
    /// Its folder, unpacked if need be; `None` of a tape alone.
    pub folder: Option<RunFolder>,
    /// Its tape's file.
    pub tape_file: PathBuf,
}

impl Saved {
    /// The run in this folder or archive, or on this tape.
    ///
    /// # Errors
    /// If there is none, or it can't be read: exit code 65.
    pub fn open(path: &Path) -> anyhow::Result<Saved> {
        if RunFolder::is_one(path) {
            return Saved::of(RunFolder::open(path)?);
        }
        Ok(Saved {
            tape: Tape::read(path)?,
            folder: None,
            tape_file: path.to_owned(),
        })
    }

    /// The run in this folder.
    ///
    /// # Errors
    /// If its tape can't be read: exit code 65.
    pub fn of(folder: RunFolder) -> anyhow::Result<Saved> {
        let tape_file = folder.file(tape::FILE);
        Ok(Saved {
            tape: Tape::read(&tape_file)?,
            folder: Some(folder),
            tape_file,
        })
    }

    /// What is to be seen again: the claim of this name, or else the first that was violated, or else the first that was
    /// seen broken. `None` if nothing was.
    ///
    /// # Errors
    /// If the claim that is named was not seen broken: exit code 64.
    pub fn target(&self, claim: Option<&str>) -> anyhow::Result<Option<Broken>> {
        let broken = self.tape.ending.iter().flat_map(|ending| &ending.broken);
        let broken: Vec<&Broken> = broken.collect();
        let Some(name) = claim else {
            let violated = broken.iter().find(|broken| broken.claimed);
            return Ok(violated.or(broken.first()).map(|broken| (*broken).clone()));
        };
        let found = broken
            .iter()
            .find(|broken| broken.claim == name || broken.anomaly == name);
        let known: Vec<_> = broken.iter().map(|broken| broken.claim.as_str()).collect();
        let found = found.ok_or_else(|| {
            let known = if known.is_empty() {
                "nothing".to_owned()
            } else {
                known.join(", ")
            };
            ExitError::usage(format!("find claim {name}: broken in this run was {known}"))
        })?;
        Ok(Some((*found).clone()))
    }

    /// The same run with another bug in its nodes, or with none.
    #[must_use]
    pub fn with_plant(mut self, plant: Option<Plant>) -> Saved {
        self.tape.header.scenario.plant = plant;
        self
    }

    /// The simulator's events of the run, if they were kept.
    fn trace(&self) -> Option<PathBuf> {
        let trace = self.folder.as_ref()?.file(tape::TRACE_FILE);
        trace.is_file().then_some(trace)
    }

    /// Whether it was simulated.
    pub fn is_simulated(&self) -> bool {
        self.tape.header.backend == Backend::Simulated
    }
}

/// Whether a simulated run was the same again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Every event was the same.
    Exact {
        /// How many.
        events: u64,
    },
    /// An event was another.
    Diverged(Divergence),
    /// Some event was another: which, can't be told without the events of the first run.
    OtherHash {
        /// What it was.
        recorded: String,
        /// What it is.
        replayed: String,
    },
    /// There is nothing to hold it against: the tape has no end.
    Unknown,
}

impl Sameness {
    /// Whether it is known to be another run.
    pub fn has_diverged(&self) -> bool {
        matches!(self, Sameness::Diverged(_) | Sameness::OtherHash { .. })
    }
}

/// Runs a simulated run again, and holds it against its record.
///
/// # Errors
/// If its record can't be read, or the run fails.
pub fn simulate_again(
    saved: &Saved,
    execute: &dyn Execute,
    progress: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<(Simulated, Sameness)> {
    let comparison = saved.trace().map(|path| TraceComparison::with(&path)).transpose()?;
    let watch = comparison.clone().map(|comparison| Box::new(comparison) as _);
    let simulated = simulate(Trial::of_tape(&saved.tape), execute, watch, progress)?;
    let replayed = simulated.trace.expect("a replay is compared by its hash").to_string();
    let recorded = saved.tape.ending.as_ref().and_then(|ending| ending.trace_hash.clone());
    let divergence = comparison.map_or(Ok(None), |comparison| comparison.finish())?;
    let events = simulated.events;
    let sameness = match (divergence, recorded) {
        (Some(divergence), _) => Sameness::Diverged(divergence),
        (None, Some(recorded)) if recorded == replayed => Sameness::Exact { events },
        (None, Some(recorded)) => Sameness::OtherHash { recorded, replayed },
        (None, None) => Sameness::Unknown,
    };
    Ok((simulated, sameness))
}

/// The schedule of the `number`th replay: the recorded one first, then others.
pub fn schedule(tape: &Tape, number: u64) -> u64 {
    match number {
        0 => tape.header.schedule,
        number => split_seed(tape.header.schedule, &format!("replay {number}")),
    }
}

/// Runs a tape in the simulator under `count` schedules from the `first`, on so many threads, and hands on what each was and
/// shows, in their order, until that breaks.
///
/// # Errors
/// What `take` returns.
pub fn under_schedules(
    tape: &Tape,
    jobs: usize,
    first: u64,
    count: u64,
    take: &mut dyn FnMut(u64, anyhow::Result<Report>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    let of_number = |number: u64| schedule(tape, first + number);
    let run = |number: u64| {
        let trial = Trial::of_tape(tape).with_schedule(of_number(number));
        simulate(trial, &InOrder, None, &mut |_| {}).map(|simulated| simulated.report)
    };
    let mut failure = Ok(());
    in_order(jobs, count, &run, &mut |number, done| {
        let report = done.unwrap_or_else(|why| Err(anyhow::anyhow!("simulate: {why}")));
        take(of_number(number), report).unwrap_or_else(|error| {
            failure = Err(error);
            ControlFlow::Break(())
        })
    });
    failure
}

/// Runs a tape once more under one schedule, judged on so many threads, and leaves a folder below `out`: to be looked at.
///
/// # Errors
/// If the run fails, or a file can't be written.
pub fn save_under(tape: &Tape, schedule: u64, out: &Path, jobs: usize) -> anyhow::Result<Report> {
    let trial = Trial::of_tape(tape)
        .with_schedule(schedule)
        .in_folder(out, Backend::Simulated)?;
    Ok(simulate(trial, &Workers::new(jobs)?, None, &mut |_| {})?.report)
}

/// Whether `report` shows the same anomaly of the same claim, claimed or not as it was.
pub fn shows(report: &Report, target: &Broken) -> bool {
    report.ending().broken.contains(target)
}
