//! The claims on siblings, sets and counters as their definitions read: quantifiers over all ops.

use std::collections::BTreeSet;

use quorate_checker::{Action, History, KeyId, Op, Outcome, Position};
use serde_json::Value;

use crate::replicas::Kind;

/// Returns how many occasions `claim` has by its definition, and how many break it.
pub(crate) fn judge(kind: Kind, claim: &str, history: &History) -> (u64, u64) {
    let mut total = (0, 0);
    for key in history.keys() {
        let key = Key::new(kind, history, key);
        let found = match kind {
            Kind::Counter => key.judge_counter(claim),
            Kind::Siblings | Kind::Set => key.judge_collection(claim),
        };
        for broken in found {
            total.0 += 1;
            total.1 += u64::from(broken);
        }
    }
    total
}

struct Key<'h> {
    kind: Kind,
    history: &'h History,
    writes: Vec<&'h Op>,
    puts: Vec<&'h Op>,
    reads: Vec<&'h Op>,
    looks: Vec<&'h Op>,
}

impl<'h> Key<'h> {
    fn new(kind: Kind, history: &'h History, key: KeyId) -> Self {
        let of_key = || history.ops().iter().filter(move |op| op.key == key);
        let put = if kind == Kind::Set { Action::Add } else { Action::Write };
        Self {
            kind,
            history,
            writes: of_key().filter(|op| op.action.is_write()).collect(),
            puts: of_key().filter(|op| op.action == put).collect(),
            reads: of_key().filter(|op| op.is_ok_read()).collect(),
            looks: history
                .observations()
                .iter()
                .map(|look| &look.op)
                .filter(|op| op.key == key)
                .collect(),
        }
    }

