//! The claims as their definitions read: quantifiers over all ops, and for linearizability a search through all orders.
//!
//! Slow, and independent of what the checks build on: nothing here uses the history's index of writes, its groups by
//! key, or the order of values that the checks share.

use std::collections::BTreeSet;

use quorate_checker::{Action, Context, History, KeyId, Observation, Op, Outcome, Phase, Position, ValueId, VersionId};

/// What a claim's definition says of a history.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) tested: u64,
    pub(crate) count: u64,
    pub(crate) unknown_keys: BTreeSet<KeyId>,
}

impl Judgement {
    fn occasion(&mut self, is_violation: bool) {
        self.tested += 1;
        self.count += u64::from(is_violation);
    }
}

pub(crate) fn values_from_nowhere(history: &History) -> Judgement {
    let mut judgement = Judgement::default();
    for read in all_returns(history) {
        let has_write = |outcomes: &[Outcome]| {
            history
                .ops()
                .iter()
                .any(|op| writes(op, read.key, read.value, outcomes) && op.start < read.end)
        };
        let written = has_write(&[Outcome::Ok, Outcome::Info, Outcome::Fail]);
        judgement.occasion(!read.value.is_nil() && !written);
    }
    judgement
}

pub(crate) fn failed_writes_visible(history: &History) -> Judgement {
    let mut judgement = Judgement::default();
    for read in all_returns(history) {
        let begun = |op: &&Op| op.action.is_write() && op.key == read.key && op.start < read.end;
        let begun: Vec<&Op> = history.ops().iter().filter(begun).collect();
        if begun.iter().all(|op| op.outcome != Outcome::Fail) {
            continue;
        }
        let of_value: Vec<&&Op> = begun.iter().filter(|op| op.value == read.value).collect();
        let is_aborted = !of_value.is_empty() && of_value.iter().all(|op| op.outcome == Outcome::Fail);
        judgement.occasion(!read.value.is_nil() && is_aborted);
    }
    judgement
}

pub(crate) fn fresh_reads(history: &History) -> Judgement {
    per_key(history, |key, judgement| {
        let ops = of_key(history, key);
        let acked: Vec<&Op> = ops
            .iter()
            .copied()
            .filter(|op| is(op, Action::Write, &[Outcome::Ok]))
            .collect();
        for read in ops.iter().filter(|op| is(op, Action::Read, &[Outcome::Ok])) {
            let source = possible_writes(&ops).find(|op| op.value == read.value);
            let is_known = read.value.is_nil() || source.is_some_and(|write| write.start < read.end);
            if !is_known || !acked.iter().any(|write| write.end < read.start) {
                continue;
            }
            let source_end = source.map_or(Position::BEFORE_ALL, |write| write.end);
            judgement.occasion(
                acked
                    .iter()
                    .any(|write| write.value != read.value && source_end < write.start && write.end < read.start),
            );
        }
    })
}

/// By the theorem of zones, with the clusters' order as its quantifiers say: one comes before another if some op of it
/// ended before some op of the other began.
pub(crate) fn zones(history: &History) -> Judgement {
    per_key(history, |key, judgement| {
        let ops = of_key(history, key);
        let reads: Vec<&Op> = ops
            .iter()
            .copied()
            .filter(|op| is(op, Action::Read, &[Outcome::Ok]))
            .collect();
        if reads.is_empty() {
            return;
        }
        let acked = ops.iter().filter(|op| is(op, Action::Write, &[Outcome::Ok]));
        judgement.tested += (reads.len() + acked.count()) as u64;
        let is_known = |read: &Op| {
            read.value.is_nil() || possible_writes(&ops).any(|op| op.value == read.value && op.start < read.end)
        };
        judgement.count += reads.iter().filter(|read| !is_known(read)).count() as u64;

        let known = possible_writes(&ops).chain(reads.iter().copied().filter(|read| is_known(read)));
        let known: Vec<(ValueId, Position, Position)> = known.map(|op| (op.value, op.start, op.end)).collect();
        let initial = (ValueId::NIL, Position::BEFORE_ALL, Position::BEFORE_ALL);
        let known = [known, vec![initial]].concat();
        let values: BTreeSet<ValueId> = known.iter().map(|(value, ..)| *value).collect();
        let cluster = |value: ValueId| known.iter().filter(move |(of, ..)| *of == value);
        let is_before = |a, b| cluster(a).any(|(.., end)| cluster(b).any(|(_, start, _)| end < start));
        let low = |value| {
            cluster(value)
                .map(|(.., end)| *end)
                .min()
                .min(cluster(value).map(|(_, start, _)| *start).max())
        };
        let conflicts_with_lower = |z: &&ValueId| {
            values
                .iter()
                .any(|b| low(*b) < low(**z) && is_before(*b, **z) && is_before(**z, *b))
        };
        judgement.count += values.iter().filter(conflicts_with_lower).count() as u64;
    })
}

