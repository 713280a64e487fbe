//! Large and small histories of siblings, sets and counters: clients of three replicas that merge.
//!
//! A replica holds the items that it was told of and those that it was told are gone; merging is union, and what is gone
//! wins. (Of a counter the items are its increments.) A write reaches the replicas one after another and is acknowledged
//! at the second; a read merges two replicas and writes the result back to both before it returns. Without quorums both
//! are content with one, and nothing is written back: then histories are broken in all the ways that a check may find.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::{Event, EventKind, Phase};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

/// How many replicas every key has.
pub(crate) const REPLICA_COUNT: usize = 3;

/// What keys hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Siblings,
    Set,
    Counter,
}

/// What the clients do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) kind: Kind,
    pub(crate) op_count: usize,
    pub(crate) client_count: usize,
    pub(crate) key_count: usize,
    pub(crate) seed: u64,
    /// Whether reads and writes wait for two replicas.
    pub(crate) has_quorums: bool,
}

/// Returns the events of a run under `load`.
pub(crate) fn run(load: Load) -> Vec<Event> {
    let mut store = Store {
        rng: Pcg64Mcg::seed_from_u64(load.seed),
        load,
        events: Vec::new(),
        replicas: vec![[(); REPLICA_COUNT].map(|()| State::default()); load.key_count],
        kills: BTreeMap::new(),
        deltas: BTreeMap::new(),
        last_reads: BTreeMap::new(),
        late: Vec::new(),
        item_count: 0,
    };
    let mut clients: Vec<Client> = (0..load.client_count as i64).map(Client::Idle).collect();
    let mut invoked = 0;
    while invoked < load.op_count || clients.iter().any(|client| !matches!(client, Client::Idle(_))) {
        let turn = store.rng.random_range(0..clients.len());
        let is_idle = matches!(clients[turn], Client::Idle(_));
        if is_idle && invoked == load.op_count {
            continue;
        }
        invoked += usize::from(is_idle);
        let client = std::mem::replace(&mut clients[turn], Client::Idle(0));
        clients[turn] = store.step(client);
        store.deliver_late(0.1);
    }
    store.end();
    store.events
}

/// A replica's copy of one key.
#[derive(Clone, Default)]
struct State {
    told: BTreeSet<i64>,
    gone: BTreeSet<i64>,
}

impl State {
    fn merge(&mut self, other: &State) {
        self.told.extend(&other.told);
        self.gone.extend(&other.gone);
    }

    fn live(&self) -> Vec<i64> {
        self.told.difference(&self.gone).copied().collect()
    }
}

enum Client {
    Idle(i64),
    /// The replicas that it has not reached yet, and how many it has.
    Writing(Event, State, Vec<usize>, usize),
    /// The replicas to read, what was merged, the replicas to write back to.
    Reading(Event, Vec<usize>, State, Vec<usize>),
}

struct Store {
    rng: Pcg64Mcg,
    load: Load,
    events: Vec<Event>,
    replicas: Vec<[State; REPLICA_COUNT]>,
    /// By item, what its write overwrote.
    kills: BTreeMap<i64, BTreeSet<i64>>,
    deltas: BTreeMap<i64, i64>,
    /// By process and key.
    last_reads: BTreeMap<(i64, String), Vec<i64>>,
    late: Vec<(usize, usize, State)>,
    item_count: i64,
}

impl Store {
    fn push(&mut self, event: Event) -> Event {
        let index = self.events.len() as u64;
        let event = Event {
            index,
            time_ns: index * 1_000_000,
            ..event
        };
        self.events.push(event.clone());
        event
    }

    fn step(&mut self, client: Client) -> Client {
        match client {
            Client::Idle(process) => self.invoke(process),
            Client::Writing(invocation, change, rest, done) => self.write(invocation, change, rest, done),
            Client::Reading(invocation, rest, state, back) => self.read(invocation, rest, state, back),
        }
    }

    fn quorum(&self) -> usize {
        if self.load.has_quorums { 2 } else { 1 }
    }

    fn invoke(&mut self, process: i64) -> Client {
        let name = format!("k{}", self.rng.random_range(0..self.load.key_count));
        let mut order: Vec<usize> = (0..REPLICA_COUNT).collect();
        for i in (1..REPLICA_COUNT).rev() {
            order.swap(i, self.rng.random_range(0..=i));
        }
        if self.rng.random_bool(0.5) {
            order.truncate(self.quorum());
            let back = if self.load.has_quorums {
                order.clone()
            } else {
                Vec::new()
            };
            let invocation = self.push(Event::read(process, name));
            return Client::Reading(invocation, order, State::default(), back);
        }
        let (event, change) = self.draw(process, name);
        let invocation = self.push(event);
        Client::Writing(invocation, change, order, 0)
    }

