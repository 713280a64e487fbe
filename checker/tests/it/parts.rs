//! A history judged in parts, each as if there were no other, against the same history judged whole.

use quorate_checker::{
    Context, Counts, Finding, History, HistoryBuilder,
    execute::{Execute, InOrder},
};

use crate::{
    claims::{CLAIMS, COUNTER_CLAIMS, Check, SET_CLAIMS, SIBLING_CLAIMS},
    replicas::{self, Kind},
    scatter::{self, Shape},
};

/// Requires that every check finds in the parts together what it finds in the whole, and returns how many findings had a
/// violation, and how many a doubt, in more parts than one.
fn require_same(history: &History, context: &Context, claims: &[(&str, Check)]) -> (u64, u64) {
    let (mut broken, mut doubtful) = (0, 0);
    for count in [1, 2, 3, 100] {
        let parts = history.parts(count);
        assert!(parts.len() <= count);
        let keys: Vec<_> = parts.iter().flat_map(History::keys).collect();
        assert!(history.keys().eq(keys), "each key is in one part, in its place");
        let counts = parts.iter().map(Counts::of).reduce(Counts::merge);
        assert_eq!(counts.unwrap_or_default(), Counts::of(history));
        for (name, check) in claims {
            let found: Vec<Finding> = parts.iter().map(|part| check(part, context)).collect();
            broken += u64::from(found.iter().filter(|it| it.count > 0).count() > 1);
            doubtful += u64::from(found.iter().filter(|it| it.unknown.is_some()).count() > 1);
            let merged = found.into_iter().reduce(Finding::merge);
            let whole = check(history, context);
            assert_eq!(
                merged.unwrap_or_else(|| whole.clone()),
                whole,
                "{name} in {count} parts"
            );
        }
    }
    (broken, doubtful)
}

#[test]
fn registers_in_parts_are_judged_as_in_whole() {
    let (mut broken, mut doubtful) = (0, 0);
    for seed in 0..1_500 {
        let shape = Shape {
            op_count_max: 30,
            key_count: 4,
            has_looks: true,
            has_deletes: seed % 2 == 0,
        };
        let history = scatter::history(&scatter::events(seed, shape));
        let found = require_same(&history, &scatter::context(seed), &CLAIMS);
        broken += found.0;
        doubtful += found.1;
    }
    assert!(
        broken > 2_000 && doubtful > 2_000,
        "{broken} broken, {doubtful} doubtful"
    );
}

/// As many as it says, one after another.
struct Parts(usize);

impl Execute for Parts {
    fn execute(&self, count: usize, unit: &(dyn Fn(usize) + Sync)) -> Vec<Result<(), String>> {
        InOrder.execute(count, unit)
    }

    fn part_count(&self) -> usize {
        self.0
    }
}

/// Ids of values and versions go through all keys, wherever the keys are put together.
#[test]
fn a_history_that_is_finished_in_parts_is_the_same() {
    for seed in 0..300 {
        let shape = Shape {
            op_count_max: 40,
            key_count: 5,
            has_looks: true,
            has_deletes: seed % 2 == 0,
        };
        let events = scatter::events(seed, shape);
        let whole = format!("{:?}", scatter::history(&events));
        for count in [2, 3, 100] {
            let mut builder = HistoryBuilder::new();
            for event in &events {
                builder.push(event.clone()).expect("a generated history is well-formed");
            }
            let parts = format!("{:?}", builder.finish_with(&Parts(count)));
            assert!(parts == whole, "seed {seed} in {count} parts: {parts} and not {whole}");
        }
    }
}

#[test]
fn collections_and_counters_in_parts_are_judged_as_in_whole() {
    let kinds = [
        (Kind::Siblings, SIBLING_CLAIMS),
        (Kind::Set, SET_CLAIMS),
        (Kind::Counter, COUNTER_CLAIMS),
    ];
    let mut broken = 0;
    for (kind, claims) in kinds {
        for seed in 0..20 {
            let load = replicas::Load {
                kind,
                op_count: 300,
                client_count: 5,
                key_count: 7,
                seed,
                has_quorums: false,
            };
            let mut builder = HistoryBuilder::new();
            for event in replicas::run(load) {
                builder.push(event).expect("a generated history is well-formed");
            }
            let context = Context {
                replica_count: Some(3 + seed as usize % 2),
                ..Context::default()
            };
            broken += require_same(&builder.finish(), &context, claims).0;
        }
    }
    assert!(broken > 300, "{broken} broken");
}

/// Parts are of about as many ops each, as far as keys allow.
#[test]
fn parts_are_balanced() {
    let shape = Shape {
        op_count_max: 400,
        key_count: 40,
        has_looks: false,
        has_deletes: false,
    };
    let history = scatter::history(&scatter::events(5, shape));
    let sizes: Vec<usize> = history.parts(4).iter().map(History::op_count).collect();
    let (all, largest) = (
        sizes.iter().sum::<usize>(),
        history.keys().map(|key| history.ops_of(key).len()).max(),
    );
    assert_eq!((sizes.len(), all), (4, history.op_count()));
    let fair = all / 4 + largest.unwrap_or_default();
    assert!(sizes.iter().all(|size| *size <= fair), "{sizes:?}");
}
