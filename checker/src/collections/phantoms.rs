//! Items that no read may have: those that nobody put there, those of the future, and those of failed writes.
//!
//! As [`checks::values_from_nowhere`](crate::checks::values_from_nowhere) and its twin, item by item.

use super::{
    kind::Kind,
    model::{Collection, Reading, for_each},
    violation::{Violation, tell},
};
use crate::{
    evidence::{Context, Finding, Tally},
    history::{History, Op},
};

/// Finds reads and looks that have an item that nobody had invoked a write of when they ended.
pub(crate) fn values_from_nowhere(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        for reading in collection.readings() {
            tally.test(1);
            test_reading(collection, reading, false, tally);
        }
    });
    tally.finish(history, context, tell)
}

/// Finds reads and looks that have an item whose write failed, and so surely did not happen.
pub(crate) fn failed_writes_visible(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        let due = collection.readings().filter(|it| collection.first_failed < it.op.end);
        for reading in due {
            tally.test(1);
            test_reading(collection, reading, true, tally);
        }
    });
    tally.finish(history, context, tell)
}

pub(super) fn test_reading<'h>(
    collection: &Collection<'h>,
    reading: &Reading<'h>,
    of_failed: bool,
    tally: &mut Tally<'h, Violation<'h>>,
) {
    let in_time = |write: &&Op| write.start < reading.op.end;
    let is_bad = |item: &&usize| {
        let item = &collection.items[**item];
        item.write.filter(in_time).is_none() && item.failed.filter(in_time).is_some() == of_failed
    };
    if let Some(item) = reading.items.iter().find(is_bad) {
        let item = &collection.items[*item];
        let write = if of_failed {
            item.failed
        } else {
            item.write.or(item.failed)
        };
        let ops = [reading.op].into_iter().chain(write).collect();
        let violation = Violation::Phantom {
            value: item.value,
            read: reading.op,
            write,
        };
        tally.violate(ops, violation);
    }
}
