//! One anomaly planted in a large valid history, and found.

use std::collections::BTreeSet;

use quorate_checker::{Action, Context, Event, EventKind, Function, History, Op, Outcome, Phase, Version};
use serde_json::Value;

use crate::{
    claims::CLAIMS,
    scatter,
    store::{self, Load},
};

/// How many runs each anomaly is planted in.
const RUNS: u64 = 6;

#[test]
fn a_value_from_nowhere() {
    plant(&["values-from-nowhere", "linearizable"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        answer(events, read, Value::from(-1), None);
        Some(vec![read.index])
    });
}

#[test]
fn a_value_of_the_future() {
    plant(&["values-from-nowhere", "linearizable"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        let write = writes(history).find(|write| write.key == read.key && read.end < write.start)?;
        answer(events, read, value(history, write), None);
        Some(vec![read.index])
    });
}

#[test]
fn a_failed_write_that_a_client_sees() {
    plant(&["failed-writes-visible", "linearizable"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        let is_failed = |op: &&Op| op.is_failed_write() && op.key == read.key && op.start < read.end;
        let write = history.ops().iter().find(is_failed)?;
        answer(events, read, value(history, write), None);
        Some(vec![read.index])
    });
}

#[test]
fn a_failed_write_that_a_replica_holds() {
    plant(&["failed-writes-visible"], |events, history, nth| {
        let looks = history.observations();
        let look = &looks[nth % looks.len()];
        let write = history
            .ops()
            .iter()
            .find(|op| op.is_failed_write() && op.key == look.op.key)?;
        answer(events, &look.op, value(history, write), None);
        Some(vec![look.op.index])
    });
}

#[test]
fn a_stale_read() {
    plant(&["fresh-reads", "linearizable"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        let is_before = |it: &&Op| it.key == read.key && it.end < read.start && it.process != read.process;
        let newer = acked(history).filter(is_before).last()?;
        let older = acked(history).find(|write| write.key == read.key && write.end < newer.start)?;
        answer(events, read, value(history, older), None);
        Some(vec![read.index])
    });
}

#[test]
fn a_read_of_nothing() {
    plant(&["fresh-reads", "linearizable"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        acked(history).find(|write| write.key == read.key && write.end < read.start)?;
        answer(events, read, Value::Null, None);
        Some(vec![read.index])
    });
}

/// While a write is under way one read has its value and a later one of another client has the value before it.
#[test]
fn new_then_old() {
    plant(&["linearizable"], |events, history, nth| {
        let of_key = |key| move |op: &&Op| op.key == key;
        let (write, first, second) = acked(history).skip(nth / 4).find_map(|write| {
            let mut during = reads(history)
                .filter(of_key(write.key))
                .filter(|read| write.start < read.start && read.end < write.end && read.value != write.value);
            let first = during.next()?;
            let second = during
                .find(|read| first.end < read.start && read.value == first.value && read.process != first.process)?;
            Some((write, first, second))
        })?;
        answer(events, first, value(history, write), None);
        Some(vec![first.index, second.index])
    });
}

#[test]
fn a_session_that_misses_its_own_write() {
    plant(
        &["read-your-writes", "fresh-reads", "linearizable"],
        |events, history, nth| {
            let read = reads(history).nth(nth)?;
            let own =
                acked(history).find(|it| it.key == read.key && it.process == read.process && it.end < read.start)?;
            let older = acked(history).find(|write| write.key == read.key && write.end < own.start)?;
            answer(events, read, value(history, older), None);
            Some(vec![read.index])
        },
    );
}

#[test]
fn a_session_whose_reads_go_back() {
    plant(&["monotonic-reads"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        let is_before = |it: &&Op| it.key == read.key && it.process == read.process && it.start < read.start;
        let before = reads(history).filter(is_before).find(|it| it.version.is_some())?;
        let older = acked(history).find(|write| write.key == read.key && write.version < before.version)?;
        answer(events, read, value(history, older), version(history, older));
        Some(vec![read.index])
    });
}

#[test]
fn a_session_whose_writes_are_out_of_order() {
    plant(&["monotonic-writes"], |events, history, nth| {
        let second = acked(history).nth(nth)?;
        let first =
            acked(history).find(|it| it.key == second.key && it.process == second.process && it.end < second.start)?;
        swap_versions(events, history, first, second);
        Some(vec![first.index, second.index])
    });
}

