//! Against a naive checker, on small random histories: the models that are broken are the same, whatever is asked.

use std::collections::BTreeSet;

use quorate_checker::{
    Context, Transcript,
    isolation::{self, Anomaly, Broken, Closing, Data, Model, Question},
};

use super::{
    naive,
    stores::{Isolation, Shape, history},
};

/// Models which differ in what orders they take and in what they allow.
const ASKED: [&str; 8] = [
    "strict-serializable",
    "strong-session-serializable",
    "serializable",
    "strong-snapshot-isolation",
    "strong-session-snapshot-isolation",
    "snapshot-isolation",
    "strong-read-committed",
    "read-uncommitted",
];

#[test]
fn what_is_broken_is_what_the_definitions_say() {
    let isolations = [
        Isolation::Serializable,
        Isolation::Snapshot,
        Isolation::ReadCommitted,
        Isolation::ReadUncommitted,
        Isolation::Stale,
        Isolation::OldSnapshot,
        Isolation::Reordered,
    ];
    let mut classes = BTreeSet::new();
    for seed in 0..700 {
        let isolation = isolations[(seed / 12) as usize % isolations.len()];
        let shape = Shape {
            data: Data::Lists,
            txn_count: 2 + seed as usize % 4,
            client_count: 1 + seed as usize % 3,
            key_count: 1 + seed as i64 % 2,
            step_count_max: 3,
            fail_percent: 10,
            info_percent: 10,
        };
        let transcript = history(seed, isolation, shape);
        let cycles = naive::cycles(&transcript);
        for asked in ASKED {
            compare(
                &transcript,
                asked,
                &cycles,
                &format!("seed {seed}, {isolation:?}, {asked}"),
            );
        }
        classes.extend(cycles);
    }
    // With few of the fifteen the test would show less than it seems to.
    assert!(classes.len() >= 12, "{classes:?}");
}

fn compare(transcript: &Transcript, asked: &str, cycles: &BTreeSet<Anomaly>, what: &str) {
    let model: Model = asked.parse().expect("it is known");
    let txns = isolation::transactions(transcript, Data::Lists).expect("they are transactions");
    let report = isolation::check(&txns, &Question::of(model), &Context::default());
    assert_eq!(report.unknown, Vec::<String>::new(), "{what}");
    let is_order_of = |anomaly: &Anomaly| matches!(anomaly, Anomaly::IncompatibleOrder | Anomaly::DuplicateElements);
    if report.anomalies.iter().any(|it| is_order_of(&it.anomaly)) {
        // What the order of versions is where none fits is each checker's own.
        return;
    }
    let is_cycle = |anomaly: &Anomaly| matches!(anomaly, Anomaly::Cycle(..));
    let (found, others): (BTreeSet<Anomaly>, BTreeSet<Anomaly>) =
        report.anomalies.iter().map(|it| it.anomaly).partition(is_cycle);
    assert!(found.is_subset(cycles), "{what}: {found:?} of {cycles:?}");
    // Cycles that the model allows are not looked for.
    let wanted = cycles.iter().copied().filter(|anomaly| model.forbids(*anomaly));
    let wanted: BTreeSet<Anomaly> = wanted.chain(others).collect();
    let violated: Vec<Model> = [model].into_iter().filter(|_| report.is_violated()).collect();
    let expected = Broken::by(wanted.iter().copied(), &violated);
    assert_eq!(report.broken, expected, "{what}: found {found:?}, there are {cycles:?}");
    assert_eq!(
        report.is_violated(),
        wanted.iter().any(|it| model.forbids(*it)),
        "{what}"
    );
    // What needs no order to close is told as such: the gravest of it is never missed.
    if let Some(gravest) = wanted.iter().find(|it| matches!(it, Anomaly::Cycle(_, Closing::Data))) {
        assert!(found.contains(gravest), "{what}: {gravest:?} is not among {found:?}");
    }
}
