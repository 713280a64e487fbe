//! Small stores of known isolation, and clients who run transactions on them at once.

use std::collections::BTreeMap;

use quorate_checker::{Datum, Entry, EventKind, Process, Transcript, TranscriptBuilder, isolation::Data};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// How a store keeps transactions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Each takes effect at one moment between its invocation and its completion.
    Serializable,
    /// Each reads what had been committed when it began; of two that write the same key at once only one commits.
    Snapshot,
    /// Each step reads what is committed by then; a key that was written is locked to the end, and who finds it so gives up.
    ReadCommitted,
    /// Writes are seen at once, and stay if their transaction fails.
    ReadUncommitted,
    /// As serializable, but for one read in ten of what the transaction has not written, which sees an older state.
    Stale,
    /// As snapshots, which may be older than the transaction.
    OldSnapshot,
    /// As serializable, but for where writes go among all others.
    Reordered,
    /// As serializable, but for reads of what the transaction has not written, which see any state that was committed.
    Random,
}

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) data: Data,
    pub(super) txn_count: usize,
    pub(super) client_count: usize,
    pub(super) key_count: i64,
    pub(super) step_count_max: usize,
    pub(super) fail_percent: u32,
    pub(super) info_percent: u32,
}

#[derive(Clone, Debug)]
struct Open {
    /// Key, and what is to be written to it if anything.
    steps: Vec<(i64, Option<i64>)>,
    answers: Vec<Datum>,
    /// How much of the log there was when it began.
    began: usize,
    writes: Vec<(i64, i64)>,
    /// Whether it was committed, once that is known.
    is_committed: Option<bool>,
}

struct Store {
    isolation: Isolation,
    data: Data,
    /// Writes in the order in which they took effect.
    log: Vec<(i64, i64)>,
    /// How long the log was after each commit.
    commits: Vec<usize>,
    /// Which client has locked a key.
    locks: BTreeMap<i64, usize>,
}

impl Store {
    fn read(&self, key: i64, upto: usize, own: &[(i64, i64)]) -> Datum {
        let seen = self.log[..upto].iter().chain(own).filter(|(of, _)| *of == key);
        let mut values = seen.map(|(_, value)| Datum::Int(*value));
        match self.data {
            Data::Lists => Datum::list(values),
            Data::Registers => values.next_back().unwrap_or_default(),
        }
    }

    /// Returns how much of the log a transaction sees that begins.
    fn begin(&self, rng: &mut Pcg64Mcg) -> usize {
        match self.isolation {
            Isolation::OldSnapshot if rng.random_bool(0.3) => self.commits[rng.random_range(0..self.commits.len())],
            _ => self.log.len(),
        }
    }

    fn step(&mut self, client: usize, open: &mut Open, rng: &mut Pcg64Mcg) {
        let (key, write) = open.steps[open.answers.len()];
        let word = if self.data == Data::Lists { "append" } else { "w" };
        let (name, value) = match write {
            Some(value) if self.isolation == Isolation::ReadUncommitted => {
                self.log.push((key, value));
                (word, Datum::Int(value))
            }
            Some(value) => {
                let is_locking = self.isolation == Isolation::ReadCommitted;
                if is_locking && *self.locks.entry(key).or_insert(client) != client {
                    open.is_committed = Some(false);
                }
                open.writes.push((key, value));
                (word, Datum::Int(value))
            }
            None => {
                let is_own = open.writes.iter().any(|(of, _)| *of == key);
                let upto = match self.isolation {
                    Isolation::Snapshot | Isolation::OldSnapshot => open.began,
                    Isolation::Stale if !is_own && rng.random_bool(0.1) => {
                        self.commits[rng.random_range(0..self.commits.len())]
                    }
                    Isolation::Random if !is_own => self.commits[rng.random_range(0..self.commits.len())],
                    _ => self.log.len(),
                };
                ("r", self.read(key, upto, &open.writes))
            }
        };
        open.answers
            .push(Datum::list([Datum::Keyword(name.into()), Datum::Int(key), value]));
    }

