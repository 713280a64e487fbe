//! Random histories of Jepsen's workloads, most of them nearly right: a store that now and then lies.

use std::collections::BTreeSet;

use quorate_checker::{Datum, Entry, EventKind, Process};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What clients of a workload ask, and what they are answered.
pub(super) trait Store {
    /// Returns a function and what is asked.
    fn ask(&mut self, rng: &mut Pcg64Mcg) -> (&'static str, Datum);

    /// Lets a call take effect, and returns what it is answered.
    fn answer(&mut self, function: &str, asked: &Datum, rng: &mut Pcg64Mcg) -> Datum;
}

/// How many calls, by how many clients, and how many of a hundred do not end well.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) call_count: usize,
    pub(super) client_count: usize,
    pub(super) fail_percent: u32,
    pub(super) info_percent: u32,
}

/// Returns the entries of a history, in which each call takes effect when it ends.
pub(super) fn entries(seed: u64, shape: Shape, store: &mut dyn Store) -> Vec<Entry> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut entries = Vec::new();
    let mut open: Vec<Option<(&'static str, Datum)>> = vec![None; shape.client_count];
    let mut processes: Vec<i64> = (0..shape.client_count as i64).collect();
    let mut asked_count = 0;
    let mut time_ns = 0;
    while asked_count < shape.call_count || open.iter().any(Option::is_some) {
        let client = rng.random_range(0..shape.client_count);
        time_ns += rng.random_range(0..3_000_000);
        let entry = |kind, function, value| Entry {
            time_ns: Some(time_ns),
            ..Entry::new(kind, function, value)
        };
        let mut entry = match open[client].take() {
            None if asked_count == shape.call_count => continue,
            None => {
                asked_count += 1;
                let (function, asked) = store.ask(&mut rng);
                open[client] = Some((function, asked.clone()));
                entry(EventKind::Invoke, function, asked)
            }
            Some((function, asked)) => match rng.random_range(0..100) {
                drawn if drawn < shape.fail_percent => entry(EventKind::Fail, function, asked),
                drawn if drawn < shape.fail_percent + shape.info_percent => {
                    if rng.random_bool(0.5) {
                        store.answer(function, &asked, &mut rng);
                    }
                    entry(EventKind::Info, function, asked)
                }
                _ => {
                    let answer = store.answer(function, &asked, &mut rng);
                    entry(EventKind::Ok, function, answer)
                }
            },
        };
        entry.process = Some(Process::Client(processes[client]));
        if entry.kind == EventKind::Info {
            processes[client] += shape.client_count as i64;
        }
        entries.push(entry);
    }
    entries
}

/// How often, of a hundred times, a store does something wrong; 0 never.
#[derive(Clone, Copy)]
pub(super) struct Lies(pub(super) u32);

impl Lies {
    fn tell(self, rng: &mut Pcg64Mcg) -> bool {
        rng.random_range(0..100) < self.0
    }
}

/// A set, or blind writes: elements are added, and read together.
pub(super) struct SetStore {
    pub(super) add: &'static str,
    pub(super) lies: Lies,
    /// Draws elements below this; if there is none, counts them.
    pub(super) element_max: Option<i64>,
    /// Of ten thousand calls so many are reads.
    pub(super) read_share: u32,
    held: BTreeSet<i64>,
    next: i64,
}

impl SetStore {
    pub(super) fn new(add: &'static str, lies: Lies, element_max: Option<i64>, read_share: u32) -> Self {
        Self {
            add,
            lies,
            element_max,
            read_share,
            held: BTreeSet::new(),
            next: 0,
        }
    }
}

impl Store for SetStore {
    fn ask(&mut self, rng: &mut Pcg64Mcg) -> (&'static str, Datum) {
        if rng.random_range(0..10_000) < self.read_share {
            return ("read", Datum::Nil);
        }
        self.next += 1;
        let element = self.element_max.map_or(self.next - 1, |max| rng.random_range(0..max));
        (self.add, Datum::Int(element))
    }

    fn answer(&mut self, function: &str, asked: &Datum, rng: &mut Pcg64Mcg) -> Datum {
        if function != "read" {
            self.held.extend(asked.as_int());
            return asked.clone();
        }
        let lie = |rng: &mut Pcg64Mcg| self.lies.tell(rng);
        let mut items: Vec<i64> = self.held.iter().copied().filter(|_| !lie(rng)).collect();
        if lie(rng) {
            items.push(rng.random_range(0..8));
        }
        let items = items.into_iter().map(Datum::Int);
        if rng.random_bool(0.5) {
            Datum::list(items)
        } else {
            Datum::set(items)
        }
    }
}

/// A counter that is incremented and decremented.
pub(super) struct CounterStore {
    pub(super) lies: Lies,
    pub(super) sum: i64,
}

impl Store for CounterStore {
    fn ask(&mut self, rng: &mut Pcg64Mcg) -> (&'static str, Datum) {
        if rng.random_bool(0.4) {
            ("read", Datum::Nil)
        } else {
            ("add", Datum::Int(rng.random_range(-3..=5)))
        }
    }

    fn answer(&mut self, function: &str, asked: &Datum, rng: &mut Pcg64Mcg) -> Datum {
        if function == "add" {
            self.sum += asked.as_int().unwrap_or(0);
            return asked.clone();
        }
        let wrong = if self.lies.tell(rng) {
            rng.random_range(-9..=9)
        } else {
            0
        };
        Datum::Int(self.sum + wrong)
    }
}

