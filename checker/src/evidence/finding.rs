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
}
