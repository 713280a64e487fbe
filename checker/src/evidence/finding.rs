//! What a check found.

use serde::Serialize;

use super::{doubt::Doubt, witness::Witness};

/// What a check found in a history.
///
/// Nothing found is not a proof: it says that `tested` occasions to break the claim did not. A violation stands
/// whatever `unknown` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How many ops, observations or keys could have broken the claim; which of them, each check says. With 0 the check
    /// is vacuous.
    pub tested: u64,
    /// How many did.
    pub count: u64,
    /// The smallest violation, and the earliest of those; there is one exactly when `count` is not 0.
    pub witness: Option<Witness>,
    /// Why part of the history could not be judged.
    pub unknown: Option<Doubt>,
}

impl Finding {
    /// Returns the finding of a check that could judge nothing, and why.
    pub fn unknown(why: impl Into<Doubt>) -> Self {
        Self {
            tested: 0,
            count: 0,
            witness: None,
            unknown: Some(why.into()),
        }
    }

    /// Takes in what the same check found in another part of the same history: in keys that come after this one's. The
    /// result is what it finds in both parts together.
    pub fn merge(&mut self, later: Self) {
        let rank = |witness: &Witness| -> (usize, Vec<u64>) {
            let indices = witness.ops.iter().rev().map(|op| op.index).collect();
            (witness.ops.len(), indices)
        };
        self.tested += later.tested;
        self.count += later.count;
        self.unknown = Doubt::either(self.unknown.take(), later.unknown);
        self.witness = match (self.witness.take(), later.witness) {
            (Some(first), Some(second)) => Some(if rank(&second) < rank(&first) { second } else { first }),
            (first, second) => first.or(second),
        };
    }
}
