//! `quorate shrink` of a simulated run: by running less and less of it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use quorate_workloads::ClaimReport;
use serde_json::{Value, json};

use super::{Format, progress::Display};
use crate::{
    amount::counted,
    exit::{Exit, ExitError},
    replay::Saved,
    report::Report,
    run_folder::Backend,
    shrink::ShrinkBudget,
    shrink::run::{Effort, ShrinkOptions, ShrunkRun, explain_run, shrink_run},
    simulation::simulate,
    tape::{Broken, Tape},
    trial::Trial,
    workers::Workers,
};

/// The best tape so far, while the search goes on.
const BEST_FILE: &str = "best.tape.jsonl";

/// What is to be shrunk, and how.
pub(super) struct RunShrink<'a> {
    /// As it was named.
    pub(super) path: &'a Path,
    pub(super) saved: Saved,
    pub(super) claim: Option<&'a str>,
    pub(super) budget: ShrinkBudget,
    pub(super) jobs: usize,
    /// Where the result goes.
    pub(super) out: PathBuf,
    pub(super) format: Format,
}

impl RunShrink<'_> {
    pub(super) fn run(&self, mut display: Display) -> anyhow::Result<Exit> {
        let began = Instant::now();
        let target = self
            .saved
            .target(self.claim)?
            .ok_or_else(|| ExitError::usage(format!("shrink {}: nothing is broken in it", self.path.display())))?;
        fs::create_dir_all(&self.out).with_context(|| format!("create folder {}", self.out.display()))?;
        let shrunk = self.search(&target, began, &mut display)?;
        let result = self.keep(&target, &shrunk)?;
        drop(display);
        let answer = Answer {
            shrink: self,
            shrunk: &shrunk,
            result: &result,
            seconds: began.elapsed().as_secs_f64(),
        };
        self.format.answer(|| answer.text(), || answer.json());
        Ok(Exit::Valid)
    }

    fn search(&self, target: &Broken, began: Instant, display: &mut Display) -> anyhow::Result<ShrunkRun> {
        let is_late = || self.budget.until.is_some_and(|until| Instant::now() >= until);
        let options = ShrinkOptions {
            target: target.clone(),
            jobs: self.jobs,
            tries: self.budget.tries,
            stop: &is_late,
        };
        let best_file = self.out.join(BEST_FILE);
        let mut on_best = |best: &Tape, effort: Effort| {
            best.write(&best_file)?;
            display.show_work(began.elapsed(), || progress(best, effort));
            Ok(())
        };
        shrink_run(&self.saved.tape, &options, &mut on_best)?.ok_or_else(|| {
            let path = self.path.display();
            let why = format!("shrink {path}: run again, it does not show {} any more", target.anomaly);
            ExitError::diverged(format!("{why}; `quorate replay {path}` tells where it differs")).into()
        })
    }

    /// Makes the smallest run once more, as any other run with a folder, and keeps beside it what the search was for.
    fn keep(&self, target: &Broken, shrunk: &ShrunkRun) -> anyhow::Result<Kept> {
        let trial = Trial::of_tape(&shrunk.tape).at(&self.out, Backend::Simulated)?;
        let simulated = simulate(trial, &Workers::new(self.jobs)?, None, &mut |_| {})?;
        let ending = shrunk.tape.ending.as_ref().expect("it was run");
        assert_eq!(
            ending.trace_hash,
            simulated.trace.map(|trace| trace.to_string()),
            "one schedule gives one run"
        );
        let verdict = &ending.verdict;
        let name = format!(
            "{}-{}.{verdict}.tape.jsonl",
            target.anomaly, self.saved.tape.header.seed
        );
        let regression = self.out.join(name);
        shrunk.tape.write(&regression)?;
        let claim = claim_of(&simulated.report, target).clone();
        let again = format!("quorate replay {}", self.out.display());
        write(&self.out.join("explain.md"), &explain_run(&shrunk.tape, &claim, &again))?;
        let minimal = self.copy_evidence(&simulated.report, &claim)?;
        let best = self.out.join(BEST_FILE);
        fs::remove_file(&best).with_context(|| format!("remove {}", best.display()))?;
        Ok(Kept {
            claim,
            regression,
            minimal,
            again,
        })
    }

    /// Copies the picture and the smallest history of the anomaly to where a shrunk history has them.
    fn copy_evidence(&self, report: &Report, claim: &ClaimReport) -> anyhow::Result<PathBuf> {
        let folder = self.out.join(report.anomaly_folder(claim));
        for name in ["graph.svg", "minimal.jsonl"] {
            let to = self.out.join(name);
            fs::copy(folder.join(name), &to).with_context(|| format!("write {}", to.display()))?;
        }
        Ok(self.out.join("minimal.jsonl"))
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn claim_of<'a>(report: &'a Report, target: &Broken) -> &'a ClaimReport {
    let mut claims = report.judgement.claims.iter();
    let found = claims.find(|claim| *claim.claim.name == *target.claim);
    found.expect("it was seen broken in this run")
}

