//! What registers of all strengths are by definition: searches through all orders of their writes, or of their ops.
//!
//! As in `naive`, nothing here uses what the checks build on; and nothing is clever.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::{Action, History, KeyId, Op, Outcome, Position, ValueId, VersionId};

/// Returns how many reads of `key` no write overlaps, and how many of them return what is not last in any order of the
/// writes.
pub(crate) fn safe(ops: &[Op]) -> (u64, u64) {
    let (writes, reads) = writes_and_reads(ops);
    let is_apart = |read: &&&Op| {
        writes
            .iter()
            .all(|write| write.end < read.start || read.end < write.start)
    };
    let apart: Vec<&&Op> = reads.iter().filter(is_apart).collect();
    let is_bad = |read: &&&&Op| !has_write_order(&writes, &[**read]);
    (apart.len() as u64, apart.iter().filter(is_bad).count() as u64)
}

/// Returns how many reads of `key` no order of the writes explains by itself.
pub(crate) fn weakly_regular(ops: &[Op]) -> u64 {
    let (writes, reads) = writes_and_reads(ops);
    reads.iter().filter(|read| !has_write_order(&writes, &[**read])).count() as u64
}

/// Returns whether one order of the writes explains all reads of `key`.
pub(crate) fn is_regular(ops: &[Op]) -> bool {
    let (writes, reads) = writes_and_reads(ops);
    has_write_order(&writes, &reads)
}

/// Returns whether an order of the ops on `key` lets each read return one of the last `k` values.
pub(crate) fn is_k_atomic(ops: &[Op], k: usize) -> bool {
    let (writes, reads) = writes_and_reads(ops);
    let ops: Vec<&Op> = writes.into_iter().chain(reads).collect();
    has_op_order(&ops, &mut vec![false; ops.len()], &mut vec![ValueId::NIL], k)
}

/// Returns the ops on `key`.
pub(crate) fn ops_of(history: &History, key: KeyId) -> Vec<Op> {
    history.ops().iter().filter(|op| op.key == key).cloned().collect()
}

/// Returns `ops` with every read of nothing that is not known to be of one delete, or of none, as one of each; and of
/// those of the initial state too if `is_initial_open`.
pub(crate) fn with_nothings_told(history: &History, ops: &[Op], is_initial_open: bool) -> Vec<Vec<Op>> {
    let mut told = vec![Vec::new()];
    for op in ops {
        let deletes = ops.iter().filter(|it| it.action == Action::Delete && it.key == op.key);
        let deletes: Vec<ValueId> = deletes
            .filter(|it| it.outcome != Outcome::Fail)
            .map(|it| it.value)
            .collect();
        let is_read = op.action == Action::Read && op.outcome == Outcome::Ok && history.is_nothing(op.value);
        let is_open = is_read && !deletes.contains(&op.value) && (is_initial_open || !op.value.is_nil());
        let choices = [vec![ValueId::NIL], deletes].concat();
        let choices = if is_open { choices } else { vec![op.value] };
        told = told
            .into_iter()
            .flat_map(|before| {
                choices.iter().map(move |value| {
                    let mut told = *op;
                    told.value = *value;
                    [&before[..], &[told]].concat()
                })
            })
            .collect();
    }
    told
}

