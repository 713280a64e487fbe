//! The end of it: every replica holds the same, and exactly what it should.

use serde_json::Value;

use super::{kind::Kind, model::for_each, phantoms, present, violation::tell};
use crate::{
    checks,
    evidence::{Context, Finding, Tally},
    history::{History, Observation},
};

/// Finds keys whose replicas hold different items at their final looks, in whatever order.
pub(crate) fn converged(history: &History, context: &Context) -> Finding {
    let items = |look: &Observation| -> Vec<String> {
        let list = history.value(look.op.value).as_array();
        let mut items: Vec<String> = list.into_iter().flatten().map(Value::to_string).collect();
        items.sort_unstable();
        items
    };
    checks::converged_as(history, context, |a, b| items(a) != items(b))
}

/// Finds items that are not in the end where they should be, or are where they should not.
///
/// Tested are the acknowledged items that nobody overwrote, and every final look for what was overwritten and for what
/// nobody put there.
pub(crate) fn exact(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |key, collection, tally| {
        present::test_survival(history, context, key, collection, tally);
        present::test_gone(collection, &collection.final_looks, tally);
        for look in &collection.final_looks {
            for of_failed in [false, true] {
                tally.test(1);
                phantoms::test_reading(collection, look, of_failed, tally);
            }
        }
    });
    tally.finish(history, context, tell)
}
