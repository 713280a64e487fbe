//! Cells on real processes, one run after the other: two would share the machine, and measure each other.
//!
//! A run's folder lasts as long as the run, unless it failed or broke a claim that was made: no seed makes that very run again, so it
//! is kept, to be looked at as any other. Whatever ends a run, its processes are gone before the next one begins.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use tokio::runtime::Runtime;

use super::{
    measure::{Datagrams, RunMeasure},
    runner::{Asked, Runner, Told},
};
use crate::{
    backend::{ProcessCluster, ProcessOptions},
    exit::Exit,
    interpreter::{self, Progress, RunRecord},
    interrupt::Interrupts,
    parallel::guarded,
    run_folder::Backend,
    trial::Trial,
    workers::Workers,
};

/// Runs cells on real processes.
#[derive(Debug)]
pub struct Processes {
    runtime: Runtime,
    interrupts: Interrupts,
    node_bin: Option<PathBuf>,
    out: PathBuf,
    workers: Workers,
}

/// What a run leaves that was not given up.
type Recorded = (RunRecord, Datagrams);

impl Processes {
    /// Takes over Ctrl-C. `node_bin` is another build of the node; what is worth a look is kept below `out`.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn new(node_bin: Option<PathBuf>, out: PathBuf) -> anyhow::Result<Processes> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let interrupts = {
            let _entered = runtime.enter();
            Interrupts::listen()?
        };
        Ok(Processes {
            runtime,
            interrupts,
            node_bin,
            out,
            workers: Workers::of_machine()?,
        })
    }

    /// One run; `None` if the user wants no more.
    fn measure(&mut self, asked: Asked<'_>, watch: &mut dyn FnMut(&str)) -> anyhow::Result<Option<RunMeasure>> {
        let mut scenario = asked.scenario.clone();
        scenario.resolve_swarm(asked.seed, Backend::Processes);
        let trial = Trial::in_memory(scenario, asked.seed).in_folder(&self.out, Backend::Processes)?;
        let recorded = guarded(|| {
            let recording = record(&trial, self.node_bin.as_deref(), &mut self.interrupts, watch);
            self.runtime.block_on(recording)
        });
        match recorded.unwrap_or_else(|panic| Err(anyhow::anyhow!(panic))) {
            Ok(Some(recorded)) => self.judge(trial, &recorded).map(Some),
            Ok(None) => trial.discard().map(|()| None),
            Err(error) => {
                let kept = folder_of(&trial);
                trial.fail(&error);
                Ok(Some(RunMeasure {
                    kept: Some(kept),
                    ..RunMeasure::failed(asked.seed, &format!("{error:#}"))
                }))
            }
        }
    }

    fn judge(&self, trial: Trial, (record, datagrams): &Recorded) -> anyhow::Result<RunMeasure> {
        let mut measure = RunMeasure::of(trial.scenario(), record, &self.workers);
        measure.datagrams = Some(*datagrams);
        if measure.exit == Some(Exit::Invalid) {
            measure.kept = Some(folder_of(&trial));
            trial.conclude(record, None, &self.workers)?;
        } else {
            trial.discard()?;
        }
        Ok(measure)
    }
}

impl Runner for Processes {
    fn backend(&self) -> Backend {
        Backend::Processes
    }

    fn run(&mut self, asked: &[Asked<'_>], tell: &mut dyn FnMut(Told<'_>)) -> anyhow::Result<ControlFlow<()>> {
        for (at, asked) in asked.iter().enumerate() {
            let measured = self.measure(*asked, &mut |phase| tell(Told::GoesOn(at, phase)))?;
            let Some(measured) = measured else {
                return Ok(ControlFlow::Break(()));
            };
            tell(Told::Ended(at, Box::new(measured)));
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn folder_of(trial: &Trial) -> PathBuf {
    trial.folder().expect("made with one").path().to_owned()
}

/// Runs a trial and ends every process, whatever came of it; `None` if the user wants no more.
async fn record(
    trial: &Trial,
    node_bin: Option<&Path>,
    interrupts: &mut Interrupts,
    watch: &mut dyn FnMut(&str),
) -> anyhow::Result<Option<Recorded>> {
    let folder = folder_of(trial);
    let options = ProcessOptions {
        scenario: trial.scenario(),
        seed: trial.seed(),
        folder: &folder,
        node_bin,
    };
    // A run that the user has ended early would be measured as one that was shorter; so the cluster is told of no interruption.
    let mut cluster = ProcessCluster::new(&options, Interrupts::never())?;
    let passing = cluster.passing();
    let (mut phase, mut before, mut after) = ("starting", passing.so_far(), passing.so_far());
    let recorded = {
        let mut watch = |progress: Progress<'_>| {
            if let Progress::Phase(name) = progress {
                phase = name;
                match name {
                    interpreter::LOAD => before = passing.so_far(),
                    interpreter::HEALING => after = passing.so_far(),
                    _ => {}
                }
            }
            watch(phase);
        };
        tokio::select! {
            biased;
            () = interrupts.first() => Ok(None),
            record = trial.record(&mut cluster, &mut watch) => record.map(Some),
        }
    };
    let stopped = cluster.stop().await;
    let recorded = recorded?;
    stopped?;
    // One that was given up may have come to no load, or not to its end.
    let datagrams = || Datagrams {
        count: after.forwarded_packets - before.forwarded_packets,
        bytes: after.forwarded_bytes - before.forwarded_bytes,
    };
    Ok(recorded.map(|record| (record, datagrams())))
}
