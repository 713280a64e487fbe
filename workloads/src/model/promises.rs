//! What models promise beyond a level of consistency, by the names of the checks that look for it.

use super::Model;
use crate::{Claim, Property};

/// The check of a model as one property, for when nothing is known of its parts.
pub(super) fn of_check(model: Model) -> Property {
    Property::new(model.name(), "what the model promises", model.name())
}

/// The property that a part of one of Jepsen's checks looks at.
pub(super) fn of_part(name: &'static str) -> Property {
    let (promise, anomaly) = match name {
        "lost" => ("what was acknowledged is there", "lost"),
        "unexpected" => ("nothing is there that nobody put there", "unexpected"),
        "duplicated" => (
            "nothing is there, or given out, more often than it was put there",
            "duplicated",
        ),
        "stale" => ("what was seen to be there is never missing from a later read", "stale"),
        "never-read" => ("what was acknowledged was seen at last", "never-read"),
        _ => ("the check of this name finds nothing", name),
    };
    Property::new(name, promise, anomaly)
}

/// The session guarantees, as claims.
pub(super) const SESSION_GUARANTEES: [Claim; 4] = [
    Claim::ReadYourWrites,
    Claim::MonotonicReads,
    Claim::MonotonicWrites,
    Claim::WritesFollowReads,
];
