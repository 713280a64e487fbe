//! Anomalies as they are found: how many of each, and the first of each as evidence.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;

/// An anomaly with its transactions and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// The transactions that show it, of which none can be spared.
    pub(super) txns: Vec<u32>,
    /// What happened, as a sentence.
    pub(super) text: String,
    /// Of a cycle, its edges.
    pub(super) cycle: Vec<super::cycle::Link>,
}

/// All that was found of one anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) count: u64,
    pub(super) best: Case,
}

/// What was found, by anomaly.
#[derive(Clone, Debug, Default)]
pub(super) struct Cases {
    found: BTreeMap<Anomaly, Found>,
}

impl Cases {
    /// Counts an anomaly; `tell` makes evidence of it if it is the first of its kind.
    pub(super) fn add(&mut self, anomaly: Anomaly, tell: impl FnOnce() -> (Vec<u32>, String)) {
        let count = |found: &mut Found| found.count += 1;
        self.found.entry(anomaly).and_modify(count).or_insert_with(|| {
            let (txns, text) = tell();
            let cycle = Vec::new();
            let best = Case { txns, text, cycle };
            Found { count: 1, best }
        });
    }

    /// Counts an anomaly of which there may be better evidence already: fewer transactions, or as many and earlier.
    pub(super) fn add_best(&mut self, anomaly: Anomaly, case: Case) {
        let rank = |case: &Case| (case.txns.len(), case.txns.iter().max().copied());
        match self.found.get_mut(&anomaly) {
            None => {
                self.found.insert(anomaly, Found { count: 1, best: case });
            }
            Some(found) => {
                found.count += 1;
                if rank(&case) < rank(&found.best) {
                    found.best = case;
                }
            }
        }
    }

    /// Takes in what was found elsewhere.
    pub(super) fn extend(&mut self, other: Self) {
        for (anomaly, Found { count, best }) in other.found {
            self.add_best(anomaly, best);
            let found = self.found.get_mut(&anomaly).expect("it was added");
            found.count += count - 1;
        }
    }

    /// Takes in what was found after all of this.
    pub(super) fn append(&mut self, later: Self) {
        for (anomaly, then) in later.found {
            let count = then.count;
            self.found
                .entry(anomaly)
                .and_modify(|found| found.count += count)
                .or_insert(then);
        }
    }

    /// Puts those into words that have none yet.
    pub(super) fn tell(&mut self, tell: impl Fn(&mut Case)) {
        for found in self.found.values_mut().filter(|found| found.best.text.is_empty()) {
            tell(&mut found.best);
        }
    }

    pub(super) fn anomalies(&self) -> impl Iterator<Item = Anomaly> + '_ {
        self.found.keys().copied()
    }

    pub(super) fn found(&self) -> impl Iterator<Item = (Anomaly, &Found)> {
        self.found.iter().map(|(anomaly, found)| (*anomaly, found))
    }
}
