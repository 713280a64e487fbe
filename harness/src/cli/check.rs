//! `quorate check`.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    Format, answer, answer_json,
    ci::{CiArgs, ThresholdArgs},
    judge::{BudgetArg, JudgeArgs, budget},
    output::ProgressArgs,
    progress::during_checks,
};
use crate::{
    checking::{CheckOptions, Checked, Checker, SearchBudget},
    ci::{Outcome, Suite},
    exit::Exit,
    report,
    workers::Counter,
};

/// Judges saved runs and history files, of any store.
///
/// The folder of a run is judged by the claims of its own settings, and so is a file of our own lines, by those of the run that
/// it lies in, or else of the quickstart; flags are over both. Any other file is judged against a model: the one asked for, or the
/// one that its operations are of. Formats are recognised by what files hold; `-` is standard input.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Folders of runs, or history files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    judge: JudgeArgs,
    /// What a search for an order may cost before it ends in unknown: steps for each key, or a span of time for the whole.
    #[arg(long, value_name = "STEPS|DURATION", value_parser = budget)]
    budget: Option<BudgetArg>,
    /// Write each violation there: its words, its operations, the smallest history that shows it, a picture.
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    #[command(flatten)]
    ci: CiArgs,
    /// How to answer. Of several paths text is a line each, and so is JSON.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Models: register, cas-register, multi-register, mutex, queue, fifo-queue, stack, kv (linearizable); set, set-full, counter, \
total-queue, unique-ids, bank, long-fork, causal-reverse (as Jepsen has them; set and counter with --consistency linearizable \
too); sessions; list-append, rw-register (transactions, at any level of Elle's); quorum-register (the claims of our own store).

Examples:
  quorate check results/runs/quickstart/latest
  quorate check history.jsonl --r 1 --w 1
  quorate check history.edn --model cas-register --init 0
  quorate check history.edn --consistency k-atomic:2 --keyed
  quorate check history.edn --model list-append --consistency snapshot-isolation
  quorate check histories/*.edn --budget 10s
  zcat history.edn.gz | quorate check - --model bank --evidence why";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let counter = Arc::new(Counter::default());
    let checker = Checker::new(args.options()?)?.counted(Arc::clone(&counter));
    let display = Mutex::new(args.progress.display());
    let title = args.title();
    args.ci.begin(&title)?;
    let mut exits = Vec::new();
    let mut suites = Vec::new();
    for (number, path) in args.paths.iter().enumerate() {
        let name = path.display().to_string();
        match during_checks(&display, &counter, Some("reading"), || args.check(&checker, path)) {
            Ok(checked) => {
                args.tell(path, &checked).map_err(|error| args.ci.fail(&title, error))?;
                exits.push(checked.report.exit);
                suites.push(Suite::of_report(name, &checked.report));
                if number + 1 == args.paths.len() {
                    // The process is about to end, and the system takes all of its memory back sooner than a million values are
                    // given back one by one.
                    std::mem::forget(checked);
                }
            }
            // Of several files those that can be read are judged all the same.
            Err(error) if args.paths.len() > 1 => {
                eprintln!("quorate: failed to {error:#}");
                exits.push(crate::exit::exit_of(&error));
                suites.push(Suite::of_failure(&name, &error));
            }
            Err(error) => return Err(args.ci.fail(&title, error)),
        }
    }
    Ok(args.ci.end(Exit::gravest(exits), &Outcome { title, suites }))
}

impl Args {
    fn title(&self) -> String {
        match &*self.paths {
            [path] => format!("check {}", path.display()),
            paths => format!("check of {} paths", paths.len()),
        }
    }

    fn check(&self, checker: &Checker, path: &Path) -> anyhow::Result<Checked> {
        let mut checked = checker.check(path, &|base| self.judge.settings.over(base))?;
        checked.measure(&self.thresholds.thresholds)?;
        Ok(checked)
    }

    fn options(&self) -> anyhow::Result<CheckOptions> {
        let mut budget = SearchBudget::default();
        match self.budget {
            None => {}
            Some(BudgetArg::Steps(steps)) => budget.steps = steps,
            Some(BudgetArg::Time(time)) => {
                budget.steps = u64::MAX;
                budget.time = Some(time);
            }
        }
        self.judge.options(budget)
    }

    fn tell(&self, path: &Path, checked: &Checked) -> anyhow::Result<()> {
        let report = &checked.report;
        if let Some(folder) = &self.evidence {
            // Of several files each has a folder of its own.
            let folder = match self.paths.len() {
                1 => folder.clone(),
                _ => folder.join(path.file_name().unwrap_or(path.as_os_str())),
            };
            report::write_anomalies(&folder, report, &checked.record, &checked.context)?;
        }
        match self.format {
            Format::Json => answer_json(&report::json(report)),
            Format::Text if self.paths.len() > 1 => answer(&report::path_line(path, report.judgement.verdict)),
            Format::Text => answer(&report::text(report)),
        }
        Ok(())
    }
}
