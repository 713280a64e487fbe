//! One anomaly planted in a large valid history of each workload, and found.

use std::collections::BTreeSet;

use quorate_checker::{Datum, Entry, EventKind};

use super::{
    random::{self, BankStore, CounterStore, ForkStore, IdStore, Lies, QueueStore, SetStore, Shape, Store},
    runner,
};

/// How many calls each history has.
const CALLS: usize = 100_000;

#[test]
fn an_element_that_the_last_read_misses() {
    let store = SetStore::new("add", Lies(0), None, 2);
    plant("set", store, "lost", |entries| {
        let read = last_read(entries);
        without(&mut entries[read], 1_000);
        vec![read]
    });
}

#[test]
fn an_element_that_is_lost() {
    let store = SetStore::new("add", Lies(0), None, 2);
    plant("set-full", store, "lost", |entries| {
        let read = last_read(entries);
        without(&mut entries[read], 1_000);
        vec![read]
    });
}

#[test]
fn an_element_that_is_stale() {
    let store = SetStore::new("add", Lies(0), None, 2);
    plant("set-full linearizable", store, "stale", |entries| {
        let read = reads(entries).nth(8).expect("there are more reads");
        without(&mut entries[read], 1_000);
        vec![read]
    });
}

#[test]
fn an_element_twice() {
    let store = SetStore::new("add", Lies(0), None, 2);
    plant("set-full", store, "duplicated", |entries| {
        let read = last_read(entries);
        let items = entries[read].value.items().expect("a set");
        let twice = items.iter().chain(items.first()).cloned();
        entries[read].value = Datum::set(twice.collect::<Vec<_>>());
        vec![read]
    });
}

#[test]
fn a_number_too_low() {
    let store = CounterStore { lies: Lies(0), sum: 0 };
    plant("counter", store, "bounds", |entries| {
        let read = reads(entries).nth(9_000).expect("there are more reads");
        entries[read].value = Datum::Int(-1_000_000);
        vec![read]
    });
}

#[test]
fn an_element_out_of_nowhere() {
    let store = QueueStore {
        lies: Lies(0),
        element_max: None,
        held: Vec::new(),
        next: 0,
    };
    plant("total-queue", store, "unexpected", |entries| {
        let of = |entry: &Entry| entry.kind == EventKind::Ok && *entry.function == *"dequeue" && !entry.value.is_nil();
        let dequeue = (60_000..).find(|at| of(&entries[*at])).expect("there are dequeues");
        entries[dequeue].value = Datum::Int(-1);
        vec![dequeue]
    });
}

#[test]
fn an_id_given_twice() {
    let store = IdStore { lies: Lies(0), next: 0 };
    plant("unique-ids", store, "duplicated", |entries| {
        let mut given = (0..entries.len()).filter(|at| entries[*at].kind == EventKind::Ok);
        let first = given.nth(10).expect("there are more");
        let second = given.nth(70_000).expect("there are more");
        entries[second].value = entries[first].value.clone();
        vec![first, second]
    });
}

#[test]
fn money_made_from_nothing() {
    let store = BankStore {
        lies: Lies(0),
        balances: vec![100; 8],
    };
    plant("bank", store, "wrong-total", |entries| {
        let read = reads(entries).nth(9_000).expect("there are more reads");
        let mut balances = entries[read].value.entries().expect("balances").to_vec();
        balances[3].1 = Datum::Int(balances[3].1.as_int().expect("a balance") + 1);
        entries[read].value = Datum::map(balances);
        vec![read]
    });
}

