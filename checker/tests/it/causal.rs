//! Sessions of transactions, judged: by definition on small ones, and what is planted in large ones is found.

use std::collections::BTreeSet;

use quorate_checker::causal::{self, Access, Level, TxnId, Verdict, Violation};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{
    causal_store::{self, Load},
    naive_causal::{self, Txn},
};

/// How many small histories are drawn.
const SEEDS: u64 = 40_000;

#[test]
fn levels_agree_with_their_definitions() {
    let mut broken = [0; 4];
    for seed in 0..SEEDS {
        let txns = scatter(seed);
        let sessions = naive_causal::sessions(&txns);
        for (nth, level) in Level::ALL.into_iter().enumerate() {
            let verdict = causal::check(&sessions, level);
            let holds = naive_causal::holds(&txns, level);
            let is_same = (verdict.count == 0) == holds && verdict.violation.is_some() != holds;
            assert!(
                is_same,
                "seed {seed}, by definition {holds}, but {verdict:#?}\nof {}",
                text(&txns)
            );
            broken[nth] += u64::from(!holds);
            assert!(verdict.unknown.is_none() && verdict.tested <= read_count(&txns));
            require_evident(&txns, &verdict, seed);
        }
    }
    assert!(
        broken.iter().all(|count| (SEEDS / 20..SEEDS * 9 / 10).contains(count)),
        "{broken:?}"
    );
    let [read_committed, read_atomic, weak_causal, causal] = broken;
    assert!(
        read_committed < read_atomic && read_atomic < causal && weak_causal < causal,
        "{broken:?}"
    );
}

/// Sessions beyond one block of clocks, replicas that lag: nothing is found, whatever the level.
#[test]
fn a_causal_store_holds_every_level() {
    for (session_count, replica_count) in [(1, 1), (3, 3), (20, 5), (150, 4), (400, 30)] {
        let txns = large(session_count, replica_count, 1);
        let sessions = naive_causal::sessions(&txns);
        for level in Level::ALL {
            let verdict = causal::check(&sessions, level);
            assert!(
                verdict.count == 0 && verdict.unknown.is_none() && verdict.tested > 1_000,
                "{session_count} sessions, {replica_count} replicas: {verdict:#?}"
            );
        }
    }
}

/// Each pattern in transactions on keys and in sessions of its own, among those of a large history or across them.
#[test]
fn what_is_planted_in_large_histories_is_found() {
    let [w, r] = [Access::write, Access::read];
    let (x, y) = (1_000_001, 1_000_002);
    let all = &Level::ALL[..];
    let causal = &[Level::WeakCausal, Level::Causal][..];
    let convergent = &[Level::ReadAtomic, Level::Causal][..];
    // Sessions are numbered from the first that the large history leaves free.
    let plants: [(&str, Vec<Txn>, &[Level]); 8] = [
        ("ThinAirRead", vec![(0, vec![r(x, 9)])], all),
        ("OwnWriteMissed", vec![(0, vec![w(x, 1), Access::read_nothing(x)])], all),
        ("OwnLaterWrite", vec![(0, vec![r(x, 1), w(x, 1)])], all),
        (
            "IntermediateRead",
            vec![(0, vec![w(x, 1), w(x, 2)]), (1, vec![r(x, 1)])],
            all,
        ),
        (
            "CyclicCO",
            vec![
                (0, vec![r(y, 1)]),
                (0, vec![w(x, 1)]),
                (1, vec![r(x, 1)]),
                (1, vec![w(y, 1)]),
            ],
            all,
        ),
        (
            "WriteCOInitRead",
            vec![
                (0, vec![w(x, 1)]),
                (0, vec![w(y, 1)]),
                (1, vec![r(y, 1)]),
                (1, vec![Access::read_nothing(x)]),
            ],
            causal,
        ),
        (
            "WriteCORead",
            vec![
                (0, vec![w(x, 1)]),
                (1, vec![r(x, 1)]),
                (1, vec![w(x, 2)]),
                (2, vec![r(x, 2)]),
                (2, vec![r(x, 1)]),
            ],
            causal,
        ),
        (
            "CyclicCF",
            vec![
                (0, vec![w(x, 1)]),
                (0, vec![r(x, 2)]),
                (1, vec![w(x, 2)]),
                (1, vec![r(x, 1)]),
            ],
            convergent,
        ),
    ];
    for (session_count, seed) in [(20, 1), (150, 2)] {
        let base = large(session_count, 5, seed);
        for (name, plant, levels) in &plants {
            let mut txns = base.clone();
            let moved = plant
                .iter()
                .map(|(session, accesses)| (session + 1_000, accesses.clone()));
            txns.extend(moved);
            let sessions = naive_causal::sessions(&txns);
            for level in Level::ALL {
                let verdict = causal::check(&sessions, level);
                let is_due = levels.contains(&level);
                assert_eq!(verdict.count, u64::from(is_due), "{name} at {level:?}: {verdict:#?}");
                if let Some(violation) = verdict.violation {
                    assert_eq!(violation.name(), *name, "{violation:#?}");
                    assert!(violation.txns().len() <= plant.len(), "{violation:#?}");
                }
            }
        }
    }
}

