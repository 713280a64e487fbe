//! Levels of consistency, and which implies which.
//!
//! Of registers: linearizability (Herlihy and Wing, TOPLAS 1990) implies all others; k-atomicity (Aiyer, Alvisi, Bazzi, DISC
//! 2005) relaxes it by k - 1 versions, regularity and safety (Lamport 1986) by what a read may return that overlaps writes;
//! sequential consistency (Lamport 1979) gives up real time, and causal consistency the one order of all. Of transactions:
//! causal consistency implies read atomicity implies read committed (Moldrup and Pavlogiannis, PLDI 2025).

use std::{fmt, str::FromStr};

use quorate_checker::isolation;

use crate::Property;

/// A level of consistency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consistency {
    /// One copy, one operation at a time, in real time.
    Linearizable,
    /// One copy, one operation at a time, in the order of each session.
    Sequential,
    /// Effects come after their causes.
    Causal,
    /// A read returns the last write that ended before it, or one that overlaps it; all reads agree on the order of writes.
    Regular,
    /// As regular, where a read overlaps no write.
    Safe,
    /// A read returns one of the last K writes.
    KAtomic(u32),
    /// Of transactions: all of another's writes are seen, or none.
    ReadAtomic,
    /// Of transactions: only what was committed is seen, and nothing older after something newer.
    ReadCommitted,
    /// Of transactions: any other model.
    OfTransactions(isolation::Model),
}

/// How deep k-atomicity may be asked for.
const K_MAX: u32 = 1_000_000;

impl Consistency {
    /// Its name on the command line and in reports.
    pub fn name(self) -> String {
        match self {
            Consistency::Linearizable => "linearizable".to_owned(),
            Consistency::Sequential => "sequential".to_owned(),
            Consistency::Causal => "causal".to_owned(),
            Consistency::Regular => "regular".to_owned(),
            Consistency::Safe => "safe".to_owned(),
            Consistency::KAtomic(k) => format!("k-atomic:{k}"),
            Consistency::ReadAtomic => "read-atomic".to_owned(),
            Consistency::ReadCommitted => "read-committed".to_owned(),
            Consistency::OfTransactions(model) => model.name().to_owned(),
        }
    }

    /// What it promises, in a line.
    pub fn promise(self) -> String {
        match self {
            Consistency::Linearizable => "it behaves like one copy, one operation at a time, in real time".to_owned(),
            Consistency::Sequential => {
                "it behaves like one copy that takes each session's operations in order".to_owned()
            }
            Consistency::Causal => "nobody sees an effect without its cause".to_owned(),
            Consistency::Regular => {
                "a read sees the last write that ended before it began, or one that overlaps it".to_owned()
            }
            Consistency::Safe => "a read that overlaps no write sees the last one".to_owned(),
            Consistency::KAtomic(k) => format!("a read sees one of the last {k} writes"),
            Consistency::ReadAtomic => "all of a transaction's writes are seen, or none".to_owned(),
            Consistency::ReadCommitted => "only what was committed is seen, and nothing older after it".to_owned(),
            Consistency::OfTransactions(model) => format!("no anomaly that {model} rules out"),
        }
    }

