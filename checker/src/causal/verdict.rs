//! What a check of transactions found, and the words for it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::sessions::{Names, TxnId};

/// What sessions are checked for, from weak to strong, as [`check`](super::check) defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Reads of committed transactions, and never of an older one than of those read before it in the transaction.
    ReadCommitted,
    /// A transaction that is seen is seen whole, and so are those of the own session.
    ReadAtomic,
    /// Each read is explained by some order of what causally precedes its transaction; no two reads need to have the
    /// same. Neither stronger nor weaker than the two above.
    WeakCausal,
    /// Causal convergence: one order of commits, the same for all, explains the reads of each by what causally precedes
    /// it.
    Causal,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::ReadCommitted, Self::ReadAtomic, Self::WeakCausal, Self::Causal];
}

/// What a check found. Nothing found is a proof, if `unknown` is none: the definition of the level holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// For what it was checked.
    pub level: Level,
    /// How many reads were judged.
    pub tested: u64,
    /// How many reads no level allows, how many reads of the initial state came too late, and how many sets of
    /// transactions there are each of which has to commit before every other.
    pub count: u64,
    /// The smallest violation that was found; there is one exactly when `count` is not 0.
    pub violation: Option<Violation>,
    /// Why part of it could not be judged.
    pub unknown: Option<String>,
}

/// A violation, with the transactions that are its evidence. Names follow Bouajjani et al. (POPL 2017) where they have
/// one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Violation {
    /// A read of what no committed transaction wrote.
    ThinAirRead {
        /// Who read.
        reader: TxnId,
        /// Of which key.
        key: u64,
        /// Returned.
        value: Option<u64>,
    },
    /// A read of another value than the one that its own transaction had written last.
    OwnWriteMissed {
        /// Who wrote and read.
        reader: TxnId,
        /// Which key.
        key: u64,
        /// What it had written.
        wrote: u64,
        /// Returned.
        value: Option<u64>,
    },
    /// A read of what its own transaction wrote only later.
    OwnLaterWrite {
        /// Who read and wrote.
        reader: TxnId,
        /// Which key.
        key: u64,
        /// Returned.
        value: Option<u64>,
    },
    /// A read of what its writer overwrote before it committed.
    IntermediateRead {
        /// Who read.
        reader: TxnId,
        /// Who wrote.
        writer: TxnId,
        /// Which key.
        key: u64,
        /// Returned.
        value: Option<u64>,
    },
    /// A read of the initial state although its transaction knew of a write of the key.
    InitialRead {
        /// Who read.
        reader: TxnId,
        /// Who wrote.
        writer: TxnId,
        /// Which key.
        key: u64,
        /// Returned.
        value: Option<u64>,
        /// How the reader knew of the writer.
        path: Vec<Step>,
    },
    /// Transactions each of which has to commit before the next, and the last before the first.
    Cycle {
        /// From each to the next.
        steps: Vec<Step>,
    },
}

/// That a transaction comes before another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The earlier.
    pub first: TxnId,
    /// The later.
    pub then: TxnId,
    /// Why.
    pub why: Why,
}

/// Why a transaction comes before another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Why {
    /// It does in their session.
    Session,
    /// The later read what the earlier wrote.
    Read {
        /// Which key.
        key: u64,
        /// Returned.
        value: Option<u64>,
    },
    /// It was given as known.
    Known,
    /// Both wrote `key`, and `reader` read what the later wrote although it knew of the earlier.
    Passed {
        /// Which key.
        key: u64,
        /// What `reader` returned.
        value: Option<u64>,
        /// Who read.
        reader: TxnId,
        /// How it knew of the earlier; empty where that takes too long to find.
        path: Vec<Step>,
    },
}