/// As a search through all orders says of keys with deletes, where a read of nothing without a version may be of any.
pub(crate) fn search_any_nothing(history: &History) -> bool {
    history.keys().all(|key| {
        let is_of = |op: &&Op| op.outcome == Outcome::Ok || is(op, Action::Write, &[Outcome::Info]);
        let ops: Vec<Op> = of_key(history, key).into_iter().filter(is_of).cloned().collect();
        let tombstones: BTreeSet<ValueId> = ops
            .iter()
            .filter(|op| op.action == Action::Delete)
            .map(|op| op.value)
            .collect();
        // Where it is known of which delete a read is, it is of that; else one nothing is as good as another.
        let is_any = |op: &Op| history.is_nothing(op.value) && !tombstones.contains(&op.value) && op.version.is_none();
        // One version is of one delete, and one delete has one.
        let is_of = |bound: &mut Vec<(ValueId, ValueId)>, read: &Op, value: ValueId| {
            let is_orphan = history.is_nothing(read.value) && !tombstones.contains(&read.value);
            let is_new = bound.iter().all(|(a, b)| *a != read.value && *b != value);
            let is_unversioned = ops
                .iter()
                .any(|op| op.value == value && op.action.is_write() && op.version.is_none());
            let is_free = is_orphan && !read.value.is_unclear() && tombstones.contains(&value) && is_unversioned;
            bound.contains(&(read.value, value))
                || is_free && is_new && {
                    bound.push((read.value, value));
                    true
                }
        };
        let initial = (ValueId::NIL, Vec::new());
        has_any_order(&ops, &mut vec![false; ops.len()], initial, &|bound, read, value| {
            let is_nothing = value.is_nil() || tombstones.contains(&value);
            let is_unclear = read.value.is_unclear() && is_nothing;
            read.value == value || is_any(read) && is_nothing || is_unclear || is_of(bound, read, value)
        })
    })
}

fn has_any_order(
    ops: &[Op],
    done: &mut Vec<bool>,
    (value, bound): (ValueId, Vec<(ValueId, ValueId)>),
    is_legal: &impl Fn(&mut Vec<(ValueId, ValueId)>, &Op, ValueId) -> bool,
) -> bool {
    let rest: Vec<usize> = (0..ops.len()).filter(|&op| !done[op]).collect();
    rest.iter().all(|&op| ops[op].outcome == Outcome::Info)
        || rest.iter().any(|&next| {
            let is_write = ops[next].action.is_write();
            let is_first = rest.iter().all(|&other| ops[next].start < ops[other].end);
            let mut bound = bound.clone();
            is_first && (is_write || is_legal(&mut bound, &ops[next], value)) && {
                done[next] = true;
                let value = if is_write { ops[next].value } else { value };
                let found = has_any_order(ops, done, (value, bound), is_legal);
                done[next] = false;
                found
            }
        })
}

