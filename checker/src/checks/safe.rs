//! Safe registers: what is read while nobody writes.
//!
//! Lamport (*On Interprocess Communication*, part II, Distributed Computing 1986) calls a register safe if a read that
//! no write overlaps returns the last value written before it; one that a write overlaps may return anything that the
//! register can hold. Lamport has one writer. With several, "last" is by any order of the writes that real time allows,
//! and another order for another read is as good: so a read that no write overlaps breaks the claim if its value
//!
//! - was not written before it (it is from nowhere, of a write that failed, or of the future), or
//! - had been overwritten: its write had ended before another began that had ended before the read began.
//!
//! Some order of the writes has a value last exactly if neither is so. What a register can hold is not told to a
//! checker, so of a read that a write overlaps nothing is required, be its value from nowhere.
//!
//! A read of nothing returns what any delete wrote, and the initial state; where it is not clear which it saw, it breaks
//! the claim if all of them had been overwritten.
//!
//! A write of unknown outcome may take effect at any later time: it never ends, so overlaps every read that ends after
//! it began, and nothing is tested any more. That is what the claim says. A failed write never happened, and overlaps
//! nothing.

use super::{clusters, fresh, phantoms, repeats};
use crate::{
    evidence::{Context, Finding, Tally},
    history::{History, KeyId, Op, Position},
};

/// Finds reads that no write overlaps and that returned another value than the last one written.
///
/// Tested are the ok reads that no write of their key overlaps. O(n log n).
pub fn safe(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        let spans = Spans::new(history, key);
        let writes = fresh::newest_by_end(history, key);
        for read in history.ops_of(key).filter(|op| op.is_ok_read() && !spans.overlap(op)) {
            tally.test(1);
            if !phantoms::is_known(history, read) {
                tally.violate(phantoms::evidence(history, read), (read, None));
                continue;
            }
            let newest = fresh::newest_before(&writes, read);
            if let Some(newest) = newest.filter(|newest| clusters::seen_end(history, read) < newest.start) {
                let returned = history.write_of(read.value);
                tally.violate(
                    [read, newest].into_iter().chain(returned).collect(),
                    (read, Some(newest)),
                );
            }
        }
    }
    tally.finish(history, context, |words, &(read, newest), _| {
        let mut text = match newest {
            Some(newest) => fresh::tell(words, read, newest),
            None => phantoms::tell(words, read),
        };
        text.push_str(" No write was under way meanwhile.");
        text
    })
}

/// When writes of a key were under way.
struct Spans {
    starts: Vec<Position>,
    ends: Vec<Position>,
}

impl Spans {
    fn new(history: &History, key: KeyId) -> Self {
        let writes = history.ops_of(key).filter(|op| op.is_possible_write());
        let starts = writes.clone().map(|write| write.start).collect();
        let mut ends: Vec<Position> = writes.map(|write| write.end).collect();
        ends.sort_unstable();
        Self { starts, ends }
    }

    /// Returns whether a write was under way at some time of `read`: more had begun when it ended than had ended when
    /// it began.
    fn overlap(&self, read: &Op) -> bool {
        let begun = self.starts.partition_point(|start| *start < read.end);
        let ended = self.ends.partition_point(|end| *end < read.start);
        begun > ended
    }
}