/// A transaction that sees half of each of two others: each of its reads alone has an order that explains it.
#[test]
fn a_fractured_read_is_read_committed_and_weakly_causal() {
    let [w, r] = [Access::write, Access::read];
    let txns = vec![
        (0, vec![w(1, 1), w(2, 1)]),
        (1, vec![w(1, 2), w(2, 2)]),
        (2, vec![r(1, 1), r(2, 2)]),
    ];
    let sessions = naive_causal::sessions(&txns);
    let broken = Level::ALL.map(|level| causal::check(&sessions, level).count > 0);
    assert_eq!(broken, [false, true, false, true]);
}

/// Many sessions, and a chain of reads through all of them: no stack is too short for it.
#[test]
fn long_chains_and_long_cycles_are_followed() {
    for is_cycle in [false, true] {
        let count = 30_000;
        let mut txns: Vec<Txn> = Vec::new();
        for session in 0..count {
            let from = (session + count - 1) % count;
            let is_first = session == 0 && !is_cycle;
            let read = if is_first {
                Access::read_nothing(from)
            } else {
                Access::read(from, 1)
            };
            txns.push((session, vec![read, Access::write(session, 1)]));
        }
        let sessions = naive_causal::sessions(&txns);
        for level in [Level::ReadCommitted, Level::ReadAtomic] {
            let verdict = causal::check(&sessions, level);
            assert_eq!(verdict.count, u64::from(is_cycle), "{level:?}: {:?}", verdict.unknown);
            if let Some(violation) = verdict.violation {
                assert!(violation.name() == "CyclicCO" && violation.txns().len() == count as usize);
            }
        }
    }
}

/// Where there are too many sessions for clocks, what read atomic infers is still found, and the rest is unknown.
#[test]
fn too_many_sessions_are_unknown() {
    let mut txns: Vec<Txn> = (0..60_000)
        .map(|session| (session, vec![Access::write(session, 1)]))
        .collect();
    let verdict = causal::check(&naive_causal::sessions(&txns), Level::Causal);
    assert!(verdict.count == 0 && verdict.unknown.is_some(), "{verdict:#?}");
    txns.push((7, vec![Access::read_nothing(7)]));
    let verdict = causal::check(&naive_causal::sessions(&txns), Level::Causal);
    assert!(verdict.count == 1 && verdict.unknown.is_some(), "{verdict:#?}");
}

#[test]
fn a_value_written_twice_is_unknown() {
    let txns = vec![
        (0, vec![Access::write(1, 1)]),
        (1, vec![Access::write(1, 1)]),
        (2, vec![Access::read(1, 1)]),
    ];
    let verdict = causal::check(&naive_causal::sessions(&txns), Level::Causal);
    assert_eq!(
        verdict.unknown.as_deref(),
        Some("1 of key 1 was written more than once; 1 reads don't say which they saw")
    );
}

fn large(session_count: usize, replica_count: usize, seed: u64) -> Vec<Txn> {
    causal_store::run(Load {
        txn_count: 6_000,
        session_count,
        replica_count,
        key_count: 30,
        size_max: 4,
        seed,
    })
}

/// The transactions of a violation break the level by themselves, and none can be spared.
fn require_evident(txns: &[Txn], verdict: &Verdict, seed: u64) {
    let Some(violation) = verdict.violation.as_ref().filter(|it| is_of_order(it)) else {
        return;
    };
    let ids = ids(txns);
    let of_txns = violation.txns();
    let part = |keeps: &dyn Fn(&TxnId) -> bool| {
        let kept = txns
            .iter()
            .zip(&ids)
            .filter(|(_, id)| of_txns.contains(id) && keeps(id));
        without_reads_of_others(kept.map(|(txn, _)| txn.clone()).collect())
    };
    let whole = part(&|_| true);
    let names = naive_causal::sessions(txns);
    let told = violation.tell(&names);
    assert!(
        !naive_causal::holds(&whole, verdict.level),
        "seed {seed}: {told}\nis not so in {}\nof {}",
        text(&whole),
        text(txns)
    );
    for spare in &of_txns {
        assert!(
            naive_causal::holds(&part(&|id| id != spare), verdict.level),
            "seed {seed}: {spare:?} can be spared: {told}\nof {}",
            text(txns)
        );
        assert!(
            told.contains(&names_of(spare, &names)),
            "{told} does not speak of {spare:?}"
        );
    }
}

fn names_of(txn: &TxnId, names: &dyn causal::Names) -> String {
    names.txn(*txn)
}