#[test]
fn a_write_below_what_its_session_had_read() {
    plant(&["writes-follow-reads"], |events, history, nth| {
        let second = acked(history).nth(nth)?;
        let is_before = |it: &&Op| it.key == second.key && it.process == second.process && it.end < second.start;
        let read = reads(history).filter(is_before).find(|read| !read.value.is_nil())?;
        let first = acked(history).find(|write| write.key == read.key && write.value == read.value)?;
        swap_versions(events, history, first, second);
        Some(vec![first.index, second.index])
    });
}

#[test]
fn an_acknowledged_write_that_is_lost() {
    plant(&["acked-writes-survive"], |events, history, nth| {
        let looks = history.observations();
        let key = looks[nth % looks.len()].op.key;
        let last = acked(history).filter(|write| write.key == key).last()?;
        let older = acked(history).find(|write| write.key == key && write.end < last.start)?;
        for look in history.observations_of(key).filter(|look| look.phase == Phase::Final) {
            answer(events, &look.op, value(history, older), version(history, older));
        }
        Some(history.observations_of(key).map(|look| look.op.index).collect())
    });
}

#[test]
fn a_deleted_value_that_is_read() {
    plant(&["deletes-stay-deleted", "fresh-reads"], |events, history, nth| {
        let read = reads(history).nth(nth)?;
        let (write, _) = deleted_before(history, read)?;
        answer(events, read, value(history, write), version(history, write));
        Some(vec![read.index])
    });
}

#[test]
fn a_deleted_value_that_rises_at_one_replica() {
    plant(
        &["deleted-in-the-end", "deletes-stay-deleted"],
        |events, history, nth| {
            let looks = history.observations().iter().filter(|look| look.phase == Phase::Final);
            let look = looks.cycle().nth(nth)?;
            let (write, _) = deleted_before(history, &look.op)?;
            answer(events, &look.op, value(history, write), version(history, write));
            Some(vec![look.op.index])
        },
    );
}

#[test]
fn a_replica_that_differs() {
    plant(&["converged"], |events, history, nth| {
        let looks: Vec<_> = history
            .observations()
            .iter()
            .filter(|look| look.phase == Phase::Final)
            .collect();
        let look = looks[nth % looks.len()];
        answer(events, &look.op, Value::Null, None);
        Some(vec![look.op.index])
    });
}

#[test]
fn a_replica_whose_version_alone_differs() {
    plant(&["converged"], |events, history, nth| {
        let looks: Vec<_> = history
            .observations()
            .iter()
            .filter(|look| look.phase == Phase::Final)
            .collect();
        let look = looks[nth % looks.len()];
        answer(events, &look.op, value(history, &look.op), Some(Version::Integer(0)));
        Some(vec![look.op.index])
    });
}

#[test]
fn a_hint_that_was_not_delivered() {
    plant(&["handoff"], |events, history, nth| {
        let looks: Vec<_> = history
            .observations()
            .iter()
            .filter(|look| look.phase == Phase::Handoff)
            .collect();
        let look = looks[nth % looks.len()];
        let older = acked(history).find(|write| write.key == look.op.key)?;
        answer(events, &look.op, value(history, older), version(history, older));
        Some(vec![look.op.index])
    });
}

