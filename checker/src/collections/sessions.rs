//! Session guarantees on collections: what a session has written or read it finds again, or it was overwritten.
//!
//! Terry et al., *Session Guarantees for Weakly Consistent Replicated Data* (PDIS 1994), section 3: a read finds every
//! write that its session made, or whose effect its session has read. An item's absence is explained by any write that
//! saw it and had begun when the read ended.

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

/// Finds reads that miss an item that their session had put there.
pub(crate) fn read_your_writes(history: &History, context: &Context, kind: Kind) -> Finding {
    check(history, context, kind, |collection, item, write, _| {
        let own = collection.items[item].write.is_some_and(|own| own.start == write.start);
        own && write.is_acked_write()
    })
}

/// Finds reads that miss an item that their session had read.
pub(crate) fn monotonic_reads(history: &History, context: &Context, kind: Kind) -> Finding {
    check(history, context, kind, |collection, item, read, reading| {
        let is_known = collection.items[item].write.is_some_and(|write| write.start < read.end);
        reading.is_some() && is_known
    })
}

/// An op that met items: of a write its own, of a read what it returned.
struct Meeting<'c, 'h> {
    op: &'h Op,
    reading: Option<&'c Reading<'h>>,
    own: Option<usize>,
}

fn check(
    history: &History,
    context: &Context,
    kind: Kind,
    counts: impl Fn(&Collection<'_>, usize, &Op, Option<&Reading<'_>>) -> bool,
) -> Finding {
    let mut tally = Tally::new();
    for_each(history, kind, &mut tally, |_, collection, tally| {
        for session in by_session(collection).values() {
            check_session(collection, session, &counts, tally);
        }
    });
    tally.finish(history, context, tell)
}

/// Returns by session the ops that met items, in order.
fn by_session<'c, 'h>(collection: &'c Collection<'h>) -> BTreeMap<ProcessId, Vec<Meeting<'c, 'h>>> {
    let reads = collection.reads.iter().map(|reading| Meeting {
        op: reading.op,
        reading: Some(reading),
        own: None,
    });
    let writes = (0..).zip(&collection.items).filter_map(|(number, item)| {
        Some(Meeting {
            op: item.write?,
            reading: None,
            own: Some(number),
        })
    });
    let mut sessions: BTreeMap<ProcessId, Vec<Meeting>> = BTreeMap::new();
    for meeting in reads.chain(writes) {
        sessions.entry(meeting.op.process).or_default().push(meeting);
    }
    for session in sessions.values_mut() {
        session.sort_unstable_by_key(|meeting| meeting.op.start);
    }
    sessions
}

fn check_session<'h>(
    collection: &Collection<'h>,
    session: &[Meeting<'_, 'h>],
    counts: &impl Fn(&Collection<'_>, usize, &Op, Option<&Reading<'_>>) -> bool,
    tally: &mut Tally<'h, Violation<'h>>,
) {
    // By where it may be gone from, so that what may be gone is dropped for good: reads of a session end in order.
    let mut known: BTreeMap<(Position, usize), &Op> = BTreeMap::new();
    for meeting in session {
        if let Some(reading) = meeting.reading {
            known = known.split_off(&(reading.op.end, 0));
            tally.test(u64::from(!known.is_empty()));
            if let Some(((_, item), earlier)) = known.iter().find(|((_, item), _)| !reading.has(*item)) {
                let (value, read) = (collection.items[*item].value, reading.op);
                tally.violate(vec![earlier, read], Violation::Forgotten { value, earlier, read });
            }
        }
        let read = meeting
            .reading
            .into_iter()
            .flat_map(|reading| reading.items.iter().copied());
        for item in read.chain(meeting.own) {
            if counts(collection, item, meeting.op, meeting.reading) {
                known
                    .entry((collection.items[item].gone_from, item))
                    .or_insert(meeting.op);
            }
        }
    }
}