pub(crate) fn deletes(history: &History, has_reads: bool) -> Judgement {
    per_key(history, |key, judgement| {
        let ops = of_key(history, key);
        let reads = ops
            .iter()
            .copied()
            .filter(|op| is(op, Action::Read, &[Outcome::Ok]) && has_reads);
        let looks = last_looks(history, key, Phase::Final).into_iter().map(|look| &look.op);
        for read in reads.chain(looks) {
            let is_ended = |op: &&&Op| op.action == Action::Delete && op.outcome == Outcome::Ok && op.end < read.start;
            let ended: Vec<&&Op> = ops.iter().filter(is_ended).collect();
            let write = possible_writes(&ops).find(|op| op.action == Action::Write && op.value == read.value);
            let least_version = |delete: &Op| versions(history, key, delete.value).into_iter().min();
            let greatest = ended.iter().filter_map(|delete| least_version(delete)).max();
            let is_deleted = write.is_some_and(|write| {
                ended.iter().any(|delete| {
                    let by_version = least_version(delete).is_some()
                        && least_version(delete) == greatest
                        && write.start < delete.end
                        && version_less(history, key, read.value, delete.value);
                    write.end < delete.start || by_version
                })
            });
            if !ended.is_empty() {
                judgement.occasion(is_deleted);
            }
        }
    })
}

/// Linearizability by a search through all orders: `count` is the number of keys that have none, and `tested` is left
/// 0.
pub(crate) fn search(history: &History) -> Judgement {
    per_key(history, |key, judgement| {
        let all = of_key(history, key);
        let required = |op: &&Op| op.outcome == Outcome::Ok;
        let optional = |op: &&Op| is(op, Action::Write, &[Outcome::Info]);
        let ops: Vec<&Op> = all.into_iter().filter(|op| required(op) || optional(op)).collect();
        judgement.count += u64::from(!has_order(&ops, &mut vec![false; ops.len()], ValueId::NIL));
    })
}

/// Returns whether the ops not yet `done` can take effect one after another from a register that holds `value`: each
/// within its time, those of unknown outcome perhaps never.
fn has_order(ops: &[&Op], done: &mut Vec<bool>, value: ValueId) -> bool {
    let rest: Vec<usize> = (0..ops.len()).filter(|&op| !done[op]).collect();
    if rest.iter().all(|&op| ops[op].outcome == Outcome::Info) {
        return true;
    }
    rest.iter().any(|&next| {
        let is_first = rest.iter().all(|&other| ops[next].start < ops[other].end);
        let is_legal = ops[next].action == Action::Write || ops[next].value == value;
        is_first && is_legal && {
            done[next] = true;
            let found = has_order(ops, done, ops[next].value);
            done[next] = false;
            found
        }
    })
}

pub(crate) fn session(history: &History, earlier: Action, later: Action) -> Judgement {
    per_key(history, |key, judgement| {
        let ops = of_key(history, key);
        let later_outcomes: &[Outcome] = if later == Action::Write {
            &[Outcome::Ok, Outcome::Info]
        } else {
            &[Outcome::Ok]
        };
        for second in ops.iter().filter(|op| is(op, later, later_outcomes)) {
            let before = |first: &&&Op| {
                first.process == second.process
                    && first.start < second.start
                    && is(first, earlier, &[Outcome::Ok])
                    && !first.value.is_nil()
            };
            let firsts: Vec<&&Op> = ops.iter().filter(before).collect();
            let is_violation = firsts
                .iter()
                .any(|first| is_older(history, key, second.value, first.value));
            let has_version = |value| !versions(history, key, value).is_empty();
            let can_judge = match later {
                Action::Write => has_version(second.value) && firsts.iter().any(|first| has_version(first.value)),
                _ => !firsts.is_empty(),
            };
            if is_violation || can_judge {
                judgement.occasion(is_violation);
            }
        }
    })
}

