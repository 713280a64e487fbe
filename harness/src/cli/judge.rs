//! Flags that say what a history is judged as, for commands that judge one; and the flags that judge a part of it alike.

use std::{iter, time::Duration};

use clap::{
    Parser as _,
    builder::{PossibleValuesParser, TypedValueParser},
};
use quorate_checker::{
    Datum, Forms,
    formats::Format,
    isolation,
    jepsen::{BankOptions, LongForkOptions, SetFullOptions},
    linear::Nil,
};
use quorate_workloads::{Consistency, Model, Record};

use super::settings::SettingsArgs;
use crate::{
    checking::{Asked, CheckOptions, Opened, SearchBudget},
    duration,
    exit::ExitError,
    run_folder::RunFolder,
    scenario::Scenario,
    size,
    workers::jobs,
};

/// What a history is judged as.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub(super) struct JudgeArgs {
    /// What the store was to be: see the list below.
    #[arg(long, value_name = "NAME", value_parser = models(), hide_possible_values = true)]
    pub(super) model: Option<Model>,
    /// At which level: linearizable, sequential, causal, regular, safe, k-atomic:K; of list-append and
    /// rw-register those of Elle, strict-serializable if none is named.
    #[arg(long, value_name = "NAME")]
    pub(super) consistency: Option<Consistency>,
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
    /// What searches may hold in memory at a time.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size::parse)]
    memory: u64,
    /// On how many processors; all of them unless told otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// The files' format: jsonl, json, edn, history-txt, etcd-log, kv-log, maelstrom, awdit, plume.
    #[arg(long, value_name = "NAME")]
    input_format: Option<Format>,
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
    /// Of model rw-register: each transaction writes a key after what it read of it.
    #[arg(long)]
    wfr_keys: bool,
    /// Of model rw-register: each key by itself is sequentially consistent.
    #[arg(long)]
    sequential_keys: bool,
    /// Of model rw-register: each key by itself is linearizable.
    #[arg(long)]
    linearizable_keys: bool,
    /// Of model rw-register: values were written in the order of the versions that steps have as their fourth item.
    #[arg(long)]
    reported_versions: bool,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// What a completed read of nil says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NilArg {
    /// Nothing was there.
    Absent,
    /// The value is not known.
    Any,
}

/// What something may cost.
#[derive(Clone, Copy, Debug)]
pub(super) enum BudgetArg {
    Steps(u64),
    Time(Duration),
}

/// The flags alone, of no command.
#[derive(Debug, clap::Parser)]
struct Alone {
    #[command(flatten)]
    judge: JudgeArgs,
}

impl JudgeArgs {
    /// Reads the flags alone.
    ///
    /// # Errors
    /// If these are none of them.
    pub(super) fn parse(arguments: &[String]) -> Result<JudgeArgs, clap::Error> {
        let arguments = iter::once("check").chain(arguments.iter().map(String::as_str));
        Ok(Alone::try_parse_from(arguments)?.judge)
    }

    /// Whether it is said how to judge: any of the flags but --jobs, which is only how fast.
    pub(super) fn is_given(&self) -> bool {
        let none = JudgeArgs::parse(&[]).expect("none of them is required");
        let none = JudgeArgs {
            jobs: self.jobs,
            ..none
        };
        *self != none
    }

    /// How many processors to use.
    pub(super) fn jobs(&self) -> usize {
        jobs(self.jobs)
    }

    /// What is asked, where searches may cost so much, their memory apart.
    ///
    /// # Errors
    /// If a flag goes with another model: exit code 64.
    pub(super) fn options(&self, budget: SearchBudget) -> anyhow::Result<CheckOptions> {
        let of_model = [
            (self.negative_balances, "--negative-balances", Model::Bank),
            (self.total.is_some(), "--total", Model::Bank),
            (self.group_size.is_some(), "--group-size", Model::LongFork),
            (self.linearizable, "--linearizable", Model::SetFull),
            (self.wfr_keys, "--wfr-keys", Model::RwRegister),
            (self.sequential_keys, "--sequential-keys", Model::RwRegister),
            (self.linearizable_keys, "--linearizable-keys", Model::RwRegister),
            (self.reported_versions, "--reported-versions", Model::RwRegister),
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
            budget: SearchBudget {
                memory_bytes: usize::try_from(self.memory).unwrap_or(usize::MAX),
                ..budget
            },
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
            keys: isolation::Keys {
                writes_follow_reads: self.wfr_keys,
                sequential: self.sequential_keys,
                linearizable: self.linearizable_keys,
                reported: self.reported_versions,
            },
            jobs: self.jobs(),
        })
    }

    /// The arguments by which operations of `opened`, saved as lines wherever, are judged as they were there.
    ///
    /// # Errors
    /// The scenario of the run that it is of can't be read.
    pub(super) fn again(&self, opened: &Opened) -> anyhow::Result<Vec<String>> {
        let mut arguments = Vec::new();
        let mut flag = |name: &str, value: Option<String>| {
            arguments.push(format!("--{name}"));
            arguments.extend(value);
        };
        match &opened.asked {
            Asked::Claims { scenario, .. } => {
                // In the folder of a run its settings hold unless flags say otherwise, elsewhere those of the quickstart.
                let run = opened.run.as_ref().map(RunFolder::scenario).transpose()?;
                let bases: Vec<Scenario> = run.into_iter().chain([Scenario::quickstart()]).collect();
                for (name, value) in SettingsArgs::differences(scenario, &bases) {
                    flag(&name, value);
                }
            }
            Asked::Model { model, nil } => {
                flag("model", Some(model.name().to_owned()));
                if let Some(level) = self.consistency {
                    flag("consistency", Some(level.name()));
                }
                // A history of keys has been told already what was there at first, and what nil says.
                if matches!(opened.record, Record::Calls(_)) {
                    if *nil == Nil::Any {
                        flag("nil", Some("any".to_owned()));
                    }
                    if !self.init.is_nil() {
                        flag("init", Some(self.init.to_string()));
                    }
                }
                if self.negative_balances {
                    flag("negative-balances", None);
                }
                if let Some(total) = self.total {
                    flag("total", Some(total.to_string()));
                }
                if let Some(size) = self.group_size {
                    flag("group-size", Some(size.to_string()));
                }
                let given = [
                    (self.linearizable, "linearizable"),
                    (self.wfr_keys, "wfr-keys"),
                    (self.sequential_keys, "sequential-keys"),
                    (self.linearizable_keys, "linearizable-keys"),
                    (self.reported_versions, "reported-versions"),
                ];
                for (_, name) in given.into_iter().filter(|(is_given, _)| *is_given) {
                    flag(name, None);
                }
            }
        }
        Ok(arguments)
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

/// Steps, or a span of time.
pub(super) fn budget(text: &str) -> Result<BudgetArg, String> {
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
