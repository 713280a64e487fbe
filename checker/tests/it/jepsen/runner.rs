//! Every check by name, with its options as words and its figures as JSON; and transcripts from entries.

use quorate_checker::{
    Context, Datum, Entry, Forms, Transcript, TranscriptBuilder,
    jepsen::{self, BankOptions, LongForkOptions, Part, Report, SetFullOptions},
};
use serde::Serialize;
use serde_json::Value;

/// A report of any check.
pub(super) struct Outcome {
    pub(super) is_valid: Option<bool>,
    pub(super) parts: Vec<Part>,
    pub(super) figures: Value,
}

impl Outcome {
    fn of<F: Serialize>(report: Report<F>) -> Self {
        Self {
            is_valid: report.is_valid(),
            figures: serde_json::to_value(&report.figures).expect("figures are JSON"),
            parts: report.parts,
        }
    }

    /// Returns as many as the finding of this name counts.
    pub(super) fn count(&self, name: &str) -> u64 {
        let part = self.parts.iter().find(|part| part.name == name);
        part.expect("the check has a finding of this name").finding.count
    }

    pub(super) fn verdict(&self) -> &'static str {
        match self.is_valid {
            Some(true) => "valid",
            Some(false) => "invalid",
            None => "unknown",
        }
    }
}

/// Runs the check that `command` names, with options after it, such as `bank total 100`.
pub(super) fn run(command: &str, transcript: &Transcript) -> Outcome {
    let context = Context::default();
    let (check, options) = command.split_once(' ').unwrap_or((command, ""));
    let words: Vec<&str> = options.split_whitespace().collect();
    let number = |name: &str| {
        let place = words.iter().position(|word| *word == name)?;
        Some(words[place + 1].parse::<i64>().expect("a number follows"))
    };
    match check {
        "set" => Outcome::of(jepsen::set(transcript, &context)),
        "set-full" => {
            let is_linearizable = words.contains(&"linearizable");
            Outcome::of(jepsen::set_full(
                transcript,
                &context,
                &SetFullOptions { is_linearizable },
            ))
        }
        "counter" => Outcome::of(jepsen::counter(transcript, &context)),
        "total-queue" => Outcome::of(jepsen::total_queue(transcript, &context)),
        "unique-ids" => Outcome::of(jepsen::unique_ids(transcript, &context)),
        "bank" => {
            let account_count = number("accounts").unwrap_or(0);
            let options = BankOptions {
                has_negative_balances: words.contains(&"negative-balances"),
                total: number("total"),
                accounts: (0..account_count).map(Datum::Int).collect(),
            };
            Outcome::of(jepsen::bank(transcript, &context, &options))
        }
        "long-fork" => {
            let group_size = number("group-size").map(|size| usize::try_from(size).expect("a size"));
            Outcome::of(jepsen::long_fork(transcript, &context, &LongForkOptions { group_size }))
        }
        "causal-reverse" => Outcome::of(jepsen::causal_reverse(transcript, &context)),
        _ => panic!("no check is called {check}"),
    }
}

pub(super) fn transcript(entries: impl IntoIterator<Item = Entry>) -> Transcript {
    let mut builder = TranscriptBuilder::new();
    for entry in entries {
        builder.push(entry).expect("the entry follows those before it");
    }
    builder.finish()
}

/// Returns the forms of an EDN text.
pub(super) fn forms(text: &str) -> Vec<Datum> {
    let mut forms = Forms::new(text.as_bytes());
    std::iter::from_fn(|| forms.next_form().expect("the text is EDN")).collect()
}
