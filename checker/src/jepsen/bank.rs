//! The bank: transfers between accounts change no total, and every read of all accounts shows it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::report::{Part, Refusal, Report, at};
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    transcript::{Call, Transcript},
};

/// What is known of a bank. [`BankOptions::default`] knows nothing, and then the first ok read is taken for right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BankOptions {
    /// Whether an account may be overdrawn.
    pub has_negative_balances: bool,
    /// What all accounts hold together.
    pub total: Option<i64>,
    /// The accounts there are; if none are given, those of the first ok read.
    pub accounts: Vec<Datum>,
}

/// The figures of a bank, under Jepsen's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BankFigures {
    /// How many ok reads there are.
    pub read_count: u64,
    /// How many of them are wrong.
    pub error_count: u64,
    /// The first of these.
    pub first_error: Option<BankErrorFigures>,
    /// By kind, under the names of the findings.
    pub errors: BTreeMap<&'static str, BankErrors>,
}

/// All wrong reads of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BankErrors {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: BankErrorFigures,
    /// The worst: with the most accounts wrong, farthest from the total, or most overdrawn.
    pub worst: BankErrorFigures,
    /// The last.
    pub last: BankErrorFigures,
    /// That with the least total.
    pub lowest: BankErrorFigures,
    /// That with the greatest total.
    pub highest: BankErrorFigures,
}

/// A wrong read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BankErrorFigures {
    /// What is wrong with it, by the name of the finding.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The index of its completion.
    pub index: Option<u64>,
    /// The sum of what it shows, cut to 64 bits.
    pub total: i64,
}

const NAMES: [&str; 4] = [
    "unexpected-account",
    "missing-account",
    "wrong-total",
    "negative-balance",
];

/// Judges a bank (`transfer {:from :to :amount}`, `read -> {account balance}`) by its ok reads. Each is counted under
/// the first of these that it is: `unexpected-account`, one that there is not; `missing-account`, one without a
/// balance; `wrong-total`; `negative-balance`, which is claimed unless accounts may be overdrawn. Tested are all ok
/// reads. O(n log n).
///
/// Deviation: Jepsen's own does not notice an account that is missing altogether, as long as the total is right; and
/// it has to be told the accounts and their total.
pub fn bank(transcript: &Transcript, context: &Context, options: &BankOptions) -> Report<BankFigures> {
    match Judge::judge(transcript, context, options) {
        Ok(report) => report,
        Err(refusal) => Report::refused(&NAMES, &refusal),
    }
}

/// What a read shows, in order of accounts; an account may be there without a balance.
type Balances<'t> = Vec<(&'t Datum, Option<i64>)>;

/// What every read has to show.
struct Bank<'t> {
    /// Sorted.
    accounts: Vec<&'t Datum>,
    total: i128,
    /// The read that both, or one of them, were taken from.
    model: Option<&'t Call>,
}

struct Judge<'t> {
    transcript: &'t Transcript,
    context: &'t Context,
    bank: Bank<'t>,
    tallies: [CallTally; 4],
    figures: BankFigures,
    badness: BTreeMap<&'static str, i128>,
}

/// What is wrong with a read: which of [`NAMES`], how badly, and the accounts concerned.
struct Wrong<'t> {
    kind: usize,
    badness: i128,
    accounts: Vec<&'t Datum>,
    total: i128,
}