    /// Returns a write of some kind, and what it does to a replica.
    fn draw(&mut self, process: i64, name: String) -> (Event, State) {
        let last = self
            .last_reads
            .get(&(process, name.clone()))
            .cloned()
            .unwrap_or_default();
        self.item_count += 1;
        let item = self.item_count;
        let told = BTreeSet::from([item]);
        match self.load.kind {
            Kind::Counter => {
                let delta = self.rng.random_range(-4..9);
                self.deltas.insert(item, delta);
                let gone = BTreeSet::new();
                (Event::increment(process, name, delta), State { told, gone })
            }
            Kind::Set if !last.is_empty() && self.rng.random_bool(0.5) => {
                let gone = last[self.rng.random_range(0..last.len())];
                let call = Event::remove(process, name, gone);
                let change = State {
                    told: BTreeSet::new(),
                    gone: BTreeSet::from([gone]),
                };
                (seeing(call, &last), change)
            }
            Kind::Set => (
                Event::add(process, name, item),
                State {
                    told,
                    gone: BTreeSet::new(),
                },
            ),
            Kind::Siblings => {
                let seen = if self.rng.random_bool(0.7) { last } else { Vec::new() };
                let before = seen.iter().flat_map(|item| self.kills[item].iter());
                let gone: BTreeSet<i64> = before.chain(&seen).copied().collect();
                if self.rng.random_bool(0.15) {
                    let change = State {
                        told: BTreeSet::new(),
                        gone,
                    };
                    return (seeing(Event::delete(process, name), &seen), change);
                }
                self.kills.insert(item, gone.clone());
                (seeing(Event::write(process, name, item), &seen), State { told, gone })
            }
        }
    }

    fn write(&mut self, invocation: Event, change: State, mut rest: Vec<usize>, done: usize) -> Client {
        let key = key_number(&invocation.key);
        let kind = match self.rng.random_range(0..100) {
            0..2 if done == 0 => Some(EventKind::Fail),
            0..2 => Some(EventKind::Info),
            2..50 if done >= self.quorum() => Some(EventKind::Ok),
            _ => None,
        };
        let kind = kind.or(rest.is_empty().then_some(EventKind::Ok));
        let Some(kind) = kind else {
            let replica = rest.pop().expect("there is a replica to reach");
            self.replicas[key][replica].merge(&change);
            return Client::Writing(invocation, change, rest, done + 1);
        };
        if kind != EventKind::Fail {
            self.late
                .extend(rest.into_iter().map(|replica| (key, replica, change.clone())));
        }
        self.complete(&invocation, kind, invocation.value.clone())
    }

    fn read(&mut self, invocation: Event, mut rest: Vec<usize>, mut state: State, mut back: Vec<usize>) -> Client {
        let key = key_number(&invocation.key);
        if let Some(replica) = rest.pop() {
            state.merge(&self.replicas[key][replica]);
            return Client::Reading(invocation, rest, state, back);
        }
        if let Some(replica) = back.pop() {
            self.replicas[key][replica].merge(&state);
            return Client::Reading(invocation, rest, state, back);
        }
        let kind = match self.rng.random_range(0..50) {
            0 => EventKind::Fail,
            1 => EventKind::Info,
            _ => EventKind::Ok,
        };
        if kind == EventKind::Ok {
            let quorate_checker::Process::Client(process) = invocation.process else {
                panic!("clients read")
            };
            self.last_reads.insert((process, invocation.key.clone()), state.live());
        }
        let value = if kind == EventKind::Ok {
            self.shown(&state)
        } else {
            Value::Null
        };
        self.complete(&invocation, kind, value)
    }

    fn complete(&mut self, invocation: &Event, kind: EventKind, value: Value) -> Client {
        let quorate_checker::Process::Client(process) = invocation.process else {
            panic!("clients act")
        };
        self.push(Event {
            value,
            seen: None,
            ..invocation.completion(kind)
        });
        let crashed = kind == EventKind::Info;
        Client::Idle(process + if crashed { self.load.client_count as i64 } else { 0 })
    }

    fn shown(&self, state: &State) -> Value {
        let live = state.live();
        match self.load.kind {
            Kind::Counter => live.iter().map(|item| self.deltas[item]).sum::<i64>().into(),
            Kind::Siblings | Kind::Set if live.is_empty() => Value::Null,
            Kind::Siblings | Kind::Set => live.into(),
        }
    }

    fn deliver_late(&mut self, chance: f64) {
        if !self.late.is_empty() && self.rng.random_bool(chance) {
            let next = self.rng.random_range(0..self.late.len());
            let (key, replica, change) = self.late.swap_remove(next);
            self.replicas[key][replica].merge(&change);
        }
    }

    /// Delivers what is late, merges all replicas, and looks at each.
    fn end(&mut self) {
        while !self.late.is_empty() {
            self.deliver_late(1.0);
        }
        for key in 0..self.load.key_count {
            let mut whole = State::default();
            self.replicas[key].iter().for_each(|replica| whole.merge(replica));
            for replica in 0..REPLICA_COUNT {
                let look = self.push(Event {
                    node: Some(format!("n{replica}")),
                    phase: Some(Phase::Final),
                    ..Event::read_replica("observer", format!("k{key}"))
                });
                let value = self.shown(&whole);
                self.push(Event {
                    value,
                    ..look.completion(EventKind::Ok)
                });
            }
        }
    }
}

fn seeing(call: Event, seen: &[i64]) -> Event {
    let seen = seen.iter().map(|item| Value::from(*item)).collect();
    Event {
        seen: Some(seen),
        ..call
    }
}

fn key_number(name: &str) -> usize {
    name[1..].parse().expect("keys are numbered")
}
