//! All checks by name, for tests that run each.

use quorate_checker::{Context, Finding, History, checks};

/// A check as the library has it.
pub(crate) type Check = fn(&History, &Context) -> Finding;

/// Every check, under the name that litmus files use.
pub(crate) const CLAIMS: [(&str, Check); 13] = [
    ("values-from-nowhere", checks::values_from_nowhere),
    ("failed-writes-visible", checks::failed_writes_visible),
    ("fresh-reads", checks::fresh_reads),
    ("linearizable", checks::linearizable),
    ("read-your-writes", checks::read_your_writes),
    ("monotonic-reads", checks::monotonic_reads),
    ("monotonic-writes", checks::monotonic_writes),
    ("writes-follow-reads", checks::writes_follow_reads),
    ("acked-writes-survive", checks::acked_writes_survive),
    ("converged", checks::converged),
    ("handoff", checks::handoff),
    ("deletes-stay-deleted", checks::deletes_stay_deleted),
    ("deleted-in-the-end", checks::deleted_in_the_end),
];

/// Those of registers that are written and read, and never deleted.
pub(crate) const REGISTER_CLAIMS: &[(&str, Check)] = CLAIMS.split_at(11).0;

/// Those of deletes alone.
pub(crate) const DELETE_CLAIMS: &[(&str, Check)] = CLAIMS.split_at(11).1;
