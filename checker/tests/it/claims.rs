//! All checks by name, for tests that run each.

use quorate_checker::{Context, Finding, History, checks, counters, sets, siblings};

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

/// How strong a register is: the claims on all reads and writes together, and what the store says of their order.
pub(crate) const STRENGTH_CLAIMS: &[(&str, Check)] = &[
    ("safe", checks::safe),
    ("weakly-regular", checks::weakly_regular),
    ("regular", checks::regular),
    ("linearizable", checks::linearizable),
    ("2-atomic", |history, context| checks::k_atomic(history, context, 2)),
    ("3-atomic", |history, context| checks::k_atomic(history, context, 3)),
    ("sequential", |history, context| {
        checks::sequential(history, context, 1_000_000_000)
    }),
    ("version-order", checks::version_order),
];

/// Returns the check of strength called `name`.
pub(crate) fn strength(name: &str) -> Check {
    let (_, check) = STRENGTH_CLAIMS
        .iter()
        .find(|(claim, _)| *claim == name)
        .expect("the claim is listed");
    *check
}

/// Those of siblings.
pub(crate) const SIBLING_CLAIMS: &[(&str, Check)] = &[
    ("values-from-nowhere", siblings::values_from_nowhere),
    ("failed-writes-visible", siblings::failed_writes_visible),
    ("complete", siblings::complete),
    ("overwritten-stay-gone", siblings::overwritten_stay_gone),
    ("not-invented", siblings::not_invented),
    ("read-your-writes", siblings::read_your_writes),
    ("monotonic-reads", siblings::monotonic_reads),
    ("acked-writes-survive", siblings::acked_writes_survive),
    ("gone-in-the-end", siblings::gone_in_the_end),
    ("converged", siblings::converged),
];

/// Those of sets.
pub(crate) const SET_CLAIMS: &[(&str, Check)] = &[
    ("values-from-nowhere", sets::values_from_nowhere),
    ("failed-writes-visible", sets::failed_writes_visible),
    ("complete", sets::complete),
    ("removed-stay-removed", sets::removed_stay_removed),
    ("read-your-writes", sets::read_your_writes),
    ("monotonic-reads", sets::monotonic_reads),
    ("acked-writes-survive", sets::acked_writes_survive),
    ("gone-in-the-end", sets::gone_in_the_end),
    ("exact", sets::exact),
    ("converged", sets::converged),
];

/// Those of counters.
pub(crate) const COUNTER_CLAIMS: &[(&str, Check)] = &[
    ("values-from-nowhere", counters::values_from_nowhere),
    ("fresh-reads", counters::fresh_reads),
    ("read-your-writes", counters::read_your_writes),
    ("exact", counters::exact),
    ("converged", counters::converged),
];

/// Those that need values alone, and causal consistency.
pub(crate) const VALUE_CLAIMS: &[(&str, Check)] = &[
    ("read-your-writes-v", checks::read_your_writes_from_values),
    ("monotonic-reads-v", checks::monotonic_reads_from_values),
    ("monotonic-writes-v", checks::monotonic_writes_from_values),
    ("writes-follow-reads-v", checks::writes_follow_reads_from_values),
    ("sessions-v", checks::session_guarantees_from_values),
    ("causal-v", checks::causal_from_values),
    ("causal", checks::causal),
];

/// Those of the order in which siblings of one session are seen.
pub(crate) const SIBLING_ORDER_CLAIMS: &[(&str, Check)] = &[
    ("monotonic-writes", siblings::monotonic_writes),
    ("writes-follow-reads", siblings::writes_follow_reads),
];
