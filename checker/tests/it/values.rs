//! What is concluded of sessions from values alone: by definition on small histories, by hierarchy, and planted in large
//! ones.

use std::collections::BTreeSet;

use quorate_checker::{Context, Event, EventKind, Finding, History, Op, Outcome, ValueId, checks, text};

use crate::{
    claims::{Check, VALUE_CLAIMS},
    scatter::{self, Shape},
    store::{self, Load},
};

/// How many small histories each test draws.
const SEEDS: u64 = 30_000;

#[test]
fn session_guarantees_agree_with_their_definitions() {
    let mut broken = [0; 5];
    for seed in 0..SEEDS {
        let history = scatter::history(&small(seed));
        let key_count = history.keys().filter(|key| history.repeat(*key).is_none()).count();
        let holds = |guarantees: &[Guarantee]| is_explained(&history, guarantees);
        let [own, reads, writes, follow] = Guarantee::ALL;
        let said = [
            (checks::read_your_writes_from_values as Check, !holds(&[own]), false),
            (checks::monotonic_reads_from_values, !holds(&[reads]), false),
            // Where reads alone are not monotonic, writes may or may not have a part in it.
            (
                checks::monotonic_writes_from_values,
                !holds(&[reads, writes]),
                !holds(&[reads]),
            ),
            (
                checks::writes_follow_reads_from_values,
                !holds(&[reads, follow]),
                !holds(&[reads]),
            ),
            (checks::session_guarantees_from_values, !holds(&Guarantee::ALL), false),
        ];
        for (nth, (check, is_broken, is_excused)) in said.into_iter().enumerate() {
            let finding = check(&history, &Context::default());
            assert!(
                (finding.count > 0) == is_broken || is_excused && is_broken,
                "seed {seed}, {nth}: by definition {is_broken}, but {finding:#?}\nof\n{}",
                text::render(&history)
            );
            assert_eq!(finding.unknown.is_some(), key_count < history.keys().count());
            broken[nth] += u64::from(finding.count > 0);
        }
    }
    assert!(
        broken.iter().all(|count| (SEEDS / 300..SEEDS * 9 / 10).contains(count)),
        "{broken:?}"
    );
}

/// The ops of a witness, with nothing else of the history, break the claim; and with any one of them gone they do not.
#[test]
fn witnesses_from_values_stand_alone() {
    for seed in 0..SEEDS / 2 {
        let events = small(seed);
        let history = scatter::history(&events);
        for (name, check) in VALUE_CLAIMS {
            let Some(witness) = check(&history, &Context::default()).witness else {
                continue;
            };
            // Where reports of versions differ, fewer of them can say something else.
            if name == &"causal" && !has_one_version_each(&history) {
                continue;
            }
            // Without a delete a read of its nothing is one of the beginning, and broken more simply.
            let can_go = witness.ops.iter().filter(|op| op.function != "delete");
            let all: BTreeSet<u64> = can_go.map(|op| op.index).collect();
            let again = |spare: Option<u64>| -> Finding {
                let is_of = |event: &&Event| {
                    let mut ops = witness.ops.iter().filter(|op| Some(op.index) != spare);
                    ops.any(|op| op.index == event.index || op.completion_index == Some(event.index))
                };
                let events: Vec<Event> = events.iter().filter(is_of).cloned().collect();
                check(&scatter::history(&events), &Context::default())
            };
            let alone = again(None);
            assert!(
                alone.count > 0,
                "seed {seed}, {name}: {} alone gives {alone:#?} of\n{}",
                witness.text,
                text::render(&history)
            );
            // Another op that reports a version may do for one of the readers.
            if witness.text.contains("as their versions") {
                continue;
            }
            for spare in all {
                let is_phantom = |finding: &Finding| {
                    let text = finding.witness.as_ref().map(|witness| witness.text.as_str());
                    text.is_some_and(|text| text.contains("nobody wrote"))
                };
                let rest = again(Some(spare));
                // Without its write a value is from nowhere: broken too, but for another reason.
                assert!(
                    rest.count == 0 || is_phantom(&rest),
                    "seed {seed}, {name}: {spare} can be spared from {}: {rest:#?}\n{}",
                    witness.text,
                    text::render(&history)
                );
            }
        }
    }
}

/// Returns whether each value has at most one version, of its own.
fn has_one_version_each(history: &History) -> bool {
    let reports: BTreeSet<_> = history
        .ops()
        .iter()
        .filter_map(|op| Some((op.key, op.value, op.version?)))
        .collect();
    let values: BTreeSet<_> = reports.iter().map(|(_, value, _)| value).collect();
    let versions: BTreeSet<_> = reports.iter().map(|(key, _, version)| (key, version)).collect();
    values.len() == reports.len() && versions.len() == reports.len()
}

