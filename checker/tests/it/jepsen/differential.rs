//! Every check against its definition on many small random histories, and every witness alone against the check that
//! found it.

use std::collections::BTreeSet;

use quorate_checker::Transcript;

use super::{
    naive,
    random::{self, BankStore, CounterStore, ForkStore, IdStore, Lies, QueueStore, SetStore, Shape, Store},
    runner::{self, Outcome},
};

/// How many histories each test draws. Together 100,000.
const SEEDS: u64 = 12_500;

/// Findings whose witness breaks the claim no longer when any op of it is left out. The others show an op more,
/// without which they would break it for another reason.
const MINIMAL: [&str; 4] = ["long-fork", "causal-reverse", "stale", "wrong-total"];

#[test]
fn sets_read_in_the_end() {
    compare(&["set"], || Box::new(SetStore::new("add", Lies(10), Some(6), 3_000)));
}

#[test]
fn sets_read_all_along() {
    compare(&["set-full", "set-full linearizable"], || {
        Box::new(SetStore::new("add", Lies(10), Some(6), 5_000))
    });
}

#[test]
fn counters() {
    compare(&["counter"], || Box::new(CounterStore { lies: Lies(20), sum: 0 }));
}

#[test]
fn queues() {
    compare(&["total-queue"], || {
        Box::new(QueueStore {
            lies: Lies(10),
            element_max: Some(5),
            held: Vec::new(),
            next: 0,
        })
    });
}

#[test]
fn ids() {
    compare(&["unique-ids"], || Box::new(IdStore { lies: Lies(5), next: 0 }));
}

#[test]
fn banks() {
    compare(&["bank total 30 accounts 3"], || {
        Box::new(BankStore {
            lies: Lies(10),
            balances: vec![10; 3],
        })
    });
}

#[test]
fn forks() {
    compare(&["long-fork"], || {
        Box::new(ForkStore {
            lies: Lies(5),
            group_size: 3,
            written: BTreeSet::new(),
            next: 0,
        })
    });
}

#[test]
fn reverses() {
    compare(&["causal-reverse"], || {
        Box::new(SetStore::new("write", Lies(5), Some(12), 3_000))
    });
}

/// Judges random histories of the same store both ways.
fn compare(commands: &[&str], store: impl Fn() -> Box<dyn Store>) {
    let mut valid = 0;
    let mut invalid = 0;
    for seed in 0..SEEDS {
        let shape = Shape {
            call_count: (seed % 14) as usize,
            client_count: 1 + (seed % 4) as usize,
            fail_percent: 8,
            info_percent: 6,
        };
        let entries = random::entries(seed, shape, &mut *store());
        let transcript = runner::transcript(entries.clone());
        for command in commands {
            let outcome = runner::run(command, &transcript);
            let said = naive::judge(command, &transcript);
            let found: Vec<(&str, u64)> = said
                .counts
                .iter()
                .map(|(name, _)| (*name, outcome.count(name)))
                .collect();
            let history = || {
                entries
                    .iter()
                    .map(|entry| format!("{}\n", entry.to_map()))
                    .collect::<String>()
            };
            assert!(
                found == said.counts && outcome.is_valid == said.is_valid,
                "seed {seed}, {command}: {found:?} {:?}, but by definition {:?} {:?}, of\n{}",
                outcome.is_valid,
                said.counts,
                said.is_valid,
                history()
            );
            require_evidence(command, &transcript, &outcome, seed);
            valid += u64::from(outcome.is_valid == Some(true));
            invalid += u64::from(outcome.is_valid == Some(false));
        }
    }
    // Agreement means little where one answer is rare.
    assert!(
        valid > SEEDS / 20 && invalid > SEEDS / 20,
        "{valid} valid, {invalid} invalid"
    );
}

/// Requires that each witness breaks its claim with nothing else of the history, and some with nothing less.
fn require_evidence(command: &str, transcript: &Transcript, outcome: &Outcome, seed: u64) {
    for part in &outcome.parts {
        let Some(witness) = &part.finding.witness else {
            continue;
        };
        let indices: Vec<u64> = witness.ops.iter().map(|op| op.index).collect();
        let alone = |without: Option<u64>| {
            let is_in = |place: &usize| {
                let index = transcript.calls()[*place].index;
                indices.contains(&index) && Some(index) != without
            };
            let places = (0..transcript.calls().len()).filter(is_in);
            runner::run(command, &transcript.only(places)).count(part.name)
        };
        assert!(
            alone(None) > 0,
            "seed {seed}, {command}: {witness:#?} does not stand alone"
        );
        if MINIMAL.contains(&part.name) {
            let is_spare = |index: &&u64| alone(Some(**index)) > 0;
            let spare = indices.iter().find(is_spare);
            assert_eq!(spare, None, "seed {seed}, {command}: {witness:#?} needs it not");
        }
    }
}