pub(crate) fn acked_writes_survive(history: &History, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for key in history.keys() {
        let ops = of_key(history, key);
        let acked: Vec<&Op> = ops
            .iter()
            .copied()
            .filter(|op| is(op, Action::Write, &[Outcome::Ok]))
            .collect();
        let looks = last_looks(history, key, Phase::Final);
        if looks.is_empty() {
            if !acked.is_empty() {
                judgement.unknown_keys.insert(key);
            }
            continue;
        }
        if has_repeat(&ops) {
            judgement.unknown_keys.insert(key);
            continue;
        }
        let is_complete = context.replica_count.is_none_or(|count| count <= looks.len());
        for write in acked
            .iter()
            .filter(|write| looks.iter().all(|look| write.end < look.op.start))
        {
            let is_lost = looks
                .iter()
                .all(|look| is_older(history, key, look.op.value, write.value));
            if is_lost && !is_complete {
                judgement.unknown_keys.insert(key);
            } else {
                judgement.occasion(is_lost);
            }
        }
    }
    judgement
}

pub(crate) fn converged(history: &History, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for key in history.keys() {
        let ops = of_key(history, key);
        let looks = last_looks(history, key, Phase::Final);
        let is_written = |op: &&Op| {
            is(op, Action::Write, &[Outcome::Ok])
                && looks.iter().any(|look| op.start < look.op.end)
                && looks.iter().any(|look| look.op.start < op.end)
        };
        if ops.iter().any(is_written) {
            judgement.unknown_keys.insert(key);
            continue;
        }
        let versions_differ = |a: Option<VersionId>, b: Option<VersionId>| a.is_some() && b.is_some() && a != b;
        let differ = looks.iter().any(|a| {
            looks
                .iter()
                .any(|b| a.op.value != b.op.value || versions_differ(a.op.version, b.op.version))
        });
        if looks.len() >= 2 {
            judgement.occasion(differ);
        }
        let wanted = context.replica_count.unwrap_or(1).max(1);
        if !differ && possible_writes(&ops).next().is_some() && looks.len() < wanted {
            judgement.unknown_keys.insert(key);
        }
    }
    judgement
}

pub(crate) fn handoff(history: &History, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for key in history.keys() {
        let ops = of_key(history, key);
        let looks = last_looks(history, key, Phase::Handoff);
        if looks.is_empty() {
            continue;
        }
        if has_repeat(&ops) {
            judgement.unknown_keys.insert(key);
            continue;
        }
        let is_seen = |write: &Op| looks.iter().any(|look| look.op.value == write.value);
        let took_effect: Vec<&Op> = possible_writes(&ops)
            .filter(|write| write.outcome == Outcome::Ok || is_seen(write))
            .collect();
        let is_above = |a: &Op, b: &Op| a == b || version_less(history, key, b.value, a.value);
        let newest = took_effect
            .iter()
            .find(|write| took_effect.iter().all(|other| is_above(write, other)));
        if took_effect.len() > 1
            && took_effect
                .iter()
                .any(|write| versions(history, key, write.value).is_empty())
        {
            judgement.unknown_keys.insert(key);
            continue;
        }
        let Some(newest) = newest else {
            if !took_effect.is_empty() {
                judgement.unknown_keys.insert(key);
            }
            continue;
        };
        let window_ns = context.handoff_window.as_nanos() as u64;
        let crashed = |node: &str| {
            let times = context
                .crashes
                .iter()
                .filter(|crash| crash.node == node)
                .map(|crash| crash.time_ns);
            times
                .into_iter()
                .any(|time| newest.start_ns <= time && time <= newest.start_ns + window_ns)
        };
        if newest.node.is_none_or(|node| crashed(history.node(node))) {
            continue;
        }
        for look in looks
            .iter()
            .filter(|look| newest.outcome == Outcome::Info || newest.end < look.op.start)
        {
            let is_less = version_less(history, key, look.op.value, newest.value);
            judgement.occasion(look.op.value.is_nil() || is_less);
        }
    }
    judgement
}