/// Changes one thing in each of several valid histories and requires that the claims in `broken` are found so, with one
/// of the ops that `change` returns in evidence, and that the claims of which `broken` says nothing and that do not go
/// with it hold.
fn plant(broken: &[&str], change: impl Fn(&mut Vec<Event>, &History, usize) -> Option<Vec<u64>>) {
    for seed in 0..RUNS {
        let load = Load {
            op_count: 10_000,
            client_count: 8,
            key_count: 4,
            seed,
            has_deletes: broken.iter().any(|name| name.contains("delete")),
        };
        let mut events = store::run(load);
        let valid = scatter::history(&events);
        // From the middle on, the first place where the change can be made.
        let planted = (400..1_000)
            .find_map(|nth| change(&mut events, &valid, nth))
            .expect("the change can be made");
        let history = scatter::history(&events);
        let context = Context {
            replica_count: Some(store::REPLICAS.len()),
            ..Context::default()
        };
        let found = CLAIMS.map(|(name, check)| (name, check(&history, &context)));
        let is_broken = |name: &str| found.iter().any(|(claim, finding)| *claim == name && finding.count > 0);
        let evidence: BTreeSet<u64> = found
            .iter()
            .filter_map(|(_, finding)| finding.witness.as_ref())
            .flat_map(|it| &it.ops)
            .map(|op| op.index)
            .collect();
        assert!(
            broken.iter().all(|name| is_broken(name)),
            "seed {seed}: of {broken:?} found {found:#?}"
        );
        assert!(
            planted.iter().any(|index| evidence.contains(index)),
            "seed {seed}: {planted:?} are not in {found:#?}"
        );
        for (name, finding) in &found {
            let is_kin = broken.iter().any(|planted| kin(planted).contains(name));
            assert!(
                finding.count == 0 || is_kin,
                "seed {seed}: {broken:?} planted, {name} found: {finding:#?}"
            );
        }
    }
}

/// The claims that may go down with one, itself among them.
fn kin(name: &str) -> &'static [&'static str] {
    match name {
        "values-from-nowhere" => &["values-from-nowhere", "linearizable", "writes-follow-reads"],
        "failed-writes-visible" => &["failed-writes-visible", "linearizable", "converged"],
        "monotonic-writes" | "writes-follow-reads" => &[
            "monotonic-writes",
            "writes-follow-reads",
            "monotonic-reads",
            "read-your-writes",
            "acked-writes-survive",
            "handoff",
        ],
        "acked-writes-survive" => &["acked-writes-survive"],
        "converged" => &["converged"],
        "deleted-in-the-end" => &["deleted-in-the-end", "deletes-stay-deleted", "converged"],
        "handoff" => &["handoff"],
        _ => &[
            "fresh-reads",
            "linearizable",
            "read-your-writes",
            "monotonic-reads",
            "writes-follow-reads",
            "deletes-stay-deleted",
        ],
    }
}

fn reads(history: &History) -> impl Iterator<Item = &Op> {
    history.ops().iter().filter(|op| op.is_ok_read())
}

fn writes(history: &History) -> impl Iterator<Item = &Op> {
    history
        .ops()
        .iter()
        .filter(|op| op.action == Action::Write && op.outcome != Outcome::Fail)
}

fn acked(history: &History) -> impl Iterator<Item = &Op> {
    history.ops().iter().filter(|op| op.is_acked_write())
}

/// Returns a write of the key of `read`, and a delete that came after it and before `read`.
fn deleted_before<'h>(history: &'h History, read: &Op) -> Option<(&'h Op, &'h Op)> {
    let of_key = |op: &&Op| op.key == read.key && op.end < read.start;
    let delete = acked(history)
        .filter(of_key)
        .filter(|op| op.action == Action::Delete)
        .last()?;
    let is_before = |op: &&Op| op.action == Action::Write && op.end < delete.start;
    let write = acked(history).filter(of_key).filter(is_before).last()?;
    Some((write, delete))
}

pub(crate) fn value(history: &History, op: &Op) -> Value {
    history.value(op.value).clone()
}

fn version(history: &History, op: &Op) -> Option<Version> {
    op.version.map(|version| history.version(version))
}

/// Lets `op` have returned something else.
pub(crate) fn answer(events: &mut [Event], op: &Op, value: Value, version: Option<Version>) {
    let at = op.completion_index().expect("the op returned") as usize;
    assert!(
        events[at].kind == EventKind::Ok && events[at].function != Function::Write,
        "{:?} returned",
        events[at]
    );
    events[at] = Event {
        value,
        version,
        ..events[at].clone()
    };
}

/// Lets the store have given to each of two values, wherever it reported one, the version of the other.
pub(crate) fn swap_versions(events: &mut [Event], history: &History, a: &Op, b: &Op) {
    let (a, b) = (
        (value(history, a), version(history, a)),
        (value(history, b), version(history, b)),
    );
    for event in events.iter_mut().filter(|event| event.version.is_some()) {
        let is = |value: &Value| event.value == *value;
        let version = if is(&a.0) {
            b.1.clone()
        } else if is(&b.0) {
            a.1.clone()
        } else {
            continue;
        };
        event.version = version;
    }
}
