//! Histories of stores of known isolation are judged accordingly: what a store keeps is never found broken, and what it does not keep
//! is, in most histories.

use std::collections::BTreeMap;

use quorate_checker::{
    Context,
    isolation::{self, Data, Model, Question, Report},
};

use super::stores::{Isolation, Shape, history};

const SEED_COUNT: u64 = 60;

fn shape(data: Data) -> Shape {
    Shape {
        data,
        txn_count: 60,
        client_count: 5,
        key_count: 4,
        step_count_max: 4,
        fail_percent: 5,
        info_percent: 5,
    }
}

fn model(name: &str) -> Model {
    name.parse().expect("it is known")
}

fn judge(seed: u64, isolation: Isolation, data: Data, asked: &str) -> Report {
    let transcript = history(seed, isolation, shape(data));
    let txns = isolation::transactions(&transcript, data).expect("they are transactions");
    isolation::check(&txns, &Question::of(model(asked)), &Context::default())
}

/// What a store keeps holds in all histories of it.
fn keeps(isolation: Isolation, data: Data, asked: &str) {
    for seed in 0..SEED_COUNT {
        let report = judge(seed, isolation, data, asked);
        assert!(
            !report.is_violated(),
            "{isolation:?} of {data:?}, seed {seed}: {asked} by {:?}",
            report.anomalies
        );
        assert_eq!(report.unknown, Vec::<String>::new());
    }
}

/// What a store does not keep is found broken in so many of a hundred histories, and what is found is one of these.
fn breaks(isolation: Isolation, data: Data, asked: &str, percent_min: u64, anomalies: &[&str]) {
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    let mut violated = 0;
    for seed in 0..SEED_COUNT {
        let report = judge(seed, isolation, data, asked);
        violated += u64::from(report.is_violated());
        report
            .forbidden()
            .into_iter()
            .for_each(|name| *found.entry(name).or_default() += 1);
    }
    assert!(
        violated * 100 >= percent_min * SEED_COUNT,
        "{isolation:?} at {asked}: {violated} of {SEED_COUNT}"
    );
    for name in found.keys() {
        assert!(anomalies.contains(name), "{isolation:?} at {asked}: {found:?}");
    }
}

#[test]
fn a_serializable_store_is_strictly_so() {
    keeps(Isolation::Serializable, Data::Lists, "strict-serializable");
    keeps(Isolation::Serializable, Data::Registers, "strict-serializable");
}

#[test]
fn snapshots_skew_writes_and_nothing_else() {
    keeps(Isolation::Snapshot, Data::Lists, "strong-snapshot-isolation");
    keeps(Isolation::Snapshot, Data::Registers, "strong-snapshot-isolation");
    breaks(Isolation::Snapshot, Data::Lists, "serializable", 60, &["G2-item"]);
    let in_real_time = ["G2-item", "G2-item-process", "G2-item-realtime"];
    breaks(
        Isolation::Snapshot,
        Data::Lists,
        "strict-serializable",
        60,
        &in_real_time,
    );
}

#[test]
fn what_is_committed_is_read_and_updates_are_lost() {
    keeps(Isolation::ReadCommitted, Data::Lists, "strong-read-committed");
    keeps(Isolation::ReadCommitted, Data::Registers, "read-committed");
    let anomalies = [
        "G-nonadjacent-item",
        "G-single-item",
        "G2-item",
        "internal",
        "lost-update",
    ];
    breaks(
        Isolation::ReadCommitted,
        Data::Lists,
        "snapshot-isolation",
        90,
        &anomalies,
    );
    breaks(Isolation::ReadCommitted, Data::Lists, "repeatable-read", 90, &anomalies);
}

#[test]
fn what_is_not_committed_is_read() {
    let anomalies = ["G0", "G1a", "G1b", "G1c", "dirty-update", "incompatible-order"];
    breaks(
        Isolation::ReadUncommitted,
        Data::Lists,
        "read-committed",
        90,
        &anomalies,
    );
}

#[test]
fn a_stale_read_misses_writes() {
    breaks(
        Isolation::Stale,
        Data::Lists,
        "strict-serializable",
        90,
        &[
            "G-nonadjacent-item",
            "G-nonadjacent-item-process",
            "G-nonadjacent-item-realtime",
            "G-single-item",
            "G-single-item-process",
            "G-single-item-realtime",
            "G2-item",
            "G2-item-process",
            "G2-item-realtime",
            "internal",
            "lost-update",
        ],
    );
    keeps(Isolation::Stale, Data::Lists, "read-committed");
}
