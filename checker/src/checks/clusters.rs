//! The values of a key, each with its write and the reads that returned it: what every judgement of values begins with.
//!
//! Taken are the writes that took effect or may have, and the ok reads of which it is known what they saw. A write of
//! unknown outcome that nobody read is left out, as it may never have happened. So is a read of nothing of which it is
//! not known which delete it saw, if any: a history without one of its reads keeps what it kept with it, so what is
//! found is broken all the same; the key is in doubt then. And a read of what was not written when it ended is left out
//! here: it breaks every claim on values by itself, and is the business of [`phantoms`](super::phantoms).

use super::{phantoms, repeats};
use crate::{
    evidence::Tally,
    history::{History, KeyId, Op, Outcome, Position},
};

/// Returns the ops on `key` by value: of each its write, but for nil, and then its reads in order of invocation.
pub(super) fn by_value(history: &History, key: KeyId) -> Vec<&Op> {
    let is_read = |op: &Op| op.is_ok_read() && is_clear(history, op) && phantoms::is_known(history, op);
    let taken = history.ops_of(key).filter(|op| op.is_possible_write() || is_read(op));
    let mut ops: Vec<&Op> = taken.collect();
    ops.sort_unstable_by_key(|op| (op.value, !op.action.is_write(), op.start));
    let values = ops.chunk_by(|a, b| a.value == b.value);
    let is_unseen = |of_value: &&[&Op]| matches!(of_value, [write] if write.outcome == Outcome::Info);
    let kept = values.filter(|of_value| !is_unseen(of_value)).flatten().copied();
    kept.collect()
}

/// Returns whether it is known which write `read` saw, or that there is none.
pub(super) fn is_clear(history: &History, read: &Op) -> bool {
    read.value.is_nil() || !history.is_nothing(read.value) || history.write_of(read.value).is_some()
}

/// Returns where the last ended of those writes that `read` may have seen: of nil before all, never if it may have been one
/// that does not end. Of a read of a value that is known to have been written.
pub(super) fn seen_end(history: &History, read: &Op) -> Position {
    match history.write_of(read.value) {
        Some(write) => write.end,
        None if read.value.is_nil() => Position::BEFORE_ALL,
        None => history.deletes_end(read),
    }
}

/// Returns whether the values of `key` say anything at all, and notes in `tally` what is in doubt of it.
pub(super) fn can_judge<V>(history: &History, key: KeyId, tally: &mut Tally<'_, V>) -> bool {
    if let Some(why) = repeats::doubt(history, key) {
        tally.doubt(history, key, &why);
        return false;
    }
    if history.ops_of(key).any(|op| op.is_ok_read() && !is_clear(history, op)) {
        tally.doubt(
            history,
            key,
            "of a read of nothing it is not clear which delete it saw, if any",
        );
    }
    true
}

/// Returns the ok reads of `key` that can be judged by what they returned.
pub(super) fn clear_reads(history: &History, key: KeyId) -> impl Iterator<Item = &Op> {
    history
        .ops_of(key)
        .filter(|op| op.is_ok_read() && is_clear(history, op))
}
