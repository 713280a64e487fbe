//! `quorate check`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use quorate_checker::{
    Datum, Forms,
    formats::Format as HistoryFormat,
    jepsen::{BankOptions, LongForkOptions, SetFullOptions},
    linear::Nil,
};
use quorate_workloads::{Consistency, Model};

use super::{Format, answer, answer_json, settings::SettingsArgs};
use crate::{
    checking::{CheckOptions, Checked, Checker, SearchBudget},
    duration,
    exit::{Exit, ExitError},
    report, size,
    workers::processors,
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
    /// What the store was to be: see the list below.
    #[arg(long, value_name = "NAME", value_parser = models(), hide_possible_values = true)]
    model: Option<Model>,
    /// At which level: linearizable, sequential, causal, regular, safe, k-atomic:K; of rw-register causal, read-atomic,
    /// read-committed.
    #[arg(long, value_name = "NAME")]
    consistency: Option<Consistency>,
    /// What a completed read of nil says: nothing was there, or nothing at all. Without it EDN, JSON and history.txt have it
    /// say nothing, as Knossos does, and other formats that nothing was there.
    #[arg(long, value_enum)]
    nil: Option<NilArg>,
    /// What registers hold at first, as EDN.
    #[arg(long, value_name = "VALUE", default_value = "nil", allow_negative_numbers = true, value_parser = edn)]
    init: Datum,
    /// Values are pairs of a key and the value proper, as of Jepsen's independent workloads.
    #[arg(long)]
    keyed: bool,
    /// What a search for an order may cost before it ends in unknown: steps for each key, or a span of time for the whole.
    #[arg(long, value_name = "STEPS|DURATION", value_parser = budget)]
    budget: Option<BudgetArg>,
    /// What searches may hold in memory at a time.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size::parse)]
    memory: u64,
    /// On how many processors; all of them unless told otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// The files' format: jsonl, json, edn, history-txt, etcd-log, kv-log, maelstrom, awdit, plume.
    #[arg(long, value_name = "NAME")]
    input_format: Option<HistoryFormat>,
    /// Of model bank: balances may be negative.
    #[arg(long)]
    negative_balances: bool,
    /// Of model bank: what all accounts hold together; without it, what the first read finds.
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    total: Option<i64>,
    /// Of model long-fork: how many keys are read together; without it, as many as the first read has.
    #[arg(long, value_name = "N")]
    group_size: Option<usize>,
    /// Of model set-full: an element that was acknowledged and is missing from a later read is a violation.
    #[arg(long)]
    linearizable: bool,
    /// Write each violation there: its words, its operations, the smallest history that shows it, a picture.
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// How to answer. Of several paths text is a line each, and so is JSON.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Models: register, cas-register, multi-register, mutex, queue, fifo-queue, stack, kv (linearizable); set, set-full, counter, \
total-queue, unique-ids, bank, long-fork, causal-reverse (as Jepsen has them; set and counter with --consistency linearizable \
too); sessions; rw-register; quorum-register (the claims of our own store).

Examples:
  quorate check results/runs/quickstart/latest
  quorate check history.jsonl --r 1 --w 1
  quorate check history.edn --model cas-register --init 0
  quorate check history.edn --consistency k-atomic:2 --keyed
  quorate check histories/*.edn --budget 10s
  zcat history.edn.gz | quorate check - --model bank --evidence why";

/// What a completed read of nil says.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum NilArg {
    /// Nothing was there.
    Absent,
    /// The value is not known.
    Any,
}

#[derive(Clone, Copy, Debug)]
enum BudgetArg {
    Steps(u64),
    Time(Duration),
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let checker = Checker::new(args.options()?)?;
    let mut exits = Vec::new();
    for path in &args.paths {
        match checker.check(path, &|base| args.settings.over(base)) {
            Ok(checked) => {
                args.tell(path, &checked)?;
                exits.push(checked.report.exit);
            }
            // Of several files those that can be read are judged all the same.
            Err(error) if args.paths.len() > 1 => {
                eprintln!("quorate: failed to {error:#}");
                exits.push(crate::exit::exit_of(&error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Exit::gravest(exits))
}

impl Args {
    fn options(&self) -> anyhow::Result<CheckOptions> {
        let mut budget = SearchBudget {
            memory_bytes: usize::try_from(self.memory).unwrap_or(usize::MAX),
            ..SearchBudget::default()
        };
        match self.budget {
            None => {}
            Some(BudgetArg::Steps(steps)) => budget.steps = steps,
            Some(BudgetArg::Time(time)) => {
                budget.steps = u64::MAX;
                budget.time = Some(time);
            }
        }
        let of_model = [
            (self.negative_balances, "--negative-balances", Model::Bank),
            (self.total.is_some(), "--total", Model::Bank),
            (self.group_size.is_some(), "--group-size", Model::LongFork),
            (self.linearizable, "--linearizable", Model::SetFull),
        ];
        for (is_given, flag, model) in of_model {
            if is_given && self.model != Some(model) {
                return Err(ExitError::usage(format!("read {flag}: it goes with --model {model}")).into());
            }
        }
        Ok(CheckOptions {
            model: self.model,
            consistency: self.consistency,
            format: self.input_format,
            keyed: self.keyed,
            initial: self.init.clone(),
            nil: self.nil.map(|nil| match nil {
                NilArg::Absent => Nil::Absent,
                NilArg::Any => Nil::Any,
            }),
            budget,
            bank: BankOptions {
                has_negative_balances: self.negative_balances,
                total: self.total,
                ..BankOptions::default()
            },
            long_fork: LongForkOptions {
                group_size: self.group_size,
            },
            set_full: SetFullOptions {
                is_linearizable: self.linearizable,
            },
            jobs: self.jobs.map_or_else(processors, usize::from),
        })
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

fn models() -> impl TypedValueParser<Value = Model> {
    PossibleValuesParser::new(Model::ALL.map(Model::name))
        .map(|name| Model::from_name(&name).expect("only names of models are let through"))
}

fn edn(text: &str) -> Result<Datum, String> {
    let mut forms = Forms::new(text.as_bytes());
    match (forms.next_form(), forms.next_form()) {
        (Ok(Some(datum)), Ok(None)) => Ok(datum),
        (Err(error), _) => Err(format!("it is not EDN: {error}")),
        _ => Err("it has to be one value, such as 0, nil or \"text\"".to_owned()),
    }
}

fn budget(text: &str) -> Result<BudgetArg, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        let steps = text.parse().map_err(|error| format!("{error}"))?;
        return Ok(BudgetArg::Steps(steps));
    }
    duration::parse(text)
        .map(BudgetArg::Time)
        .map_err(|_| "write steps, as 1000000, or a span, as 10s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_steps_or_time() {
        assert!(matches!(budget("1000"), Ok(BudgetArg::Steps(1000))));
        assert!(matches!(budget("10s"), Ok(BudgetArg::Time(time)) if time == Duration::from_secs(10)));
        assert!(budget("").is_err());
        assert!(budget("soon").is_err());
    }
}
