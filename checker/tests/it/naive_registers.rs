//! What registers of all strengths are by definition: searches through all orders of their writes, or of their ops.
//!
//! As in `naive`, nothing here uses what the checks build on; and nothing is clever.

use quorate_checker::{History, KeyId, Op, Outcome, Position, ValueId};

/// Returns how many reads of `key` no write overlaps, and how many of them return what is not last in any order of the
/// writes.
pub(crate) fn safe(history: &History, key: KeyId) -> (u64, u64) {
    let (writes, reads) = writes_and_reads(history, key);
    let is_apart = |read: &&&Op| writes.iter().all(|write| write.end < read.start || read.end < write.start);
    let apart: Vec<&&Op> = reads.iter().filter(is_apart).collect();
    let is_bad = |read: &&&&Op| !has_write_order(&writes, &[**read]);
    (apart.len() as u64, apart.iter().filter(is_bad).count() as u64)
}

/// Returns how many reads of `key` no order of the writes explains by itself.
pub(crate) fn weakly_regular(history: &History, key: KeyId) -> u64 {
    let (writes, reads) = writes_and_reads(history, key);
    reads.iter().filter(|read| !has_write_order(&writes, &[**read])).count() as u64
}

/// Returns whether one order of the writes explains all reads of `key`.
pub(crate) fn is_regular(history: &History, key: KeyId) -> bool {
    let (writes, reads) = writes_and_reads(history, key);
    has_write_order(&writes, &reads)
}

/// Returns whether an order of the ops on `key` lets each read return one of the last `k` values.
pub(crate) fn is_k_atomic(history: &History, key: KeyId, k: usize) -> bool {
    let (writes, reads) = writes_and_reads(history, key);
    let ops: Vec<&Op> = writes.into_iter().chain(reads).collect();
    has_op_order(&ops, &mut vec![false; ops.len()], &mut vec![ValueId::NIL], k)
}

fn writes_and_reads(history: &History, key: KeyId) -> (Vec<&Op>, Vec<&Op>) {
    let of_key = || history.ops().iter().filter(|op| op.key == key);
    let is_write = |op: &&Op| op.action.is_write() && op.outcome != Outcome::Fail;
    let is_read = |op: &&Op| !op.action.is_write() && op.outcome == Outcome::Ok;
    (of_key().filter(is_write).collect(), of_key().filter(is_read).collect())
}

/// Returns whether the writes, those of unknown outcome perhaps left out, have an order that real time allows in which
/// each read has a place that real time allows, right after its value.
fn has_write_order(writes: &[&Op], reads: &[&Op]) -> bool {
    fn search(writes: &[&Op], reads: &[&Op], order: &mut Vec<usize>) -> bool {
        let rest: Vec<usize> = (0..writes.len()).filter(|at| !order.contains(at)).collect();
        let is_whole = rest.iter().all(|&at| writes[at].outcome == Outcome::Info);
        if is_whole && reads.iter().all(|read| has_place(writes, order, read)) {
            return true;
        }
        rest.iter().any(|&next| {
            let is_first = rest.iter().all(|&other| writes[next].start < writes[other].end);
            is_first && {
                order.push(next);
                let found = search(writes, reads, order);
                order.pop();
                found
            }
        })
    }
    search(writes, reads, &mut Vec::new())
}

fn has_place(writes: &[&Op], order: &[usize], read: &Op) -> bool {
    (0..=order.len()).any(|place| {
        let value = place.checked_sub(1).map_or(ValueId::NIL, |last| writes[order[last]].value);
        let (before, after) = order.split_at(place);
        value == read.value
            && before.iter().all(|&at| writes[at].start < read.end)
            && after.iter().all(|&at| read.start < writes[at].end)
    })
}

fn has_op_order(ops: &[&Op], done: &mut Vec<bool>, written: &mut Vec<ValueId>, k: usize) -> bool {
    let rest: Vec<usize> = (0..ops.len()).filter(|&op| !done[op]).collect();
    if rest.iter().all(|&op| ops[op].outcome == Outcome::Info) {
        return true;
    }
    rest.iter().any(|&next| {
        let op = ops[next];
        let is_write = op.action.is_write();
        let is_first = rest.iter().all(|&other| op.start < ops[other].end);
        let is_legal = is_write || written.iter().rev().take(k).any(|value| *value == op.value);
        is_first && is_legal && {
            done[next] = true;
            written.extend(is_write.then_some(op.value));
            let found = has_op_order(ops, done, written, k);
            written.truncate(written.len() - usize::from(is_write));
            done[next] = false;
            found
        }
    })
}

/// Returns how many values behind each clear ok read of `key` surely is, and since when, by real time: the acknowledged
/// writes wholly between its value's write and itself, and the first end among them.
pub(crate) fn passed_over(history: &History, key: KeyId, read: &Op) -> (u64, Option<u64>) {
    let (writes, _) = writes_and_reads(history, key);
    let own = writes.iter().find(|write| write.value == read.value);
    let own_end = own.map_or(Position::BEFORE_ALL, |write| write.end);
    let is_between = |write: &&&Op| {
        write.outcome == Outcome::Ok && own_end < write.start && write.end < read.start && write.value != read.value
    };
    let between: Vec<&&Op> = writes.iter().filter(is_between).collect();
    let first_end = between.iter().filter_map(|write| write.end_ns).min();
    (between.len() as u64, first_end)
}
