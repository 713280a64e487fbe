//! That what was put there is there or overwritten, and what was overwritten is not.
//!
//! A register's freshness (Lamport, *On Interprocess Communication*, 1986), for collections: a read has every item whose
//! write had been acknowledged when it began, but for those that some write had seen which had begun when the read
//! ended; and it has none of which an acknowledgement, come before it began, says that it was overwritten.
//!
//! ```text
//!   |- write 1 -|   |- write 2, having seen 1 -|   |- read: [2] -|
//! ```
//!
//! Dynamo (SOSP 2007, section 4.4) reconciles by exactly this: a version that descends from another replaces it, and
//! all others are kept.

use std::collections::BTreeSet;

use super::{
    kind::Kind,
    model::{Collection, Reading, for_each},
    violation::{Violation, tell},
};
use crate::{
    evidence::{Context, Finding, Tally},
    history::{History, KeyId, Op, Position},
};

/// Finds reads that miss an item that had been acknowledged, and that nobody was overwriting.
pub(crate) fn complete(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        let acked = acked_by_end(collection);
        let (mut next, mut live) = (0, BTreeSet::new());
        for read in &collection.reads {
            while let Some((write, item)) = acked.get(next).filter(|(write, _)| write.end < read.op.start) {
                live.insert((collection.items[*item].gone_from, *item, write.start));
                next += 1;
            }
            let mut expected = live.range((read.op.end, 0, Position::BEFORE_ALL)..).peekable();
            tally.test(u64::from(expected.peek().is_some()));
            if let Some((_, item, _)) = expected.find(|(_, item, _)| !read.has(*item)) {
                let write = collection.items[*item]
                    .write
                    .expect("what was acknowledged was written");
                tally.violate(vec![write, read.op], Violation::Missing { write, read: read.op });
            }
        }
    });
    tally.finish(history, context, tell)
}

/// Finds acknowledged items of which the replicas' final looks show no trace, and that nobody overwrote.
pub(crate) fn survive(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |key, collection, tally| {
        test_survival(history, context, key, collection, tally);
    });
    tally.finish(history, context, tell)
}

pub(super) fn test_survival<'h>(
    history: &History,
    context: &Context,
    key: KeyId,
    collection: &Collection<'h>,
    tally: &mut Tally<'h, Violation<'h>>,
) {
    let looks = &collection.final_looks;
    let Some(first) = looks.first() else {
        if !acked_by_end(collection).is_empty() {
            let why = "a write was acknowledged, and no replica was looked at in the end";
            tally.doubt(history, key, why);
        }
        return;
    };
    let is_complete = context.replica_count.is_none_or(|count| looks.len() >= count);
    let held: BTreeSet<usize> = looks.iter().flat_map(|look| look.items.iter().copied()).collect();
    let mut is_doubtful = false;
    for (write, item) in acked_by_end(collection) {
        let is_due = write.end < first.op.start && collection.items[item].gone_from == Position::NEVER;
        let is_lost = is_due && !held.contains(&item);
        is_doubtful |= is_lost && !is_complete;
        if is_due && (is_complete || !is_lost) {
            tally.test(1);
        }
        if is_lost && is_complete {
            let looks: Vec<&Op> = looks.iter().map(|look| look.op).collect();
            let ops = looks.iter().copied().chain([write]).collect();
            tally.violate(ops, Violation::Lost { write, looks });
        }
    }
    if is_doubtful {
        let count = looks.len();
        let why = format!("an acknowledged write is at none of the {count} replicas looked at, which are not all");
        tally.doubt(history, key, &why);
    }
}

/// Finds ok reads, and final looks at replicas, that have an item although it had been overwritten before they began.
pub(crate) fn overwritten_stay_gone(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        test_gone(collection, &collection.reads, tally);
        test_gone(collection, &collection.final_looks, tally);
    });
    tally.finish(history, context, tell)
}

/// Finds final looks at replicas that have an item although it had been overwritten before they began.
pub(crate) fn gone_in_the_end(history: &History, context: &Context, kind: Kind) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        test_gone(collection, &collection.final_looks, tally);
    });
    tally.finish(history, context, tell)
}

pub(super) fn test_gone<'h>(
    collection: &Collection<'h>,
    readings: &[Reading<'h>],
    tally: &mut Tally<'h, Violation<'h>>,
) {
    let gone_end = |item: usize| collection.items[item].gone_end;
    let first_gone = collection.items.iter().map(|item| item.gone_end).min();
    for reading in readings {
        let is_before = |end: Position| end < reading.op.start;
        tally.test(u64::from(first_gone.is_some_and(is_before)));
        let back = reading.items.iter().copied().filter(|item| is_before(gone_end(*item)));
        if let Some(item) = back.min_by_key(|item| gone_end(*item)) {
            let chain = collection.gone_chain(item);
            let ops = chain.iter().copied().chain([reading.op]).collect();
            let (value, read) = (collection.items[item].value, reading.op);
            tally.violate(ops, Violation::Back { value, chain, read });
        }
    }
}

/// Returns the acknowledged writes with their items, in order of their ends.
fn acked_by_end<'h>(collection: &Collection<'h>) -> Vec<(&'h Op, usize)> {
    let writes = (0..)
        .zip(&collection.items)
        .filter_map(|(number, item)| Some((item.write?, number)));
    let mut acked: Vec<(&Op, usize)> = writes.filter(|(write, _)| write.is_acked_write()).collect();
    acked.sort_unstable_by_key(|(write, _)| write.end);
    acked
}
