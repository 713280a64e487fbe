//! `quorate run`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use quorate_core::{AdminOk, AdminRequest};

use super::{
    ci::{CiArgs, ThresholdArgs},
    output::OutputArgs,
    overrides::ScenarioArgs,
    progress::Display,
};
use crate::{
    backend::{ProcessCluster, ProcessOptions},
    ci::{Outcome, Suite},
    cluster::Cluster,
    exit::{Exit, ExitError},
    fault::Place,
    interpreter::{Progress, RunRecord},
    interrupt::Interrupts,
    report::{self, Report},
    run_folder::Backend,
    trial::Trial,
    workers::{Counter, Workers},
};

/// Runs a scenario on real processes, and judges what its clients saw.
///
/// Examples: quorate run; quorate run --r 1 --w 1; quorate run --faults kill --time 1m --seed 7;
/// quorate run --plant hint-dropped
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Another build of the node, called with the arguments of `quorate node`.
    #[arg(long, value_name = "PATH")]
    node_bin: Option<PathBuf>,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    #[command(flatten)]
    ci: CiArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Time between two looks at how far the checks have come.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut scenario = args.scenario.resolve()?;
    scenario
        .check_backend(Backend::Processes)
        .map_err(|error| ExitError::usage(format!("run {}: {error}", scenario.name)))?;
    let seed = args.output.seed();
    scenario.resolve_swarm(seed, Backend::Processes);
    let mut display = args.output.telling.display();
    display.say(&format!("{}: seed {seed}", scenario.name));
    let trial = Trial::in_memory(scenario, seed)
        .with_thresholds(&args.thresholds.thresholds)
        .in_folder(&args.output.telling.out, Backend::Processes)?;
    let folder = trial.folder().expect("made just now").path().display().to_string();
    let name = trial.name();
    args.ci.begin(&name)?;
    let report = run_trial(trial, args.node_bin.as_deref(), &mut display);
    let Some(report) = report.map_err(|error| args.ci.fail(&name, error))? else {
        display.say(&format!("given up; what was recorded is in {folder}"));
        args.ci.fail(&name, anyhow::anyhow!("end: the user has given it up"));
        return Ok(Exit::Interrupted);
    };
    drop(display);
    args.output
        .telling
        .format
        .answer(|| report::text(&report), || report::json(&report));
    Ok(args.ci.end(report.exit, &Outcome::of(Suite::of_report(name, &report))))
}

/// Runs a trial that has a folder on real processes, and judges it; `None` if the user has given it up.
pub(super) fn run_trial(
    trial: Trial,
    node_bin: Option<&Path>,
    display: &mut Display,
) -> anyhow::Result<Option<Report>> {
    // One thread: what happens on it happens in one order, and a current-thread runtime is what QUIC is fastest on.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(conduct(trial, node_bin, display));
    // A check that was given up may still be going on, and is not waited for.
    runtime.shutdown_background();
    report
}

/// Records and judges; `None` if the user has given it up.
async fn conduct(trial: Trial, node_bin: Option<&Path>, display: &mut Display) -> anyhow::Result<Option<Report>> {
    let mut interrupts = Interrupts::listen()?;
    let record = match record(&trial, node_bin, &mut interrupts, display).await {
        Ok(Some(record)) => record,
        Ok(None) => {
            trial.give_up();
            return Ok(None);
        }
        Err(error) => {
            trial.fail(&error);
            return Err(error);
        }
    };
    display.say("- checking");
    let (began, counter) = (Instant::now(), Arc::new(Counter::default()));
    let workers = Workers::of_machine()?.counted(Arc::clone(&counter));
    let mut judged = tokio::task::spawn_blocking(move || trial.conclude(&record, None, &workers));
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    loop {
        tokio::select! {
            biased;
            () = interrupts.second() => return Ok(None),
            report = &mut judged => return report?.map(Some),
            _ = ticks.tick() => display.show_checks(began.elapsed(), &counter),
        }
    }
}

/// Runs the scenario, and asks each node what it has counted since its last start. One that does not answer is passed over:
/// what a run reached is no part of its verdict.
async fn record_and_ask(
    trial: &Trial,
    cluster: &mut ProcessCluster,
    watch: &mut dyn FnMut(Progress),
) -> anyhow::Result<RunRecord> {
    let mut record = trial.record(cluster, watch).await?;
    for node in Place::all(trial.scenario().place_count()) {
        if cluster.can_be_asked(node)
            && let Ok(AdminOk::Metrics(metrics)) = cluster.ask(node, AdminRequest::Metrics).await
        {
            record.coverage.add_counters(&metrics.counters);
        }
    }
    Ok(record)
}

/// Runs the scenario and ends every process, whatever came of it; `None` if the user has given it up.
async fn record(
    trial: &Trial,
    node_bin: Option<&Path>,
    interrupts: &mut Interrupts,
    display: &mut Display,
) -> anyhow::Result<Option<RunRecord>> {
    let folder = trial.folder().expect("a run on real processes has a folder");
    let options = ProcessOptions {
        scenario: trial.scenario(),
        seed: trial.seed(),
        folder: folder.path(),
        node_bin,
    };
    let mut cluster = ProcessCluster::new(&options, interrupts.clone())?;
    if display.shows() {
        cluster.look_out();
    }
    let record = {
        let mut watch = |progress: Progress<'_>| display.show(progress);
        tokio::select! {
            biased;
            () = interrupts.second() => Ok(None),
            record = record_and_ask(trial, &mut cluster, &mut watch) => record.map(Some),
        }
    };
    let stopped = cluster.stop().await;
    let record = record?;
    stopped?;
    Ok(record)
}