/// A queue.
pub(super) struct QueueStore {
    pub(super) lies: Lies,
    pub(super) element_max: Option<i64>,
    pub(super) held: Vec<i64>,
    pub(super) next: i64,
}

impl Store for QueueStore {
    fn ask(&mut self, rng: &mut Pcg64Mcg) -> (&'static str, Datum) {
        match rng.random_range(0..100) {
            0..50 => {
                self.next += 1;
                let element = self.element_max.map_or(self.next - 1, |max| rng.random_range(0..max));
                ("enqueue", Datum::Int(element))
            }
            50..95 => ("dequeue", Datum::Nil),
            _ => ("drain", Datum::Nil),
        }
    }

    fn answer(&mut self, function: &str, asked: &Datum, rng: &mut Pcg64Mcg) -> Datum {
        match function {
            "enqueue" => {
                if !self.lies.tell(rng) {
                    self.held.extend(asked.as_int());
                }
                asked.clone()
            }
            "dequeue" if self.lies.tell(rng) => Datum::Int(rng.random_range(0..8)),
            "dequeue" => self.held.pop().map_or(Datum::Nil, Datum::Int),
            _ => Datum::list(std::mem::take(&mut self.held).into_iter().map(Datum::Int)),
        }
    }
}

/// A generator of ids.
pub(super) struct IdStore {
    pub(super) lies: Lies,
    pub(super) next: i64,
}

impl Store for IdStore {
    fn ask(&mut self, _: &mut Pcg64Mcg) -> (&'static str, Datum) {
        ("generate", Datum::Nil)
    }

    fn answer(&mut self, _: &str, _: &Datum, rng: &mut Pcg64Mcg) -> Datum {
        self.next += i64::from(!self.lies.tell(rng));
        Datum::Int(self.next)
    }
}

/// A bank of some accounts.
pub(super) struct BankStore {
    pub(super) lies: Lies,
    pub(super) balances: Vec<i64>,
}

impl Store for BankStore {
    fn ask(&mut self, rng: &mut Pcg64Mcg) -> (&'static str, Datum) {
        if rng.random_bool(0.5) {
            return ("read", Datum::Nil);
        }
        let account_count = self.balances.len() as i64;
        let mut account = || Datum::Int(rng.random_range(0..account_count));
        let (from, to) = (account(), account());
        let keyword = |name: &str| Datum::Keyword(name.into());
        let amount = Datum::Int(rng.random_range(1..=5));
        let fields = [("from", from), ("to", to), ("amount", amount)];
        (
            "transfer",
            Datum::map(fields.map(|(name, value)| (keyword(name), value))),
        )
    }

    fn answer(&mut self, function: &str, asked: &Datum, rng: &mut Pcg64Mcg) -> Datum {
        if function == "transfer" {
            let field = |name| asked.at(name).and_then(Datum::as_int).expect("a transfer has it");
            let amount = field("amount");
            if self.balances[field("from") as usize] >= amount || self.lies.tell(rng) {
                self.balances[field("from") as usize] -= amount;
                self.balances[field("to") as usize] += amount;
            }
            return asked.clone();
        }
        let mut balances: Vec<(Datum, Datum)> = (0..)
            .zip(&self.balances)
            .map(|(account, balance)| (Datum::Int(account), Datum::Int(*balance)))
            .collect();
        if self.lies.tell(rng) {
            match rng.random_range(0..4) {
                0 => balances.push((Datum::Int(9), Datum::Int(0))),
                1 => drop(balances.pop()),
                2 => balances[0].1 = Datum::Nil,
                _ => balances[0].1 = Datum::Int(7),
            }
        }
        Datum::map(balances)
    }
}

/// Registers that are written once each, and read by groups.
pub(super) struct ForkStore {
    pub(super) lies: Lies,
    pub(super) group_size: i64,
    pub(super) written: BTreeSet<i64>,
    pub(super) next: i64,
}

impl ForkStore {
    fn group(&self, key: i64) -> impl Iterator<Item = i64> + use<> {
        let first = key - key % self.group_size;
        first..first + self.group_size
    }
}

fn step(name: &str, key: i64, value: Datum) -> Datum {
    Datum::list([Datum::Keyword(name.into()), Datum::Int(key), value])
}

impl Store for ForkStore {
    fn ask(&mut self, rng: &mut Pcg64Mcg) -> (&'static str, Datum) {
        if rng.random_bool(0.4) || self.next == 0 {
            self.next += 1;
            return ("write", Datum::list([step("w", self.next - 1, Datum::Int(1))]));
        }
        let group = self.group(self.next - 1);
        ("read", Datum::list(group.map(|key| step("r", key, Datum::Nil))))
    }

    fn answer(&mut self, function: &str, asked: &Datum, rng: &mut Pcg64Mcg) -> Datum {
        let steps = asked.items().unwrap_or_default();
        let key = |it: &Datum| {
            it.items()
                .and_then(|items| items[1].as_int())
                .expect("a step has a key")
        };
        if function == "write" {
            self.written.extend(steps.iter().map(key));
            return asked.clone();
        }
        let found = steps.iter().map(|it| {
            let is_seen = self.written.contains(&key(it)) != self.lies.tell(rng);
            step("r", key(it), if is_seen { Datum::Int(1) } else { Datum::Nil })
        });
        Datum::list(found.collect::<Vec<_>>())
    }
}
