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

    /// Returns what a check finds in a history, from what it found in two parts of it. `later` is of the later keys.
    pub fn merge(self, later: Self) -> Self {
        let later_is_better = match (&self.witness, &later.witness) {
            (Some(first), Some(later)) => later.is_better_than(first),
            (first, _) => first.is_none(),
        };
        Self {
            tested: self.tested + later.tested,
            count: self.count + later.count,
            witness: if later_is_better { later.witness } else { self.witness },
            unknown: Doubt::either(self.unknown, later.unknown),
        }
    }
}
