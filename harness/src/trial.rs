//! A run from its scenario to its verdict: record, judge, and write down what came of it.

use std::{path::Path, sync::Arc, time::Instant};

use quorate_core::NodeId;
use quorate_workloads::{Execute, Judgement, RunFacts};

use crate::{
    attendance,
    ci::{self, Outcome, Suite},
    cluster::Cluster,
    coverage,
    exit::{Exit, exit_of},
    fault_log::FaultLog,
    interpreter::{self, Progress, RunOptions, RunRecord},
    judging::{judge_briefly, judge_claims, run_facts},
    latency::Latency,
    record::Recorder,
    report::{self, Measured, Report},
    run_folder::{Backend, Ended, Manifest, RunFolder},
    scenario::Scenario,
    tape::{self, Ask, Header, Tape, TapeRecorder},
    threshold::{self, Reached, Threshold},
    told, utc,
};

/// A run that is about to begin.
#[derive(Debug)]
pub struct Trial {
    scenario: Scenario,
    seed: u64,
    schedule: u64,
    /// What clients are told to ask; drawn from the seed where it is `None`.
    asks: Option<Vec<Ask>>,
    /// Who the nodes are, where that is known before they start.
    identities: Vec<NodeId>,
    files: Option<Files>,
    /// Whether its verdict and what it reached are all that anybody will look at.
    is_brief: bool,
    /// What it has to reach besides its claims.
    thresholds: Vec<Threshold>,
    began: Instant,
}

/// Where a run leaves its traces.
#[derive(Debug)]
struct Files {
    folder: RunFolder,
    manifest: Manifest,
}

impl Trial {
    /// A run that leaves nothing but its report. The plan is drawn now, so that it can be told from the beginning.
    pub fn in_memory(mut scenario: Scenario, seed: u64) -> Trial {
        scenario.resolve_plan(seed);
        Trial {
            scenario,
            seed,
            schedule: seed,
            asks: None,
            identities: Vec::new(),
            files: None,
            is_brief: false,
            thresholds: Vec::new(),
            began: Instant::now(),
        }
    }

    /// What a tape tells, once more, in memory.
    pub fn of_tape(tape: &Tape) -> Trial {
        Trial {
            schedule: tape.header.schedule,
            asks: Some(tape.asks.clone()),
            identities: tape.header.identities.clone(),
            ..Trial::in_memory(tape.header.scenario.clone(), tape.header.seed)
        }
    }

    /// The same, with other delays and other choices of the nodes, where it is simulated.
    #[must_use]
    pub fn with_schedule(self, schedule: u64) -> Trial {
        Trial { schedule, ..self }
    }

    /// The same, for whoever looks at no more than its verdict and what it reached: no figures are measured beside it, and
    /// what happens in a simulation is not hashed.
    #[must_use]
    pub fn brief(self) -> Trial {
        Trial { is_brief: true, ..self }
    }

    /// The same, which has to reach these besides its claims.
    #[must_use]
    pub fn with_thresholds(self, thresholds: &[Threshold]) -> Trial {
        Trial {
            thresholds: thresholds.to_vec(),
            ..self
        }
    }

    /// The same, but it leaves a folder below `out`.
    ///
    /// # Errors
    /// If the folder can't be made.
    pub fn in_folder(self, out: &Path, backend: Backend) -> anyhow::Result<Trial> {
        let manifest = Manifest::new(backend, self.seed);
        let folder = RunFolder::create(out, &self.scenario, &manifest)?;
        let files = Some(Files { folder, manifest });
        Ok(Trial { files, ..self })
    }

    /// The same, but the folder that it leaves is `path` itself.
    ///
    /// # Errors
    /// As [`Trial::in_folder`].
    pub fn at(self, path: &Path, backend: Backend) -> anyhow::Result<Trial> {
        let manifest = Manifest::new(backend, self.seed);
        let folder = RunFolder::create_at(path, &self.scenario, &manifest)?;
        let files = Some(Files { folder, manifest });
        Ok(Trial { files, ..self })
    }

    /// The scenario with its plan.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Of a simulation: decides delays and the nodes' own choices.
    pub fn schedule(&self) -> u64 {
        self.schedule
    }

    /// Who the nodes are, where that is known already.
    pub fn identities(&self) -> &[NodeId] {
        &self.identities
    }

    /// Whether nobody will look at more than its verdict and what it reached.
    pub fn is_brief(&self) -> bool {
        self.is_brief
    }

    /// What it is called where several are told of.
    pub fn name(&self) -> String {
        format!("{} seed {}", self.scenario.name, self.seed)
    }

    /// The folder, if there is one.
    pub fn folder(&self) -> Option<&RunFolder> {
        self.files.as_ref().map(|files| &files.folder)
    }