    /// What it is called when it is broken.
    pub fn anomaly(self) -> &'static str {
        match self {
            Consistency::Linearizable => "non-linearizable",
            Consistency::Sequential => "non-sequential",
            Consistency::Causal => "causality-violation",
            Consistency::Regular => "non-regular",
            Consistency::Safe => "non-safe",
            Consistency::KAtomic(_) => "staler-than-k",
            Consistency::ReadAtomic => "fractured-read",
            Consistency::ReadCommitted => "non-monotonic-transaction",
            Consistency::OfTransactions(model) => model.name(),
        }
    }

    /// The model of transactions that this is, if it is one.
    pub fn of_transactions(self) -> Option<isolation::Model> {
        match self {
            Consistency::OfTransactions(model) => Some(model),
            level => level.name().parse().ok(),
        }
    }

    /// Returns whether transactions on registers are judged by causes at this level, and not by cycles.
    pub fn is_of_causes(self) -> bool {
        matches!(
            self,
            Consistency::Causal | Consistency::ReadAtomic | Consistency::ReadCommitted
        )
    }

    /// The level as a property.
    pub(super) fn property(self) -> Property {
        Property::new(self.name(), self.promise(), self.anomaly())
    }

    /// All levels that this one implies, itself left out, each once.
    pub fn below_all(self) -> Vec<Consistency> {
        let mut all: Vec<Consistency> = Vec::new();
        let mut open = self.below().to_vec();
        while let Some(level) = open.pop() {
            if !all.contains(&level) {
                all.push(level);
                open.extend(level.below());
            }
        }
        all.sort_unstable();
        all
    }

    /// All levels that imply this one, itself left out, each once; of the depths of k-atomicity only those that are named.
    pub(crate) fn above_all(self) -> Vec<Consistency> {
        let all = [
            Consistency::Linearizable,
            Consistency::Sequential,
            Consistency::Causal,
            Consistency::Regular,
            Consistency::KAtomic(2),
            Consistency::ReadAtomic,
        ];
        let implies = |level: &Consistency| level.below_all().contains(&self);
        let mut above: Vec<Consistency> = all.into_iter().filter(implies).collect();
        if let Consistency::KAtomic(k) = self {
            above.extend((2..k.min(4)).map(Consistency::KAtomic));
            above.push(Consistency::Linearizable);
        }
        above.sort_unstable();
        above.dedup();
        above
    }

    /// The levels of registers directly below this one: it implies each, and whatever these imply.
    pub fn below(self) -> &'static [Consistency] {
        match self {
            Consistency::Linearizable => &[Consistency::KAtomic(2), Consistency::Sequential, Consistency::Regular],
            Consistency::Sequential => &[Consistency::Causal],
            Consistency::Regular => &[Consistency::Safe],
            Consistency::Causal => &[Consistency::ReadAtomic],
            Consistency::ReadAtomic => &[Consistency::ReadCommitted],
            Consistency::Safe
            | Consistency::KAtomic(_)
            | Consistency::ReadCommitted
            | Consistency::OfTransactions(_) => &[],
        }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Consistency {
    type Err = String;

    fn from_str(name: &str) -> Result<Consistency, String> {
        let plain = [
            Consistency::Linearizable,
            Consistency::Sequential,
            Consistency::Causal,
            Consistency::Regular,
            Consistency::Safe,
            Consistency::ReadAtomic,
            Consistency::ReadCommitted,
        ];
        if let Some(level) = plain.into_iter().find(|level| level.name() == name) {
            return Ok(level);
        }
        match name.strip_prefix("k-atomic:").map(str::parse) {
            Some(Ok(1)) => return Ok(Consistency::Linearizable),
            Some(Ok(k)) if (2..=K_MAX).contains(&k) => return Ok(Consistency::KAtomic(k)),
            Some(_) => return Err(format!("k-atomic:K needs a K from 1 to {K_MAX}")),
            None => {}
        }
        match name.parse::<isolation::Model>() {
            // Other names of those above are theirs.
            Ok(model) => Ok(plain
                .into_iter()
                .find(|level| level.name() == model.name())
                .unwrap_or(Consistency::OfTransactions(model))),
            Err(error) => {
                let known: Vec<String> = plain.iter().map(|level| level.name()).collect();
                let nearest = error.nearest.join(", ");
                Err(format!(
                    "unknown consistency {name:?}: the nearest are {nearest}; of registers known are {}, k-atomic:K",
                    known.join(", ")
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in [
            "linearizable",
            "sequential",
            "causal",
            "regular",
            "safe",
            "k-atomic:3",
            "read-atomic",
        ] {
            assert_eq!(name.parse::<Consistency>().expect("known").name(), name);
        }
        assert_eq!("k-atomic:1".parse(), Ok(Consistency::Linearizable));
        for wrong in ["k-atomic:0", "k-atomic:", "k-atomic:x", "linear", ""] {
            assert!(wrong.parse::<Consistency>().is_err(), "{wrong}");
        }
    }
}
