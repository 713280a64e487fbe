//! The order of a session's writes, set-valued: who sees a write sees what its session had done or seen before, or that
//! was overwritten.
//!
//! Terry et al., *Session Guarantees for Weakly Consistent Replicated Data* (PDIS 1994), sections 3.3 and 3.4: a copy that
//! has a session's write has every write that the session had made before (monotonic writes), and every write whose effect
//! it had read before (writes follow reads). Siblings have no order of writes beyond descent, and a session's two writes
//! need not descend from each other: that depends on what its client handed back, which is in `seen`. So it is the
//! presence that is checked. An item's absence is explained by any write that saw it, directly or by way of others, and
//! had begun when the read ended: so by the session's own, if that had handed back what it had read.
//!
//! Reads are those of clients: what a single replica holds is no answer of the store.

use std::collections::BTreeMap;

use super::{
    kind::Kind,
    model::{Collection, Reading, for_each},
    violation::{Violation, tell},
};
use crate::{
    evidence::{Context, Finding, Tally},
    history::{History, Op, Position, ProcessId},
};

/// Finds reads that have an item but miss one that the item's session had put there before.
pub(crate) fn monotonic_writes(history: &History, context: &Context, kind: Kind) -> Finding {
    check(history, context, kind, |collection| {
        let own = (0..).zip(&collection.items).filter_map(|(number, item)| {
            let write = item.write.filter(|write| write.is_acked_write())?;
            Some((write, number))
        });
        own.collect()
    })
}

/// Finds reads that have an item but miss one that the item's session had read before it put the item there.
pub(crate) fn writes_follow_reads(history: &History, context: &Context, kind: Kind) -> Finding {
    check(history, context, kind, |collection| {
        let met = collection.reads.iter().flat_map(|reading| {
            let read = reading.op;
            let is_known = |item: &usize| {
                collection.items[*item]
                    .write
                    .is_some_and(|write| write.start < read.end)
            };
            let known = reading.items.iter().copied().filter(is_known);
            known.map(move |item| (read, item))
        });
        met.collect()
    })
}

/// `meet` says which items are due to whoever sees a later item of the same session, each with the op that met it.
fn check(
    history: &History,
    context: &Context,
    kind: Kind,
    meet: impl for<'c, 'h> Fn(&'c Collection<'h>) -> Vec<(&'h Op, usize)>,
) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        let mut met = meet(collection);
        met.sort_by_key(|(op, _)| op.start);
        let mut met = met.into_iter().peekable();
        let mut readings: Vec<&Reading> = collection.reads.iter().collect();
        readings.sort_unstable_by_key(|reading| reading.op.end);
        let mut due = Due::default();
        for reading in readings {
            while let Some((op, item)) = met.next_if(|(op, _)| op.start < reading.op.end) {
                due.add(collection, op, item);
            }
            due.check(collection, reading, tally);
        }
    });
    tally.finish(history, context, tell)
}

/// What is due to those who see an item, by the item's session. What may be gone is dropped for good, as readings come in
/// the order of their ends.
#[derive(Default)]
struct Due<'h> {
    sessions: BTreeMap<ProcessId, BTreeMap<(Position, usize), &'h Op>>,
}

impl<'h> Due<'h> {
    fn add(&mut self, collection: &Collection<'h>, op: &'h Op, item: usize) {
        let of_session = self.sessions.entry(op.process).or_default();
        of_session.entry((collection.items[item].gone_from, item)).or_insert(op);
    }

    fn check(&mut self, collection: &Collection<'h>, reading: &Reading<'h>, tally: &mut Tally<'h, Violation<'h>>) {
        let read = reading.op;
        // Of each session the last item that is seen: to it is due what is to those before.
        let mut last: BTreeMap<ProcessId, &Op> = BTreeMap::new();
        for item in &reading.items {
            if let Some(write) = collection.items[*item].write.filter(|write| write.start < read.end) {
                let known = last.entry(write.process).or_insert(write);
                *known = if write.start > known.start { write } else { known };
            }
        }
        let (mut is_tested, mut missed) = (false, None);
        for (session, write) in last {
            let Some(due) = self.sessions.get_mut(&session) else {
                continue;
            };
            *due = due.split_off(&(read.end, 0));
            for ((_, item), earlier) in due.iter().filter(|(_, earlier)| earlier.start < write.start) {
                is_tested = true;
                if !reading.has(*item) {
                    missed.get_or_insert((*item, *earlier, write));
                }
            }
        }
        tally.test(u64::from(is_tested));
        if let Some((item, earlier, write)) = missed {
            let value = collection.items[item].value;
            let source = collection.items[item].write;
            let ops = [earlier, write, read].into_iter().chain(source);
            tally.violate(
                ops.collect(),
                Violation::OutOfOrder {
                    value,
                    earlier,
                    write,
                    read,
                },
            );
        }
    }
}