    /// Runs the scenario on a cluster and records what happens.
    ///
    /// # Errors
    /// If the harness failed, or a node did that nobody broke.
    pub async fn record<C: Cluster>(
        &self,
        cluster: &mut C,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> anyhow::Result<RunRecord> {
        let (recorder, fault_log, tape) = match &self.files {
            Some(Files { folder, manifest }) => (
                Recorder::create(&folder.file("history.jsonl"), self.scenario.workload)?,
                FaultLog::create(&folder.file("faults.jsonl"))?,
                TapeRecorder::create(&folder.file(tape::FILE), self.header(manifest.backend))?,
            ),
            None => (
                Recorder::in_memory(self.scenario.workload),
                FaultLog::in_memory(),
                TapeRecorder::none(),
            ),
        };
        let options = RunOptions {
            scenario: &self.scenario,
            seed: self.seed,
            recorder,
            fault_log,
            tape,
            asks: self.asks.as_deref(),
        };
        let backend = self.files.as_ref().map(|files| files.manifest.backend);
        let zero_unix_ns = match backend {
            Some(Backend::Processes) => utc::unix_ns_before(cluster.elapsed()),
            _ => None,
        };
        let record = interpreter::run(cluster, options, watch).await?;
        Ok(RunRecord { zero_unix_ns, ..record })
    }

    fn header(&self, backend: Backend) -> Header {
        Header::new(backend, self.seed, self.schedule, self.scenario.clone())
    }

    /// Judges what was recorded, and writes the verdict down. `trace_hash` is a simulated run's.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn conclude(
        mut self,
        record: &RunRecord,
        trace_hash: Option<String>,
        execute: &dyn Execute,
    ) -> anyhow::Result<Report> {
        // What leaves no folder was simulated.
        let backend = self.files.as_ref().map(|files| files.manifest.backend);
        let facts: RunFacts = run_facts(
            &self.scenario,
            backend.unwrap_or(Backend::Simulated),
            &record.faults,
            Some(Arc::clone(&record.told)),
            record.coverage.exercise(),
        );
        let judge = if self.is_brief { judge_briefly } else { judge_claims };
        let judgement = judge(&self.scenario, &record.history, &facts, execute);
        let thresholds = self.reached(record, &judgement);
        let interrupted = record.interrupted.then_some(Exit::Interrupted);
        let missed = thresholds.iter().any(|reached| !reached.met).then_some(Exit::Missed);
        let others = interrupted.into_iter().chain(missed);
        let exit = Exit::gravest([judgement.verdict.into()].into_iter().chain(others));
        let report = Report {
            seed: Some(self.seed),
            judgement,
            exit,
            seconds: self.began.elapsed().as_secs_f64(),
            run: self.folder().map(|folder| folder.path().to_owned()),
            about: Vec::new(),
            measured: Some(Measured {
                scenario: self.scenario.clone(),
                simulated: trace_hash.clone(),
                load_time: record.load_span.1 - record.load_span.0,
                latency: Latency::of(&record.latencies),
                faults: record.faults.count(),
                faults_effective: record.faults.effective_count(),
                quiet_after: record.quiet_after,
                interrupted: record.interrupted,
            }),
            thresholds,
        };
        if let Some(files) = &mut self.files {
            files.manifest.zero_unix_ns = record.zero_unix_ns;
            files.folder.write_manifest(&files.manifest)?;
        }
        if let Some(files) = &self.files {
            let verdict = serde_json::to_string_pretty(&report::json(&report))?;
            files.folder.write("verdict.json", &(verdict + "\n"))?;
            files.folder.write(told::FILE, &told::to_jsonl(&record.told)?)?;
            let attendance = attendance::to_jsonl(&record.attendance)?;
            files.folder.write(attendance::FILE, &attendance)?;
            files
                .folder
                .write(coverage::FILE, &record.coverage_of(&report).to_json())?;
            tape::append_ending(&files.folder.file(tape::FILE), report.ending())?;
            report::write_anomalies(files.folder.path(), &report, &record.history, &facts.context)?;
            report::html::write(&files.folder, &report, &record.history, &facts.context)?;
            write_outcome(&files.folder, &Outcome::of(Suite::of_report(self.name(), &report)))?;
        }
        self.end(exit, trace_hash)?;
        Ok(report)
    }

    fn reached(&self, record: &RunRecord, judgement: &Judgement) -> Vec<Reached> {
        let measured = threshold::Measured {
            counts: &judgement.counts,
            latencies: &record.latencies,
            recovery: record.quiet_after,
        };
        self.thresholds
            .iter()
            .map(|threshold| threshold.of(&measured))
            .collect()
    }

    /// Notes that the run failed, and with what.
    pub fn fail(mut self, error: &anyhow::Error) {
        let outcome = Outcome::of_failure(&self.name(), error);
        // As below: a file that can't be written would only hide the failure.
        let _ = self.files.as_ref().map(|files| write_outcome(&files.folder, &outcome));
        // The failure itself is what is reported; a manifest that can't be written as well would only hide it.
        let _ = self.end(exit_of(error), None);
    }

    /// Removes the folder that it has left, if it has: nobody will look at it.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn discard(self) -> anyhow::Result<()> {
        self.files.map_or(Ok(()), |files| files.folder.remove())
    }

    /// Notes that the user has given the run up.
    pub fn give_up(mut self) {
        // As in `fail`: that it was given up is what is reported.
        let _ = self.end(Exit::Interrupted, None);
    }

    fn end(&mut self, exit: Exit, trace_hash: Option<String>) -> anyhow::Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        let Some(files) = &mut self.files else {
            return Ok(());
        };
        files.manifest.ended = Some(Ended {
            exit: exit.code(),
            seconds,
            trace_hash,
        });
        files.folder.write_manifest(&files.manifest)
    }
}

/// What a CI system is told of the run, in its folder.
fn write_outcome(folder: &RunFolder, outcome: &Outcome) -> anyhow::Result<()> {
    folder.write(ci::JUNIT_FILE, &ci::junit(outcome))?;
    folder.write(ci::SUMMARY_FILE, &ci::summary(outcome, ci::SUMMARY_BYTES_MAX))
}