pub(crate) fn reads_racing(history: &History) -> u64 {
    let races = |read: &&Op| {
        let ops = of_key(history, read.key);
        let mut acked = possible_writes(&ops).filter(|write| write.outcome == Outcome::Ok);
        acked.any(|write| write.start < read.end && read.start < write.end)
    };
    history
        .ops()
        .iter()
        .filter(|op| is(op, Action::Read, &[Outcome::Ok]))
        .filter(races)
        .count() as u64
}

/// Judges each key whose values tell which write they are of.
fn per_key(history: &History, judge: impl Fn(KeyId, &mut Judgement)) -> Judgement {
    let mut judgement = Judgement::default();
    for key in history.keys() {
        if has_repeat(&of_key(history, key)) {
            judgement.unknown_keys.insert(key);
        } else {
            judge(key, &mut judgement);
        }
    }
    judgement
}

fn has_repeat(ops: &[&Op]) -> bool {
    let mut seen = BTreeSet::from([ValueId::NIL]);
    possible_writes(ops).any(|write| !seen.insert(write.value))
}

/// Returns whether `a` is surely older than `b`: one is nil, or versions say so, or real time does.
fn is_older(history: &History, key: KeyId, a: ValueId, b: ValueId) -> bool {
    let ops = of_key(history, key);
    let in_time = possible_writes(&ops).any(|first| {
        first.value == a && possible_writes(&ops).any(|second| second.value == b && first.end < second.start)
    });
    !b.is_nil() && (a.is_nil() || version_less(history, key, a, b) || in_time)
}

fn version_less(history: &History, key: KeyId, a: ValueId, b: ValueId) -> bool {
    let (a, b) = (versions(history, key, a), versions(history, key, b));
    !a.is_empty() && !b.is_empty() && a.iter().all(|a| b.iter().all(|b| a < b))
}

/// Returns every version that an ok answer or an observation gave of `value`.
fn versions(history: &History, key: KeyId, value: ValueId) -> Vec<VersionId> {
    let looks = history.observations().iter().map(|look| &look.op);
    let of_value = |op: &&Op| op.key == key && op.value == value && !value.is_nil() && op.outcome == Outcome::Ok;
    history
        .ops()
        .iter()
        .chain(looks)
        .filter(of_value)
        .filter_map(|op| op.version)
        .collect()
}

fn last_looks(history: &History, key: KeyId, phase: Phase) -> Vec<&Observation> {
    let of_phase = |look: &&Observation| look.op.key == key && look.phase == phase;
    let looks: Vec<&Observation> = history.observations().iter().filter(of_phase).collect();
    let is_last = |look: &&&Observation| {
        looks
            .iter()
            .all(|other| other.node != look.node || other.op.start <= look.op.start)
    };
    looks.iter().filter(is_last).copied().collect()
}

fn all_returns(history: &History) -> impl Iterator<Item = &Op> {
    let reads = history.ops().iter().filter(|op| is(op, Action::Read, &[Outcome::Ok]));
    reads.chain(history.observations().iter().map(|look| &look.op))
}

fn of_key(history: &History, key: KeyId) -> Vec<&Op> {
    history.ops().iter().filter(|op| op.key == key).collect()
}

fn possible_writes<'h, 's>(ops: &'s [&'h Op]) -> impl Iterator<Item = &'h Op> + use<'h, 's> {
    ops.iter()
        .copied()
        .filter(|op| is(op, Action::Write, &[Outcome::Ok, Outcome::Info]))
}

fn writes(op: &Op, key: KeyId, value: ValueId, outcomes: &[Outcome]) -> bool {
    is(op, Action::Write, outcomes) && op.key == key && op.value == value
}

fn is(op: &Op, action: Action, outcomes: &[Outcome]) -> bool {
    let is_kind = op.action == action || action == Action::Write && op.action.is_write();
    is_kind && outcomes.contains(&op.outcome)
}