fn writes_and_reads(ops: &[Op]) -> (Vec<&Op>, Vec<&Op>) {
    let is_write = |op: &&Op| op.action.is_write() && op.outcome != Outcome::Fail;
    let is_read = |op: &&Op| !op.action.is_write() && op.outcome == Outcome::Ok;
    (
        ops.iter().filter(is_write).collect(),
        ops.iter().filter(is_read).collect(),
    )
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
        let value = place
            .checked_sub(1)
            .map_or(ValueId::NIL, |last| writes[order[last]].value);
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

/// Returns whether all ops of all keys have an order that keeps that of each session and explains what was read.
pub(crate) fn is_sequential(ops: &[Op]) -> bool {
    let is_taken = |op: &&Op| op.outcome == Outcome::Ok || op.action.is_write() && op.outcome == Outcome::Info;
    let ops: Vec<&Op> = ops.iter().filter(is_taken).collect();
    has_session_order(&ops, &mut vec![false; ops.len()], &BTreeMap::new())
}

fn has_session_order(ops: &[&Op], done: &mut Vec<bool>, values: &BTreeMap<KeyId, ValueId>) -> bool {
    let rest: Vec<usize> = (0..ops.len()).filter(|&op| !done[op]).collect();
    if rest.iter().all(|&op| ops[op].outcome == Outcome::Info) {
        return true;
    }
    rest.iter().any(|&next| {
        let op = ops[next];
        let is_first = rest
            .iter()
            .all(|&other| ops[other].process != op.process || op.start <= ops[other].start);
        let value = values.get(&op.key).copied().unwrap_or(ValueId::NIL);
        is_first && (op.action.is_write() || value == op.value) && {
            done[next] = true;
            let mut values = values.clone();
            values.insert(op.key, op.value);
            let found = has_session_order(ops, done, &values);
            done[next] = false;
            found
        }
    })
}

/// Returns how many versions behind a read surely is by real time, and when the first of them was acknowledged: the
/// acknowledged writes wholly between its value's write and itself.
pub(crate) fn behind_by_real_time(history: &History, read: &Op) -> (u64, Option<u64>) {
    let ops = ops_of(history, read.key);
    let (writes, _) = writes_and_reads(&ops);
    let own = writes.iter().find(|write| write.value == read.value);
    let own_end = own.map_or(Position::BEFORE_ALL, |write| write.end);
    behind(&writes, read, |write| own_end < write.start)
}

/// Returns how many versions behind a read is by versions, and when the first of them was acknowledged.
pub(crate) fn behind_by_version(history: &History, read: &Op) -> (u64, Option<u64>) {
    let ops = ops_of(history, read.key);
    let (writes, _) = writes_and_reads(&ops);
    let own = version(history, read.key, read.value);
    behind(&writes, read, |write| version(history, read.key, write.value) > own)
}

fn behind(writes: &[&Op], read: &Op, is_newer: impl Fn(&Op) -> bool) -> (u64, Option<u64>) {
    let is_behind = |write: &&&Op| write.outcome == Outcome::Ok && write.end < read.start && is_newer(write);
    let behind: Vec<&&Op> = writes.iter().filter(is_behind).collect();
    let first_end = behind.iter().filter_map(|write| write.end_ns()).min();
    (behind.len() as u64, first_end)
}

fn version(history: &History, key: KeyId, value: ValueId) -> Option<VersionId> {
    versions(history, key)
        .into_iter()
        .find(|(of, _)| *of == value)
        .map(|(_, version)| version)
}

/// Returns every version that was reported of each value of `key`.
fn versions(history: &History, key: KeyId) -> BTreeSet<(ValueId, VersionId)> {
    let looks = history.observations().iter().map(|look| &look.op);
    let of_key = history
        .ops()
        .iter()
        .chain(looks)
        .filter(|op| op.key == key && !op.value.is_nil());
    of_key.filter_map(|op| Some((op.value, op.version?))).collect()
}

/// Returns how many values of `key` have versions, and of how many they contradict something.
pub(crate) fn version_order(history: &History, key: KeyId) -> (u64, u64) {
    let versions = versions(history, key);
    let values: BTreeSet<ValueId> = versions.iter().map(|(value, _)| *value).collect();
    let of = |value: ValueId| {
        versions
            .iter()
            .filter(move |(of, _)| *of == value)
            .map(|(_, version)| *version)
    };
    let is_above = |a: ValueId, b: ValueId| {
        of(a).next().is_some() && of(b).next().is_some() && of(a).all(|a| of(b).all(|b| b < a))
    };
    let of_key: Vec<&Op> = history.ops().iter().filter(|op| op.key == key).collect();
    let is_inverted = |value: ValueId| {
        let is_write = |op: &&&Op| op.action.is_write() && op.outcome != Outcome::Fail && op.value == value;
        of_key.iter().filter(is_write).any(|write| {
            of_key.iter().any(|first| {
                let is_own = first.process == write.process || first.action.is_write();
                let is_first = first.outcome == Outcome::Ok && first.end < write.start && is_own;
                is_first && is_above(first.value, value)
            })
        })
    };
    let is_bad = |value: &&ValueId| of(**value).count() > 1 || is_inverted(**value);
    let bad: BTreeSet<ValueId> = values.iter().filter(is_bad).copied().collect();
    // Of those that share a version, by the greatest of each, all but one are bad.
    let greatest = |value: ValueId| of(value).max();
    let first_report = |value: ValueId| {
        let is_report = |op: &&Op| op.value == value && op.version == greatest(value);
        let looks = history
            .observations()
            .iter()
            .map(|look| &look.op)
            .filter(|op| op.key == key);
        let all: Vec<&Op> = of_key.iter().copied().chain(looks).filter(is_report).collect();
        all.iter()
            .map(|op| (!op.action.is_write(), op.start))
            .min()
            .map(|(_, start)| start)
    };
    let shared = values.iter().filter(|a| {
        values
            .iter()
            .any(|b| greatest(*b) == greatest(**a) && first_report(*b) < first_report(**a))
    });
    let bad: BTreeSet<ValueId> = bad.into_iter().chain(shared.copied()).collect();
    (values.len() as u64, bad.len() as u64)
}