#[test]
fn linearizable_implies_causal_and_causal_implies_sessions() {
    let (mut linearizable, mut causal, mut sessions) = (0, 0, 0);
    for seed in 0..SEEDS {
        let events: Vec<Event> = small(seed)
            .into_iter()
            .map(|event| Event { version: None, ..event })
            .collect();
        let history = scatter::history(&events);
        let holds = |check: Check| check(&history, &Context::default()).count == 0;
        let is_judged = history.keys().all(|key| history.repeat(key).is_none());
        let require = |stronger: &str, weaker: &str, check: Check| {
            let text = text::render(&history);
            assert!(holds(check), "seed {seed}: {stronger} but not {weaker}:\n{text}");
        };
        if is_judged && holds(checks::linearizable) {
            linearizable += 1;
            require("linearizable", "causal", checks::causal);
        }
        if holds(checks::causal_from_values) {
            causal += 1;
            require(
                "causal",
                "all of the session guarantees",
                checks::session_guarantees_from_values,
            );
        }
        if holds(checks::session_guarantees_from_values) {
            sessions += 1;
            for (name, check) in &VALUE_CLAIMS[..4] {
                require("all of the session guarantees", name, *check);
            }
        }
    }
    assert!(
        linearizable > 2_000 && causal > linearizable + 1_000 && sessions > causal + 500 && sessions < SEEDS * 19 / 20,
        "{linearizable}, {causal}, {sessions}"
    );
}

#[test]
fn a_linearizable_store_breaks_nothing_and_tests_all() {
    for seed in 0..8 {
        let history = scatter::history(&large(seed));
        for (name, check) in VALUE_CLAIMS {
            let finding = check(&history, &Context::default());
            assert!(
                finding.count == 0 && finding.unknown.is_none() && finding.tested > 0,
                "seed {seed}, {name}: {finding:#?}"
            );
        }
    }
}

/// Two reads of one session, by which all others hold, swapped: what it had read first it reads again later.
#[test]
fn reads_that_go_back_are_found() {
    for seed in 0..6 {
        let mut events = large(seed);
        let history = scatter::history(&events);
        let mut reads = history
            .ops()
            .iter()
            .filter(|op| op.is_ok_read() && !history.is_nothing(op.value))
            .skip(600);
        let (first, second, third) = reads
            .find_map(|first| {
                let of_session = |op: &&Op| {
                    let is_later = op.process == first.process && op.key == first.key && op.start > first.start;
                    is_later && op.is_ok_read() && !history.is_nothing(op.value)
                };
                let second = history
                    .ops()
                    .iter()
                    .filter(of_session)
                    .find(|op| op.value != first.value)?;
                let third = history
                    .ops()
                    .iter()
                    .filter(of_session)
                    .find(|op| op.start > second.start)?;
                Some((first, second, third))
            })
            .expect("some session reads three times");
        let at = third.completion_index().expect("it returned") as usize;
        events[at].value = history.value(first.value).clone();
        let history = scatter::history(&events);
        let finding = checks::monotonic_reads_from_values(&history, &Context::default());
        let witness = finding.witness.expect("the session's reads go back");
        assert!(
            finding.count == 1 && witness.ops.len() <= 5,
            "seed {seed}: {witness:#?}"
        );
        let indices: Vec<u64> = witness.ops.iter().map(|op| op.index).collect();
        assert!(
            indices.contains(&third.index),
            "seed {seed}: {indices:?} lacks {second:?}"
        );
        let causal = checks::causal_from_values(&history, &Context::default());
        assert!(causal.count > 0, "seed {seed}: {causal:#?}");
    }
}

/// A client's two writes, of which two others, who do nothing else, see the second first.
#[test]
fn writes_that_are_seen_in_another_order_are_found() {
    for seed in 0..6 {
        let mut events = large(seed);
        let next = events.len() as u64;
        let by = |process: i64, call: Event| Event {
            process: process.into(),
            ..call
        };
        let extra = [
            (by(9_001, Event::write(0, "k0", "first")), None),
            (by(9_001, Event::write(0, "k0", "second")), None),
            (by(9_002, Event::read(0, "k0")), Some("second")),
            (by(9_002, Event::read(0, "k0")), Some("first")),
        ];
        for (call, returned) in extra {
            let index = events.len() as u64;
            let call = Event {
                index,
                time_ns: index * 1_000,
                ..call
            };
            let value = returned.map_or(call.value.clone(), Into::into);
            let index = index + 1;
            events.push(call.clone());
            events.push(Event {
                index,
                time_ns: index * 1_000,
                value,
                ..call.completion(EventKind::Ok)
            });
        }
        let history = scatter::history(&events);
        for (name, check) in VALUE_CLAIMS {
            let finding = check(&history, &Context::default());
            let is_due = ["monotonic-writes-v", "sessions-v", "causal", "causal-v"].contains(name);
            assert_eq!(finding.count > 0, is_due, "seed {seed}, {name}: {finding:#?}");
            if is_due {
                let witness = finding.witness.expect("a violation has evidence");
                let indices: Vec<u64> = witness.ops.iter().map(|op| op.index).collect();
                assert_eq!(indices, [next, next + 2, next + 4, next + 6], "seed {seed}, {name}");
            }
        }
    }
}