fn progress(best: &Tape, effort: Effort) -> String {
    let scenario = best.scenario();
    format!(
        "{}, {}, {}; {} tried",
        counted(best.asks.len() as u64, "operation"),
        counted(scenario.plan.len() as u64, "fault"),
        counted(scenario.place_count() as u64, "node"),
        counted(effort.tried, "candidate")
    )
}

/// What is left, and where.
struct Kept {
    claim: ClaimReport,
    regression: PathBuf,
    minimal: PathBuf,
    again: String,
}

struct Answer<'a> {
    shrink: &'a RunShrink<'a>,
    shrunk: &'a ShrunkRun,
    result: &'a Kept,
    seconds: f64,
}

impl Answer<'_> {
    fn text(&self) -> String {
        let (before, after) = (&self.shrink.saved.tape, &self.shrunk.tape);
        let claim = &self.result.claim.claim;
        let sizes = |tape: &Tape| {
            let scenario = tape.scenario();
            format!(
                "{} of {} on {}, {}, {}",
                counted(tape.asks.len() as u64, "operation"),
                counted(scenario.concurrency as u64, "client"),
                counted(scenario.keys as u64, "key"),
                counted(scenario.plan.len() as u64, "fault"),
                counted(scenario.place_count() as u64, "node"),
            )
        };
        let end = if self.shrunk.is_stopped {
            "the budget ended it: more may be left out"
        } else {
            "nothing more could be left out"
        };
        let Effort { tried, .. } = self.shrunk.effort;
        let mut out = String::new();
        let mut line = |label: &str, text: &str| out += &format!("{label:<9}{text}\n");
        line("claim", &format!("{} ({})", claim.name, claim.anomaly));
        line("was", &sizes(before));
        line("is", &sizes(after));
        line("tried", &format!("{tried} candidates in {:.1} s: {end}", self.seconds));
        line("result", &self.shrink.out.display().to_string());
        line("keep", &self.result.regression.display().to_string());
        line("again", &self.result.again);
        if let Some(witness) = &self.result.claim.witness {
            out += &format!("\n{}\n", witness.text);
        }
        out
    }

    fn json(&self) -> Value {
        let sizes = |tape: &Tape| {
            let scenario = tape.scenario();
            json!({
                "ops": tape.asks.len(),
                "faults": scenario.plan.len(),
                "nodes": scenario.place_count(),
                "clients": scenario.concurrency,
                "keys": scenario.keys,
                "seconds": scenario.time.as_secs_f64(),
            })
        };
        let claim = &self.result.claim.claim;
        json!({
            "format": 1,
            "claim": claim.name,
            "anomaly": claim.anomaly,
            "ops_before": self.shrink.saved.tape.asks.len(),
            "ops": self.shrunk.tape.asks.len(),
            "faults": self.shrunk.tape.scenario().plan.len(),
            "before": sizes(&self.shrink.saved.tape),
            "after": sizes(&self.shrunk.tape),
            "tried": self.shrunk.effort.tried,
            "runs": self.shrunk.effort.runs,
            "stopped": self.shrunk.is_stopped,
            "seconds": self.seconds,
            "out": self.shrink.out,
            "minimal": self.result.minimal,
            "regression": self.result.regression,
            "again": self.result.again,
            "witness": self.result.claim.witness,
        })
    }
}
