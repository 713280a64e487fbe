//! One run in virtual time, from its trial to its report.

use std::time::{Duration, Instant};

use quorate_sim::{Tap, TraceHash, Watch};
use quorate_workloads::Execute;

use crate::{
    backend::{SimulatedCluster, SimulatedOptions},
    cluster::Cluster as _,
    coverage::Coverage,
    interpreter::{Progress, RunRecord},
    parallel::guarded,
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
    /// What it reached, in the nodes too, and as it was judged.
    pub coverage: Coverage,
    /// A hash of all that happened, where one was wanted.
    pub trace: Option<TraceHash>,
    /// Events of the simulation.
    pub events: u64,
    /// How long it was, in its own time.
    pub virtual_time: Duration,
    /// How long it took.
    pub wall_time: Duration,
}

/// What a simulation leaves before it is judged.
pub(crate) struct Recorded {
    pub(crate) record: RunRecord,
    trace: Option<TraceHash>,
    events: u64,
    virtual_time: Duration,
}

/// Runs a trial in virtual time and judges it. One that has a folder leaves its events there.
///
/// # Errors
/// If the harness failed, a node broke one of its invariants, or a file can't be written.
pub fn simulate(
    trial: Trial,
    execute: &dyn Execute,
    watch: Option<Box<dyn Watch>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<Simulated> {
    let began = Instant::now();
    let recorded = guarded(|| record(&trial, watch, None, progress));
    let recorded = recorded.unwrap_or_else(|why| Err(anyhow::anyhow!("simulate: {why}")));
    let Recorded {
        record,
        trace,
        events,
        virtual_time,
    } = match recorded {
        Ok(recorded) => recorded,
        Err(error) => {
            trial.fail(&error);
            return Err(error);
        }
    };
    let report = trial.conclude(&record, trace.map(|trace| trace.to_string()), execute)?;
    Ok(Simulated {
        coverage: record.coverage_of(&report),
        report,
        record,
        trace,
        events,
        virtual_time,
        wall_time: began.elapsed(),
    })
}

/// Runs a trial in virtual time, with somebody who measures what passes between nodes or without.
///
/// # Errors
/// As for [`simulate`].
pub(crate) fn record(
    trial: &Trial,
    watch: Option<Box<dyn Watch>>,
    tap: Option<Box<dyn Tap>>,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Recorded> {
    let mut cluster = SimulatedCluster::new(&SimulatedOptions {
        scenario: trial.scenario(),
        seed: trial.seed(),
        schedule: trial.schedule(),
        identities: trial.identities(),
        is_hashed: !trial.is_brief(),
    });
    let recorder = match (&watch, trial.folder()) {
        (None, Some(folder)) => Some(TraceRecorder::create(&folder.file(tape::TRACE_FILE))?),
        _ => None,
    };
    let recorded = recorder.clone().map(|recorder| Box::new(recorder) as Box<dyn Watch>);
    if let Some(watch) = watch.or(recorded) {
        cluster.set_watch(watch);
    }
    if let Some(tap) = tap {
        cluster.set_tap(tap);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut record = runtime.block_on(trial.record(&mut cluster, progress))?;
    recorder.map_or(Ok(()), |recorder| recorder.finish())?;
    cluster.tallies().for_each(|tally| record.coverage.add_tally(&tally));
    Ok(Recorded {
        record,
        trace: cluster.trace(),
        events: cluster.event_count(),
        virtual_time: cluster.elapsed(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use quorate_workloads::InOrder;

    use super::*;
    use crate::{
        exit::{Exit, exit_of},
        run_folder::{Backend, RunFolder},
        scenario::Scenario,
    };

    /// Nodes are made with settings that no command would let through: their assertion stands for any that a bug breaks.
    #[test]
    fn a_simulation_that_panics_has_failed_and_its_folder_says_so() {
        let out = tempfile::tempdir().expect("a folder");
        let scenario = Scenario {
            gossip_interval: Duration::ZERO,
            ..Scenario::quickstart()
        };
        let trial = Trial::in_memory(scenario, 7).in_folder(out.path(), Backend::Simulated);
        let trial = trial.expect("a folder for the run");
        let folder: &Path = trial.folder().expect("made just now").path();
        let folder = folder.to_owned();
        let error = simulate(trial, &InOrder, None, &mut |_| {}).expect_err("it can't be");
        let said = error.to_string();
        assert!(
            said.starts_with("simulate: ") && said.contains("settings of n1"),
            "{said}"
        );
        assert_eq!(exit_of(&error), Exit::Failure);
        let manifest = RunFolder::open(&folder).and_then(|folder| folder.manifest());
        let ended = manifest.expect("it is there").ended.expect("it has ended");
        assert_eq!(ended.exit, Exit::Failure.code());
    }
}