#[test]
fn two_reads_that_fork() {
    let store = ForkStore {
        lies: Lies(0),
        group_size: 10,
        written: BTreeSet::new(),
        next: 0,
    };
    plant("long-fork group-size 10", store, "long-fork", |entries| {
        // A read that sees some writes sees another instead of one of them.
        let seen = |entry: &Entry| {
            let steps = entry.value.items().expect("steps").iter();
            steps.filter(|step| !step.items().expect("a step")[2].is_nil()).count()
        };
        let read = reads(entries)
            .filter(|at| (3..7).contains(&seen(&entries[*at])))
            .nth(900);
        let read = read.expect("there are more reads");
        let steps = entries[read].value.items().expect("steps").iter();
        let swapped = steps.map(|step| {
            let [name, key, value] = step.items().expect("a step") else {
                panic!("a step has three parts");
            };
            let value = if value.is_nil() { Datum::Int(1) } else { Datum::Nil };
            Datum::list([name.clone(), key.clone(), value])
        });
        entries[read].value = Datum::list(swapped.collect::<Vec<_>>());
        vec![read]
    });
}

#[test]
fn a_write_seen_without_an_earlier_one() {
    let store = SetStore::new("write", Lies(0), None, 2);
    plant("causal-reverse", store, "causal-reverse", |entries| {
        let read = reads(entries).nth(8).expect("there are more reads");
        without(&mut entries[read], 1_000);
        vec![read]
    });
}

/// Changes one thing in a large valid history and requires that it alone is found, with one of the entries changed in
/// evidence.
fn plant(command: &str, mut store: impl Store, broken: &str, change: impl Fn(&mut Vec<Entry>) -> Vec<usize>) {
    let shape = Shape {
        call_count: CALLS,
        client_count: 10,
        fail_percent: 1,
        info_percent: 0,
    };
    let mut entries = random::entries(7, shape, &mut store);
    let is_kin = |name: &str| name == broken || name == "never-read";
    // What is still queued in the end is missing, so that the valid history drains it.
    if command == "total-queue" {
        drain(&mut entries, &mut store);
    }
    let valid = runner::run(command, &runner::transcript(entries.clone()));
    assert_eq!(valid.is_valid, Some(true), "{command}: {:#?}", valid.parts);
    let changed = change(&mut entries);
    let outcome = runner::run(command, &runner::transcript(entries));
    assert_eq!(outcome.is_valid, Some(false), "{command}");
    for part in &outcome.parts {
        let kin = command == "total-queue" && part.name == "lost" || command == "set" && part.name == "unexpected";
        assert!(
            part.finding.count == 0 || is_kin(part.name) || kin,
            "{command}: {} was found too: {:?}",
            part.name,
            part.finding.witness
        );
    }
    let part = outcome.parts.iter().find(|part| part.name == broken);
    let finding = &part.expect("the check looks for it").finding;
    assert_eq!(finding.count, 1, "{command}: {broken}");
    let witness = finding.witness.as_ref().expect("a violation has evidence");
    assert!(witness.ops.len() <= 4, "{command}: {} ops", witness.ops.len());
    let is_shown = |at: &usize| witness.ops.iter().any(|op| op.completion_index == Some(*at as u64));
    assert!(
        changed.iter().any(is_shown),
        "{command}: {changed:?} is not in {witness:?}"
    );
}

fn drain(entries: &mut Vec<Entry>, store: &mut impl Store) {
    let mut rng = <rand_pcg::Pcg64Mcg as rand::SeedableRng>::seed_from_u64(0);
    let left = store.answer("drain", &Datum::Nil, &mut rng);
    let last = entries.last().expect("there are entries").clone();
    for (kind, value) in [(EventKind::Invoke, Datum::Nil), (EventKind::Ok, left)] {
        entries.push(Entry {
            kind,
            value,
            function: "drain".into(),
            ..last.clone()
        });
    }
}

fn reads(entries: &[Entry]) -> impl DoubleEndedIterator<Item = usize> {
    let is_read = |at: &usize| entries[*at].kind == EventKind::Ok && *entries[*at].function == *"read";
    (0..entries.len()).filter(is_read)
}

fn last_read(entries: &[Entry]) -> usize {
    reads(entries).next_back().expect("there are reads")
}

/// Takes the item at `place` out of what a read returned.
fn without(read: &mut Entry, place: usize) {
    let mut items = read.value.items().expect("a collection").to_vec();
    items.remove(place);
    read.value = Datum::list(items);
}