fn small(seed: u64) -> Vec<Event> {
    let shape = Shape {
        op_count_max: 12,
        key_count: 1 + seed as usize % 2,
        has_looks: false,
        has_deletes: seed.is_multiple_of(3),
    };
    scatter::events(seed, shape)
}

fn large(seed: u64) -> Vec<Event> {
    let load = Load {
        op_count: 4_000,
        client_count: 8,
        key_count: 4,
        seed,
        has_deletes: seed % 2 == 1,
    };
    store::run(load)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Guarantee {
    ReadYourWrites,
    MonotonicReads,
    MonotonicWrites,
    WritesFollowReads,
}

impl Guarantee {
    const ALL: [Self; 4] = [
        Self::ReadYourWrites,
        Self::MonotonicReads,
        Self::MonotonicWrites,
        Self::WritesFollowReads,
    ];
}

/// Returns whether for every key some order of its writes, and what is visible to each read, satisfy `guarantees`.
fn is_explained(history: &History, guarantees: &[Guarantee]) -> bool {
    history.keys().filter(|key| history.repeat(*key).is_none()).all(|key| {
        let is_of = |op: &&Op| {
            let is_write = op.action.is_write() && op.outcome != Outcome::Fail;
            let is_known = op.value.is_nil()
                || history
                    .ops()
                    .iter()
                    .any(|it| it.action.is_write() && it.outcome != Outcome::Fail && it.value == op.value);
            op.key == key && (is_write || op.is_ok_read() && is_known)
        };
        let ops: Vec<&Op> = history.ops().iter().filter(is_of).collect();
        let values: Vec<ValueId> = ops
            .iter()
            .filter(|op| op.action.is_write())
            .map(|op| op.value)
            .collect();
        any_order(&values, &mut Vec::new(), &|order| satisfies(&ops, order, guarantees))
    })
}

fn any_order(values: &[ValueId], order: &mut Vec<ValueId>, is_right: &impl Fn(&[ValueId]) -> bool) -> bool {
    // What is wrong with a beginning is wrong with the whole.
    if !is_right(order) {
        return false;
    }
    order.len() == values.len()
        || values.iter().any(|value| {
            !order.contains(value) && {
                order.push(*value);
                let found = any_order(values, order, is_right);
                order.pop();
                found
            }
        })
}

/// Returns whether nothing is wrong as far as `order` goes: later values come after it.
fn satisfies(ops: &[&Op], order: &[ValueId], guarantees: &[Guarantee]) -> bool {
    let place = |value: ValueId| order.iter().position(|it| *it == value);
    let is_after = |a: ValueId, b: ValueId| match (place(a), place(b)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(a), Some(b)) => a > b,
    };
    let has = |guarantee| guarantees.contains(&guarantee);
    let visible: Vec<BTreeSet<ValueId>> = ops
        .iter()
        .map(|read| {
            let mut visible = BTreeSet::from([read.value]);
            let before = ops
                .iter()
                .filter(|op| op.process == read.process && op.start < read.start);
            for op in before {
                let is_write = op.action.is_write();
                let is_visible =
                    is_write && has(Guarantee::ReadYourWrites) || !is_write && has(Guarantee::MonotonicReads);
                if is_visible {
                    visible.insert(op.value);
                }
            }
            visible.remove(&ValueId::NIL);
            visible
        })
        .collect();
    let reads = || ops.iter().zip(&visible).filter(|(op, _)| !op.action.is_write());
    let writes = || ops.iter().filter(|op| op.action.is_write());
    let is_last = |(read, visible): (&&Op, &BTreeSet<ValueId>)| {
        visible
            .iter()
            .all(|value| *value == read.value || !read.value.is_nil() && !is_after(*value, read.value))
    };
    let monotonic_writes = || {
        let is_right = |a: &&Op, b: &&Op| a.process != b.process || a.start >= b.start || !is_after(a.value, b.value);
        writes().all(|a| writes().all(|b| is_right(a, b)))
    };
    let writes_follow_reads = || {
        reads().all(|(read, visible)| {
            let after = writes().filter(|write| write.process == read.process && write.start > read.start);
            after.into_iter().all(|write| {
                visible
                    .iter()
                    .all(|value| *value != write.value && !is_after(*value, write.value))
            })
        })
    };
    reads().all(is_last)
        && (!has(Guarantee::MonotonicWrites) || monotonic_writes())
        && (!has(Guarantee::WritesFollowReads) || writes_follow_reads())
}
