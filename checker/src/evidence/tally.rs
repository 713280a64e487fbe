//! Counts occasions and violations, and keeps the violation that makes the best evidence.

use super::{
    context::Context,
    doubt::Doubt,
    finding::Finding,
    witness::{Witness, WitnessOp},
    words::Words,
};
use crate::history::{History, KeyId, Op, Position};

/// A check's finding in the making. `V` is what the check has to remember of a violation to put it into words.
pub(crate) struct Tally<'h, V> {
    tested: u64,
    count: u64,
    best: Option<Best<'h, V>>,
    doubts: u64,
    first_doubt: Option<String>,
    whole_doubt: Option<String>,
}

/// Of all violations so far the one with the fewest ops; of those the first, which is when its last op began.
struct Best<'h, V> {
    rank: (usize, Vec<Position>),
    ops: Vec<&'h Op>,
    violation: V,
}

impl<'h, V> Tally<'h, V> {
    pub(crate) fn new() -> Self {
        Self {
            tested: 0,
            count: 0,
            best: None,
            doubts: 0,
            first_doubt: None,
            whole_doubt: None,
        }
    }

    /// Counts occasions to break the claim.
    pub(crate) fn test(&mut self, occasions: u64) {
        self.tested += occasions;
    }

    /// Counts a violation among the occasions tested. `ops` break the claim by themselves; one may be in it twice.
    pub(crate) fn violate(&mut self, mut ops: Vec<&'h Op>, violation: V) {
        self.count += 1;
        assert!(self.count <= self.tested, "what broke a claim was counted as tested");
        ops.sort_unstable_by_key(|op| op.start);
        ops.dedup_by_key(|op| op.start);
        let rank = (ops.len(), ops.iter().rev().map(|op| op.start).collect());
        if self.best.as_ref().is_none_or(|best| rank < best.rank) {
            self.best = Some(Best { rank, ops, violation });
        }
    }

    /// Counts another violation among the occasions tested, one that makes no better evidence than those before it.
    pub(crate) fn violate_again(&mut self) {
        assert!(self.best.is_some(), "there is evidence already");
        self.count += 1;
        assert!(self.count <= self.tested, "what broke a claim was counted as tested");
    }

    /// Notes that `key` could not be judged, or not wholly, and why.
    pub(crate) fn doubt(&mut self, history: &History, key: KeyId, why: &str) {
        self.doubts += 1;
        self.first_doubt
            .get_or_insert_with(|| format!("{}: {why}", history.key(key)));
    }

    /// Notes that the history as a whole could not be judged, and why.
    pub(crate) fn doubt_whole(&mut self, why: String) {
        self.whole_doubt.get_or_insert(why);
    }

    /// Returns the finding; `tell` puts the best violation into a sentence or more.
    pub(crate) fn finish(
        self,
        history: &'h History,
        context: &Context,
        tell: impl FnOnce(Words<'h>, &V, &[&'h Op]) -> String,
    ) -> Finding {
        let witness = self.best.map(|Best { ops, violation, .. }| {
            let words = Words { history };
            let mut text = tell(words, &violation, &ops);
            text.push_str(&words.faults(context, &ops));
            Witness {
                key: history.key(ops[0].key).to_owned(),
                ops: ops.iter().map(|op| WitnessOp::new(history, op)).collect(),
                text,
                picture: None,
                starts: ops.iter().map(|op| op.start).collect(),
            }
        });
        let unknown = self.first_doubt.map(|first| Doubt::new(first, self.doubts - 1));
        let unknown = match (self.whole_doubt, unknown) {
            (Some(whole), Some(of_keys)) => Some(Doubt::from(format!("{whole}; {}", &*of_keys))),
            (whole, of_keys) => whole.map(Doubt::from).or(of_keys),
        };
        assert_eq!(witness.is_some(), self.count > 0, "every violation has evidence");
        Finding {
            tested: self.tested,
            count: self.count,
            witness,
            unknown,
        }
    }
}