impl<'t> Judge<'t> {
    fn judge(
        transcript: &'t Transcript,
        context: &'t Context,
        options: &'t BankOptions,
    ) -> Result<Report<BankFigures>, Refusal> {
        let mut tallies = NAMES.map(|_| CallTally::new());
        let mut reads = Vec::new();
        for call in transcript.calls() {
            match &*call.function {
                "transfer" if call.is_possible() => require_transfer(call)?,
                "transfer" => {}
                "read" if !call.is_ok() => {}
                "read" => match balances(call) {
                    Some(balances) => reads.push((call, balances)),
                    None => {
                        let why = "it returned no whole balances by account";
                        tallies.iter_mut().for_each(|tally| tally.doubt(|| at(call, why)));
                    }
                },
                _ => return Err(Refusal::function(call, "a bank")),
            }
        }
        reads.sort_by_key(|(call, _)| call.end);
        let mut judge = Self {
            transcript,
            context,
            bank: Bank::new(options, reads.first()),
            tallies,
            figures: BankFigures::default(),
            badness: BTreeMap::new(),
        };
        for (read, balances) in &reads {
            judge.read(read, balances, options);
        }
        let parts = NAMES.into_iter().zip(judge.tallies).map(|(name, tally)| match name {
            "negative-balance" if options.has_negative_balances => Part::observed(name, tally.finish()),
            _ => Part::claimed(name, tally.finish()),
        });
        Ok(Report {
            parts: parts.collect(),
            figures: Some(judge.figures),
        })
    }

    fn read(&mut self, read: &'t Call, balances: &[(&'t Datum, Option<i64>)], options: &BankOptions) {
        self.figures.read_count += 1;
        self.tallies.iter_mut().for_each(|tally| tally.test(1));
        let Some(wrong) = self.bank.wrong(balances) else {
            return;
        };
        let is_error = wrong.kind != 3 || !options.has_negative_balances;
        if is_error {
            self.count(read, &wrong);
        }
        // What the model was taken from is part of the evidence, unless it is wrong by itself.
        let model = self
            .bank
            .model
            .filter(|_| wrong.kind < 3 && !wrong.is_nil_only(balances));
        let calls = model.into_iter().chain([read]).collect();
        let bank = &self.bank;
        self.tallies[wrong.kind].violate(self.transcript, self.context, calls, |words, _| {
            bank.tell(words, read, &wrong, model)
        });
    }

    fn count(&mut self, read: &Call, wrong: &Wrong<'_>) {
        let kind = NAMES[wrong.kind];
        let error = BankErrorFigures {
            kind,
            index: read.completion_index,
            total: wrong.total.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
        };
        self.figures.error_count += 1;
        self.figures.first_error.get_or_insert_with(|| error.clone());
        let errors = self.figures.errors.entry(kind).or_insert_with(|| BankErrors {
            count: 0,
            first: error.clone(),
            worst: error.clone(),
            last: error.clone(),
            lowest: error.clone(),
            highest: error.clone(),
        });
        errors.count += 1;
        let worst = self.badness.entry(kind).or_insert(wrong.badness);
        if wrong.badness > *worst {
            *worst = wrong.badness;
            errors.worst = error.clone();
        }
        if error.total < errors.lowest.total {
            errors.lowest = error.clone();
        }
        if error.total > errors.highest.total {
            errors.highest = error.clone();
        }
        errors.last = error;
    }
}

impl<'t> Bank<'t> {
    fn new(options: &'t BankOptions, first: Option<&(&'t Call, Balances<'t>)>) -> Self {
        let balances = first.map(|(_, balances)| &balances[..]).unwrap_or_default();
        let mut accounts: Vec<&Datum> = options.accounts.iter().collect();
        if accounts.is_empty() {
            accounts = balances.iter().map(|(account, _)| *account).collect();
        }
        accounts.sort_unstable();
        let is_told = options.total.is_some() && !options.accounts.is_empty();
        Self {
            accounts,
            total: options.total.map_or_else(|| sum(balances), i128::from),
            model: first.map(|(call, _)| *call).filter(|_| !is_told),
        }
    }