    fn list(&self, read: &Op) -> Vec<&'h Value> {
        self.history
            .value(read.value)
            .as_array()
            .into_iter()
            .flatten()
            .collect()
    }

    fn has(&self, read: &Op, value: &Value) -> bool {
        self.list(read).contains(&value)
    }

    fn value(&self, op: &Op) -> &'h Value {
        self.history.value(op.value)
    }

    fn possible(&self) -> impl Iterator<Item = &'h Op> + use<'_, 'h> {
        self.writes.iter().copied().filter(|op| op.outcome != Outcome::Fail)
    }

    /// Returns whether `by` takes `value` away; of a remove, whether it promises to.
    fn takes(&self, by: &Op, value: &Value, is_promise: bool) -> bool {
        let sees = self
            .history
            .seen(by)
            .iter()
            .any(|seen| self.history.value(*seen) == value);
        if self.kind == Kind::Set {
            return by.action == Action::Remove && self.value(by) == value && (sees || !is_promise);
        }
        let through = |via: &&Op| {
            let is_seen = self.history.seen(by).contains(&via.value);
            is_seen && via.outcome != Outcome::Fail && via.start < by.start
        };
        sees || self
            .puts
            .iter()
            .copied()
            .filter(through)
            .any(|via| self.takes(via, value, is_promise))
    }

    fn may_be_gone(&self, value: &Value, by: Position) -> bool {
        self.possible().any(|op| op.start < by && self.takes(op, value, false))
    }

    fn is_gone(&self, value: &Value, by: Position) -> bool {
        let acked = self.possible().filter(|op| op.outcome == Outcome::Ok && op.end < by);
        acked.into_iter().any(|op| self.takes(op, value, true))
    }

    fn source(&self, value: &Value, read: &Op) -> (bool, bool) {
        let of_value = self
            .puts
            .iter()
            .filter(|op| self.value(op) == value && op.start < read.end);
        let outcomes: BTreeSet<Outcome> = of_value.map(|op| op.outcome).collect();
        let is_known = outcomes.iter().any(|outcome| *outcome != Outcome::Fail);
        (is_known, !is_known && !outcomes.is_empty())
    }

    fn judge_collection(&self, claim: &str) -> Vec<bool> {
        let all: Vec<&Op> = self.reads.iter().chain(&self.looks).copied().collect();
        let nowhere = |read: &&Op| {
            self.list(read)
                .iter()
                .any(|value| self.source(value, read) == (false, false))
        };
        let aborted = |read: &&Op| self.list(read).iter().any(|value| self.source(value, read).1);
        let acked: Vec<&Op> = self
            .puts
            .iter()
            .copied()
            .filter(|op| op.outcome == Outcome::Ok)
            .collect();
        match claim {
            "values-from-nowhere" => all.iter().map(nowhere).collect(),
            "failed-writes-visible" => {
                let has_failed = |read: &&&Op| {
                    let mut failed = self.writes.iter().filter(|op| op.outcome == Outcome::Fail);
                    failed.any(|op| op.start < read.end)
                };
                all.iter().filter(has_failed).map(aborted).collect()
            }
            "complete" => self.missing(&self.reads, |read| {
                let acked = acked.iter().filter(|write| write.end < read.start);
                acked.map(|write| self.value(write)).collect()
            }),
            "overwritten-stay-gone" | "removed-stay-removed" => self.back(&all),
            "gone-in-the-end" => self.back(&self.looks),
            "not-invented" => {
                let several = all.iter().filter(|read| self.list(read).len() > 1);
                several.map(|read| self.has_false_sibling(read)).collect()
            }
            "read-your-writes" => self.missing(&self.reads, |read| {
                let own = acked
                    .iter()
                    .filter(|write| write.process == read.process && write.start < read.start);
                own.map(|write| self.value(write)).collect()
            }),
            "monotonic-reads" => self.missing(&self.reads, |read| {
                let before = self
                    .reads
                    .iter()
                    .filter(|it| it.process == read.process && it.start < read.start);
                let values = before.flat_map(|it| self.list(it).into_iter().filter(|value| self.source(value, it).0));
                values.collect()
            }),
            "acked-writes-survive" => self.lost(&acked),
            "exact" => {
                let phantoms = self.looks.iter().flat_map(|look| [nowhere(look), aborted(look)]);
                let rest = [self.lost(&acked), self.back(&self.looks)].concat();
                phantoms.chain(rest).collect()
            }
            "converged" => {
                let held =
                    |look: &Op| -> BTreeSet<String> { self.list(look).iter().map(|it| it.to_string()).collect() };
                let sizes = |look: &Op| self.list(look).len();
                let differ = |a: &Op, b: &Op| held(a) != held(b) || sizes(a) != sizes(b);
                vec![self.looks.iter().any(|a| self.looks.iter().any(|b| differ(a, b)))]
            }
            other => panic!("{other} has no definition here"),
        }
    }

    /// Each read that has to have something, and whether it misses any of it.
    fn missing(&self, reads: &[&'h Op], due: impl Fn(&Op) -> Vec<&'h Value>) -> Vec<bool> {
        let judge = |read: &&Op| {
            let due: Vec<&Value> = due(read)
                .into_iter()
                .filter(|value| !self.may_be_gone(value, read.end))
                .collect();
            (!due.is_empty()).then(|| due.iter().any(|value| !self.has(read, value)))
        };
        reads.iter().filter_map(judge).collect()
    }

    fn back(&self, reads: &[&'h Op]) -> Vec<bool> {
        let judge = |read: &&Op| {
            let mut seen = self
                .writes
                .iter()
                .flat_map(|op| self.history.seen(op))
                .map(|value| self.history.value(*value));
            let is_due = seen.any(|value| self.is_gone(value, read.start));
            is_due.then(|| self.list(read).iter().any(|value| self.is_gone(value, read.start)))
        };
        reads.iter().filter_map(judge).collect()
    }

    fn lost(&self, acked: &[&'h Op]) -> Vec<bool> {
        let due = acked
            .iter()
            .filter(|write| !self.may_be_gone(self.value(write), Position::NEVER));
        due.map(|write| !self.looks.iter().any(|look| self.has(look, self.value(write))))
            .collect()
    }

    fn has_false_sibling(&self, read: &Op) -> bool {
        let list = self.list(read);
        let is_twice = list
            .iter()
            .any(|value| list.iter().filter(|other| *other == value).count() > 1);
        let possible = self.puts.iter().filter(|op| op.outcome != Outcome::Fail);
        let mut there = possible.filter(|op| list.contains(&self.value(op)));
        is_twice || there.any(|newer| list.iter().any(|older| self.takes(newer, older, false)))
    }

    fn judge_counter(&self, claim: &str) -> Vec<bool> {
        let number = |op: &Op| self.value(op).as_i64().unwrap_or(0);
        let all: Vec<&Op> = self.reads.iter().chain(&self.looks).copied().collect();
        // Every choice of what may count is within these, and each of the two is one.
        let is_out = |read: &&Op, counts: &dyn Fn(&Op) -> bool| {
            let (mut least, mut greatest) = (0, 0);
            for op in self.possible().filter(|op| op.start < read.end) {
                let delta = number(op);
                least += if counts(op) { delta } else { delta.min(0) };
                greatest += if counts(op) { delta } else { delta.max(0) };
            }
            !(least..=greatest).contains(&number(read))
        };
        let acked = |read: &Op, op: &Op| op.outcome == Outcome::Ok && op.end < read.start;
        let own = |read: &Op, op: &Op| acked(read, op) && op.process == read.process;
        match claim {
            "values-from-nowhere" => all.iter().map(|read| is_out(read, &|_| false)).collect(),
            "fresh-reads" => self
                .reads
                .iter()
                .map(|read| is_out(read, &|op| acked(read, op)))
                .collect(),
            "exact" => self
                .looks
                .iter()
                .map(|read| is_out(read, &|op| acked(read, op)))
                .collect(),
            "read-your-writes" => {
                let has_own = |read: &&&Op| self.possible().any(|op| own(read, op));
                let reads = self.reads.iter().filter(has_own);
                reads.map(|read| is_out(read, &|op| own(read, op))).collect()
            }
            "converged" => vec![self.looks.iter().any(|look| number(look) != number(self.looks[0]))],
            other => panic!("{other} has no definition here"),
        }
    }
}
