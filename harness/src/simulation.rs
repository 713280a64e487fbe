//! One run in virtual time, from its trial to its report.

use std::time::{Duration, Instant};

use quorate_sim::{TraceHash, Watch};
use quorate_workloads::Execute;

use crate::{
    backend::{SimulatedCluster, SimulatedOptions},
    cluster::Cluster as _,
    interpreter::{Progress, RunRecord},
    report::Report,
    tape::{self, TraceRecorder},
    trial::Trial,
};

/// A simulated run and what only a simulation knows of it.
#[derive(Debug)]
pub struct Simulated {
    /// Its verdict.
    pub report: Report,
    /// What it recorded.
    pub record: RunRecord,
    /// A hash of all that happened.
    pub trace: TraceHash,
    /// How long it was, in its own time.
    pub virtual_time: Duration,
    /// How long it took.
    pub wall_time: Duration,
}

/// Runs a trial in virtual time and judges it. One that has a folder leaves its events there.
///
/// # Errors
/// If the harness failed, or a file can't be written.
pub fn simulate(
    trial: Trial,
    execute: &dyn Execute,
    watch: Option<Box<dyn Watch>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<Simulated> {
    let began = Instant::now();
    let mut cluster = SimulatedCluster::new(&SimulatedOptions {
        scenario: trial.scenario(),
        seed: trial.seed(),
        schedule: trial.schedule(),
        identities: trial.identities(),
    });
    let recorder = match (&watch, trial.folder()) {
        (None, Some(folder)) => Some(TraceRecorder::create(&folder.file(tape::TRACE_FILE))?),
        _ => None,
    };
    let recorded = recorder.clone().map(|recorder| Box::new(recorder) as Box<dyn Watch>);
    if let Some(watch) = watch.or(recorded) {
        cluster.set_watch(watch);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let record = match runtime.block_on(trial.record(&mut cluster, progress)) {
        Ok(record) => record,
        Err(error) => {
            trial.fail(&error);
            return Err(error);
        }
    };
    recorder.map_or(Ok(()), |recorder| recorder.finish())?;
    let trace = cluster.trace();
    Ok(Simulated {
        report: trial.conclude(&record, Some(trace.to_string()), execute)?,
        record,
        trace,
        virtual_time: cluster.elapsed(),
        wall_time: began.elapsed(),
    })
}
