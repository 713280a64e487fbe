//! Large causal histories: sessions of transactions, each at its own replica of a store that applies what it hears of
//! in causal order, the last writer by Lamport's clock winning.

use quorate_checker::causal::Access;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What the sessions do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) txn_count: usize,
    pub(crate) session_count: usize,
    pub(crate) replica_count: usize,
    pub(crate) key_count: u64,
    /// How many reads and writes a transaction has at most.
    pub(crate) size_max: usize,
    pub(crate) seed: u64,
}

/// Returns transactions in the order of real time, each with its session.
pub(crate) fn run(load: Load) -> Vec<(u64, Vec<Access>)> {
    let mut rng = Pcg64Mcg::seed_from_u64(load.seed);
    let key_count = load.key_count as usize;
    let mut replicas = vec![
        Replica {
            clock: 0,
            applied: vec![0; load.replica_count],
            registers: vec![(None, (0, 0)); key_count],
        };
        load.replica_count
    ];
    let mut logs: Vec<Vec<Logged>> = vec![Vec::new(); load.replica_count];
    let mut txns = Vec::with_capacity(load.txn_count);
    let mut value = 0;
    while txns.len() < load.txn_count {
        let session = rng.random_range(0..load.session_count);
        let at = session % load.replica_count;
        if load.replica_count > 1 {
            hear(
                &mut replicas[at],
                &logs,
                rng.random_range(0..load.replica_count),
                rng.random_range(0..4),
            );
        }
        let replica = &mut replicas[at];
        replica.clock += 1;
        let stamp = (replica.clock, at);
        let (mut accesses, mut writes) = (Vec::new(), Vec::new());
        for _ in 0..rng.random_range(1..=load.size_max) {
            let key = rng.random_range(0..load.key_count);
            if rng.random_bool(0.5) {
                let value = replica.registers[key as usize].0;
                accesses.push(Access::Read { key, value });
            } else {
                value += 1;
                accesses.push(Access::write(key, value));
                replica.registers[key as usize] = (Some(value), stamp);
                writes.push((key, value));
            }
        }
        let needs = replica.applied.clone();
        replica.applied[at] += 1;
        logs[at].push(Logged { needs, stamp, writes });
        txns.push((session as u64, accesses));
    }
    txns
}

#[derive(Clone)]
struct Replica {
    clock: u64,
    /// How much of each replica's log is in it.
    applied: Vec<usize>,
    /// By key, the value and its stamp.
    registers: Vec<(Option<u64>, (u64, usize))>,
}

#[derive(Clone)]
struct Logged {
    needs: Vec<usize>,
    stamp: (u64, usize),
    writes: Vec<(u64, u64)>,
}

/// Lets `replica` apply up to `count` transactions of the log of `from`, with what they need first.
fn hear(replica: &mut Replica, logs: &[Vec<Logged>], from: usize, count: usize) {
    let until = (replica.applied[from] + count).min(logs[from].len());
    let mut goals = vec![(from, until)];
    while let Some((from, until)) = goals.pop() {
        if replica.applied[from] >= until {
            continue;
        }
        let next = &logs[from][replica.applied[from]];
        let missing = (0..logs.len()).find(|other| *other != from && replica.applied[*other] < next.needs[*other]);
        goals.push((from, until));
        if let Some(other) = missing {
            goals.push((other, next.needs[other]));
            continue;
        }
        replica.clock = replica.clock.max(next.stamp.0);
        for (key, value) in &next.writes {
            let register = &mut replica.registers[*key as usize];
            if register.1 <= next.stamp {
                *register = (Some(*value), next.stamp);
            }
        }
        replica.applied[from] += 1;
    }
}