    /// Commits what `open` wrote, and returns whether that could be.
    fn commit(&mut self, open: &Open, rng: &mut Pcg64Mcg) -> bool {
        let is_written = |(key, _): &(i64, i64)| self.log[open.began..].iter().any(|(of, _)| of == key);
        let has_snapshots = matches!(self.isolation, Isolation::Snapshot | Isolation::OldSnapshot);
        if has_snapshots && open.writes.iter().any(is_written) {
            return false;
        }
        if self.isolation == Isolation::Reordered {
            for write in &open.writes {
                let place = rng.random_range(0..=self.log.len());
                self.log.insert(place, *write);
            }
        } else {
            self.log.extend(&open.writes);
        }
        self.commits.push(self.log.len());
        true
    }
}

/// Returns a history of clients who run transactions at once.
pub(super) fn history(seed: u64, isolation: Isolation, shape: Shape) -> Transcript {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut store = Store {
        isolation,
        data: shape.data,
        log: Vec::new(),
        commits: vec![0],
        locks: BTreeMap::new(),
    };
    let mut open: Vec<Option<Open>> = vec![None; shape.client_count];
    let mut processes: Vec<i64> = (0..shape.client_count as i64).collect();
    let mut next: BTreeMap<i64, i64> = BTreeMap::new();
    let mut builder = TranscriptBuilder::new();
    let mut begun = 0;
    while begun < shape.txn_count || open.iter().any(Option::is_some) {
        let client = rng.random_range(0..shape.client_count);
        let mut push = |process: i64, kind: EventKind, value: Datum| {
            let entry = Entry {
                process: Some(Process::Client(process)),
                ..Entry::new(kind, "txn", value)
            };
            builder.push(entry).expect("it follows");
        };
        let process = processes[client];
        match open[client].take() {
            None if begun == shape.txn_count => {}
            None => {
                begun += 1;
                let steps = (0..rng.random_range(1..=shape.step_count_max)).map(|_| {
                    let key = rng.random_range(0..shape.key_count);
                    let write = rng.random_bool(0.5).then(|| {
                        let next = next.entry(key).or_default();
                        *next += 1;
                        *next
                    });
                    (key, write)
                });
                let txn = Open {
                    steps: steps.collect(),
                    answers: Vec::new(),
                    began: store.begin(&mut rng),
                    writes: Vec::new(),
                    is_committed: None,
                };
                push(process, EventKind::Invoke, asked(&txn, shape.data));
                open[client] = Some(txn);
            }
            Some(mut txn) if txn.answers.len() < txn.steps.len() => {
                store.step(client, &mut txn, &mut rng);
                if matches!(
                    isolation,
                    Isolation::Serializable | Isolation::Stale | Isolation::Reordered | Isolation::Random
                ) {
                    while txn.answers.len() < txn.steps.len() {
                        store.step(client, &mut txn, &mut rng);
                    }
                    let fails = rng.random_range(0..100) < shape.fail_percent;
                    txn.is_committed = Some(!fails && store.commit(&txn, &mut rng));
                }
                open[client] = Some(txn);
            }
            Some(txn) => {
                let is_info = rng.random_range(0..100) < shape.info_percent;
                let fails = rng.random_range(0..100) < shape.fail_percent;
                // Of unknown outcome it may have been committed or not.
                let gives_up = fails || is_info && rng.random_bool(0.5);
                let is_committed = txn
                    .is_committed
                    .unwrap_or_else(|| !gives_up && store.commit(&txn, &mut rng));
                store.locks.retain(|_, holder| *holder != client);
                let (kind, value) = match (is_info, is_committed) {
                    (true, _) => (EventKind::Info, asked(&txn, shape.data)),
                    (false, true) => (EventKind::Ok, Datum::list(txn.answers)),
                    (false, false) => (EventKind::Fail, asked(&txn, shape.data)),
                };
                push(process, kind, value);
                if is_info {
                    processes[client] += shape.client_count as i64;
                }
            }
        }
    }
    builder.finish()
}

fn asked(txn: &Open, data: Data) -> Datum {
    let word = if data == Data::Lists { "append" } else { "w" };
    Datum::list(txn.steps.iter().map(|(key, write)| {
        let (name, value) = match write {
            Some(value) => (word, Datum::Int(*value)),
            None => ("r", Datum::Nil),
        };
        Datum::list([Datum::Keyword(name.into()), Datum::Int(*key), value])
    }))
}
