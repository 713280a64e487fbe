//! Fresh reads: the regular register, as far as it looks back.
//!
//! Lamport (*On Interprocess Communication*, part II, Distributed Computing 1986) calls a register regular if a read
//! returns the last value written before it began or one being written meanwhile. With several writers "last" is
//! ambiguous; here a read that returned v is stale exactly if some acknowledged write of w had ended before the read
//! began and v's write had ended before w's began:
//!
//! ```text
//!   |-- write v --|   |-- write w --|   |-- read: v --|
//! ```
//!
//! No order among concurrent writes is presumed, so a finding holds under all of them. Values of the future or from
//! nowhere are not this check's but `values_from_nowhere`'s; reads of them are passed over.

use super::{age, phantoms, repeats};
use crate::{
    evidence::{Context, Finding, Tally, Words},
    history::{History, KeyId, Op},
};

/// Finds reads that returned a value older than the newest whose write had been acknowledged when the read began.
///
/// Tested are the ok reads before which a write of their key had been acknowledged. O(n log n).
pub fn fresh_reads(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        let writes = newest_by_end(history, key);
        for read in history
            .ops_of(key)
            .filter(|op| op.is_ok_read() && phantoms::is_known(history, op))
        {
            let Some(newest) = newest_before(&writes, read) else {
                continue;
            };
            tally.test(1);
            if age::write_end(history, read) < newest.start {
                let returned = history.write_of(read.value);
                tally.violate([read, newest].into_iter().chain(returned).collect(), (read, newest));
            }
        }
    }
    tally.finish(history, context, |words, &(read, newest), _| tell(words, read, newest))
}

/// An acknowledged write, and of all that ended no later the one that began last.
pub(super) struct Newest<'h> {
    ended: &'h Op,
    newest: &'h Op,
}

/// Returns the acknowledged writes of `key` in order of their ends.
pub(super) fn newest_by_end(history: &History, key: KeyId) -> Vec<Newest<'_>> {
    let mut writes: Vec<&Op> = history.ops_of(key).filter(|op| op.is_acked_write()).collect();
    writes.sort_unstable_by_key(|write| write.end);
    let mut newest: Option<&Op> = None;
    let with_newest = writes.into_iter().map(|ended| {
        let newest = *newest.insert(newest.filter(|it| it.start > ended.start).unwrap_or(ended));
        Newest { ended, newest }
    });
    with_newest.collect()
}

/// Returns of the acknowledged writes that ended before `read` began the one that began last. O(log n).
pub(super) fn newest_before<'h>(writes: &[Newest<'h>], read: &Op) -> Option<&'h Op> {
    let ended = writes.partition_point(|writes| writes.ended.end < read.start);
    ended.checked_sub(1).map(|last| writes[last].newest)
}

/// Returns a sentence on a read that missed `newest`.
pub(super) fn tell(words: Words<'_>, read: &Op, newest: &Op) -> String {
    let (returned, write) = (words.return_of(read), words.op(newest));
    let acknowledged = words.acknowledged_before(newest, read);
    let mut text = format!("{returned}, although {write} had been {acknowledged}");
    let new = words.write_of(newest.value);
    let has_write = words.history.write_of(read.value).is_some();
    if words.history.is_nothing(read.value) && !read.value.is_nil() && !has_write {
        text.push_str(&format!(", and every delete of the key had ended before {new} began"));
    } else if words.history.is_nothing(read.value) && !read.value.is_nil() {
        let old = words.write_of(read.value);
        text.push_str(&format!(
            ", and that nothing is of {old}, which had ended before {new} began"
        ));
    } else if !read.value.is_nil() {
        let old = words.value(read.value);
        text.push_str(&format!(", and {old} had been written before {new} began"));
    }
    text + "."
}
