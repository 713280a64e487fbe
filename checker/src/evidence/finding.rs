//! What a check found.

use serde::Serialize;

use super::witness::Witness;

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
    pub unknown: Option<String>,
    /// How many parts could not, of which `unknown` tells the first.
    #[serde(skip)]
    pub unknown_count: u64,
}

impl Finding {
    /// Returns what a check finds in a history, from what it found in two parts of it. `later` is of the later keys.
    pub fn merge(self, later: Self) -> Self {
        let later_is_better = match (&self.witness, &later.witness) {
            (Some(first), Some(later)) => later.is_better_than(first),
            (first, _) => first.is_none(),
        };
        let unknown_count = self.unknown_count + later.unknown_count;
        let first_doubt = self.first_doubt().or_else(|| later.first_doubt()).map(str::to_owned);
        Self {
            tested: self.tested + later.tested,
            count: self.count + later.count,
            witness: if later_is_better { later.witness } else { self.witness },
            unknown: first_doubt.map(|first| doubts(first, unknown_count)),
            unknown_count,
        }
    }

    fn first_doubt(&self) -> Option<&str> {
        let unknown = self.unknown.as_deref()?;
        let more = doubts(String::new(), self.unknown_count);
        Some(unknown.strip_suffix(&more).unwrap_or(unknown))
    }
}

/// Returns why so many keys could not be judged, of which the first is told.
pub(super) fn doubts(first: String, count: u64) -> String {
    match count {
        0 | 1 => first,
        _ => format!("{first}; and {} more such keys", count - 1),
    }
}