    /// Returns the first thing that is wrong with a read, in Jepsen's order.
    fn wrong(&self, balances: &[(&'t Datum, Option<i64>)]) -> Option<Wrong<'t>> {
        let total = sum(balances);
        let with = |kind: usize, accounts: Vec<&'t Datum>| Wrong {
            kind,
            badness: accounts.len() as i128,
            accounts,
            total,
        };
        let shown = || balances.iter().map(|(account, _)| *account);
        let strange: Vec<&Datum> = shown().filter(|it| self.accounts.binary_search(it).is_err()).collect();
        if !strange.is_empty() {
            return Some(with(0, strange));
        }
        let nils = balances.iter().filter(|(_, balance)| balance.is_none());
        let mut missing: Vec<&Datum> = nils.map(|(account, _)| *account).collect();
        // Both are sorted, and all that is shown is among the accounts.
        if balances.len() < self.accounts.len() {
            let is_shown = |it: &&&Datum| balances.binary_search_by(|(account, _)| account.cmp(*it)).is_ok();
            missing.extend(self.accounts.iter().filter(|it| !is_shown(it)));
        }
        if !missing.is_empty() {
            return Some(with(1, missing));
        }
        if total != self.total {
            let badness = (total - self.total).abs();
            return Some(Wrong {
                badness,
                ..with(2, Vec::new())
            });
        }
        let overdrawn = balances.iter().filter(|(_, balance)| balance.is_some_and(|it| it < 0));
        let badness: i128 = overdrawn.clone().map(|(_, balance)| -sum_of(*balance)).sum();
        let accounts: Vec<&Datum> = overdrawn.map(|(account, _)| *account).collect();
        (!accounts.is_empty()).then(|| Wrong {
            badness,
            ..with(3, accounts)
        })
    }

    fn tell(&self, words: CallWords<'_>, read: &Call, wrong: &Wrong<'_>, model: Option<&Call>) -> String {
        let (call, span) = (words.call(read), words.span(read));
        let first = wrong
            .accounts
            .first()
            .map(|account| words.value(account))
            .unwrap_or_default();
        let told = match wrong.kind {
            0 => format!("{call} {span} shows the account {first}, which there is not"),
            1 => format!("{call} {span} shows no balance of the account {first}"),
            2 => {
                let (total, right) = (wrong.total, self.total);
                format!("{call} {span} shows {total} in all, where there is {right}")
            }
            _ => format!("{call} {span} shows the account {first} overdrawn"),
        };
        match model.filter(|model| model.index != read.index) {
            Some(model) => format!(
                "{told}: {} {}, the first, shows otherwise.",
                words.call(model),
                words.span(model)
            ),
            None => told + ".",
        }
    }
}

impl Wrong<'_> {
    /// Returns whether all that it is wrong about is written as nothing in the read itself.
    fn is_nil_only(&self, balances: &[(&Datum, Option<i64>)]) -> bool {
        let nil_count = balances.iter().filter(|(_, balance)| balance.is_none()).count();
        self.kind == 1 && nil_count > 0
    }
}

/// Returns what a read shows, by account and in order of them; nothing if that is no map of whole numbers.
fn balances(read: &Call) -> Option<Balances<'_>> {
    let entries = read.answered.entries()?.iter();
    let balances = entries.map(|(account, balance)| match balance {
        Datum::Nil => Some((account, None)),
        balance => Some((account, Some(balance.as_int()?))),
    });
    balances.collect()
}

fn sum(balances: &[(&Datum, Option<i64>)]) -> i128 {
    balances.iter().map(|(_, balance)| sum_of(*balance)).sum()
}

fn sum_of(balance: Option<i64>) -> i128 {
    balance.unwrap_or(0).into()
}

/// A call that changes the total is no transfer.
fn require_transfer(call: &Call) -> Result<(), Refusal> {
    let field = |name: &str| call.asked.at(name).filter(|value| !value.is_nil());
    let is_whole = field("amount").is_some_and(|amount| amount.as_int().is_some());
    if is_whole && field("from").is_some() && field("to").is_some() {
        Ok(())
    } else {
        Err(Refusal::new(
            call,
            "it is no transfer of an amount from one account to another",
        ))
    }
}