impl Violation {
    /// Returns the name of its kind.
    pub fn name(&self) -> &'static str {
        let is_passed = |step: &&Step| matches!(step.why, Why::Passed { .. });
        match self {
            Self::ThinAirRead { .. } => "ThinAirRead",
            Self::OwnWriteMissed { .. } => "OwnWriteMissed",
            Self::OwnLaterWrite { .. } => "OwnLaterWrite",
            Self::IntermediateRead { .. } => "IntermediateRead",
            Self::InitialRead { .. } => "WriteCOInitRead",
            Self::Cycle { steps } if steps.iter().any(|step| step.why == Why::Known) => "CyclicKnown",
            Self::Cycle { steps } => match steps.iter().filter(is_passed).count() {
                0 => "CyclicCO",
                1 => "WriteCORead",
                _ => "CyclicCF",
            },
        }
    }

    /// Returns the transactions that are its evidence, ascending.
    pub fn txns(&self) -> Vec<TxnId> {
        let mut txns = BTreeSet::new();
        match self {
            Self::ThinAirRead { reader, .. }
            | Self::OwnWriteMissed { reader, .. }
            | Self::OwnLaterWrite { reader, .. } => {
                txns.insert(*reader);
            }
            Self::IntermediateRead { reader, writer, .. } => txns.extend([*reader, *writer]),
            Self::InitialRead {
                reader, writer, path, ..
            } => {
                txns.extend([*reader, *writer]);
                collect(path, &mut txns);
            }
            Self::Cycle { steps } => collect(steps, &mut txns),
        }
        txns.into_iter().collect()
    }

    /// Returns a sentence that says what happened and why it can't be.
    pub fn tell(&self, names: &dyn Names) -> String {
        let mut teller = Teller::new(names, &self.txns());
        match self {
            Self::ThinAirRead { reader, key, value } => {
                let got = teller.value(*key, *value);
                format!(
                    "{} read {got}, which no committed transaction wrote.",
                    teller.txn(*reader)
                )
            }
            Self::OwnWriteMissed {
                reader,
                key,
                wrote,
                value,
            } => {
                let (got, wrote) = (teller.value(*key, *value), names.value(*key, Some(*wrote)));
                let reader = teller.txn(*reader);
                format!("{reader} read {got}, although it had itself written {wrote} before.")
            }
            Self::OwnLaterWrite { reader, key, value } => {
                let got = teller.value(*key, *value);
                format!("{} read {got}, which it wrote itself only later.", teller.txn(*reader))
            }
            Self::IntermediateRead {
                reader,
                writer,
                key,
                value,
            } => {
                let got = teller.value(*key, *value);
                let (reader, writer) = (teller.txn(*reader), teller.txn(*writer));
                format!("{reader} read {got}, which {writer} had overwritten before it committed.")
            }
            Self::InitialRead { reader, key, path, .. } => {
                let (reader, key) = (teller.txn(*reader), names.key(*key));
                let way = teller.way(path);
                format!("{reader} saw {key} as it was before all writes, although it knew of one: {way}.")
            }
            Self::Cycle { steps } => {
                let told: Vec<String> = steps.iter().map(|step| teller.step(step)).collect();
                format!("No order of commits explains what was read: {}.", told.join("; "))
            }
        }
    }
}

/// Names each transaction in full at first, and briefly then, if that is clear enough.
struct Teller<'n> {
    names: &'n dyn Names,
    unclear: BTreeSet<String>,
    said: BTreeSet<TxnId>,
}

impl<'n> Teller<'n> {
    fn new(names: &'n dyn Names, txns: &[TxnId]) -> Self {
        let mut briefs = BTreeSet::new();
        let briefly = txns.iter().map(|txn| names.txn_briefly(*txn));
        Self {
            unclear: briefly.filter(|brief| !briefs.insert(brief.clone())).collect(),
            names,
            said: BTreeSet::new(),
        }
    }

    fn txn(&mut self, txn: TxnId) -> String {
        let brief = self.names.txn_briefly(txn);
        if self.said.insert(txn) || self.unclear.contains(&brief) {
            self.names.txn(txn)
        } else {
            brief
        }
    }

    /// As in `57 of key 3`.
    fn value(&self, key: u64, value: Option<u64>) -> String {
        format!("{} of {}", self.names.value(key, value), self.names.key(key))
    }

    fn step(&mut self, step: &Step) -> String {
        let (first, then) = (self.txn(step.first), self.txn(step.then));
        match &step.why {
            Why::Session => format!("{first} comes before {then}, in their session"),
            Why::Read { key, value } => {
                format!(
                    "{first} comes before {then}, which saw its {}",
                    self.value(*key, *value)
                )
            }
            Why::Known => format!(
                "{first} comes before {then}, {}",
                self.names.known(step.first, step.then)
            ),
            Why::Passed {
                key,
                value,
                reader,
                path,
            } => {
                let (value, reader) = (self.value(*key, *value), self.txn(*reader));
                let way = match path.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", self.way(path)),
                };
                format!(
                    "{first} comes before {then}, as {reader} saw the latter's {value} although it knew of the \
                     former{way}"
                )
            }
        }
    }

    /// As in `T1 was seen by T2, which was followed in its session by T3`.
    fn way(&mut self, path: &[Step]) -> String {
        let mut text = path.first().map(|step| self.txn(step.first)).unwrap_or_default();
        for (nth, step) in path.iter().enumerate() {
            let which = if nth > 0 { ", which was" } else { " was" };
            let how = match step.why {
                Why::Session => "followed in its session by",
                _ => "seen by",
            };
            text.push_str(&format!("{which} {how} {}", self.txn(step.then)));
        }
        text
    }
}

fn collect(steps: &[Step], txns: &mut BTreeSet<TxnId>) {
    for step in steps {
        txns.extend([step.first, step.then]);
        // A path has no path of its own, so this goes one deep.
        if let Why::Passed { reader, path, .. } = &step.why {
            txns.insert(*reader);
            txns.extend(path.iter().flat_map(|step| [step.first, step.then]));
        }
    }
}