fn is_of_order(violation: &Violation) -> bool {
    matches!(violation, Violation::Cycle { .. } | Violation::InitialRead { .. })
}

/// Returns `txns` without the reads of what others than they wrote.
fn without_reads_of_others(txns: Vec<Txn>) -> Vec<Txn> {
    let writes: BTreeSet<(u64, Option<u64>)> = txns
        .iter()
        .flat_map(|(_, accesses)| accesses)
        .filter_map(|access| match *access {
            Access::Write { key, value } => Some((key, Some(value))),
            Access::Read { .. } => None,
        })
        .collect();
    let stays = |access: &Access| match *access {
        Access::Read { key, value } => value.is_none() || writes.contains(&(key, value)),
        Access::Write { .. } => true,
    };
    let keep = |(session, accesses): Txn| (session, accesses.into_iter().filter(stays).collect());
    txns.into_iter().map(keep).collect()
}

fn ids(txns: &[Txn]) -> Vec<TxnId> {
    let mut sessions: Vec<u64> = Vec::new();
    let mut sizes = Vec::new();
    let id = |(session, _): &Txn| {
        let place = sessions.iter().position(|it| it == session).unwrap_or_else(|| {
            sessions.push(*session);
            sizes.push(0);
            sizes.len() - 1
        });
        sizes[place] += 1;
        TxnId {
            session: place as u32,
            index: sizes[place] - 1,
        }
    };
    txns.iter().map(id).collect()
}

fn read_count(txns: &[Txn]) -> u64 {
    let accesses = txns.iter().flat_map(|(_, accesses)| accesses);
    accesses.filter(|access| matches!(access, Access::Read { .. })).count() as u64
}

/// Returns a few transactions that read, mostly, what others wrote.
fn scatter(seed: u64) -> Vec<Txn> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let txn_count = rng.random_range(1..=6);
    let (session_count, key_count) = (rng.random_range(1..=4), rng.random_range(1..=3));
    let size_max = rng.random_range(1..=3);
    let mut value = 0;
    let mut txns: Vec<Txn> = Vec::new();
    for _ in 0..txn_count {
        let accesses = (0..rng.random_range(1..=size_max)).map(|_| {
            let key = rng.random_range(0..key_count);
            value += 1;
            if rng.random_bool(0.5) {
                Access::write(key, value)
            } else {
                Access::read_nothing(key)
            }
        });
        let accesses = accesses.collect();
        txns.push((rng.random_range(0..session_count), accesses));
    }
    let writes: Vec<(usize, u64, u64)> = txns
        .iter()
        .enumerate()
        .flat_map(|(txn, (_, accesses))| accesses.iter().map(move |access| (txn, *access)))
        .filter_map(|(txn, access)| match access {
            Access::Write { key, value } => Some((txn, key, value)),
            Access::Read { .. } => None,
        })
        .collect();
    // How far reads look ahead: hardly ever, or a little.
    let ahead = [0.0, 0.02, 0.2][rng.random_range(0..3)];
    let wrong = [0.0, 0.0, 0.02][rng.random_range(0..3)];
    for (txn, (_, accesses)) in txns.iter_mut().enumerate() {
        for place in 0..accesses.len() {
            let Access::Read { key, .. } = accesses[place] else {
                continue;
            };
            let own = accesses[..place].iter().rev().find_map(|access| match *access {
                Access::Write { key: it, value } if it == key => Some(value),
                _ => None,
            });
            let is_wrong = rng.random_bool(wrong);
            let is_ahead = rng.random_bool(ahead);
            let is_last = |&(of, key, value): &(usize, u64, u64)| {
                writes
                    .iter()
                    .all(|other| (other.0, other.1) != (of, key) || other.2 <= value)
            };
            let of_key: Vec<u64> = writes
                .iter()
                .filter(|it| it.1 == key && (it.0 < txn || is_ahead && it.0 != txn) && is_last(it))
                .map(|it| it.2)
                .collect();
            let value = match own {
                _ if is_wrong => Some(rng.random_range(0..=value + 1)),
                Some(own) => Some(own),
                None if of_key.is_empty() || rng.random_bool(0.15) => None,
                None => Some(of_key[rng.random_range(0..of_key.len())]),
            };
            accesses[place] = Access::Read { key, value };
        }
    }
    txns
}

fn text(txns: &[Txn]) -> String {
    let txn = |(session, accesses): &Txn| {
        let access = |access: &Access| match *access {
            Access::Write { key, value } => format!("w {key} {value}"),
            Access::Read { key, value } => format!("r {key} {}", value.map_or("nil".into(), |it| it.to_string())),
        };
        let accesses: Vec<String> = accesses.iter().map(access).collect();
        format!("session {session}: {}", accesses.join(", "))
    };
    let txns: Vec<String> = txns.iter().map(txn).collect();
    txns.join("\n")
}
