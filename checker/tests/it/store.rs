//! Large valid histories: clients of a linearizable store, each op taking effect at one random instant of its time.
//!
//! Some writes fail without effect, some are never answered and take effect late or never. In the end every replica of
//! every key is looked at twice, in both phases, and holds what the store does.

use quorate_checker::{Event, EventKind, Phase};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

/// The replicas of every key.
pub(crate) const REPLICAS: [&str; 3] = ["n1", "n2", "n3"];

/// What the clients do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) op_count: usize,
    pub(crate) client_count: usize,
    pub(crate) key_count: usize,
    pub(crate) seed: u64,
    /// Whether a fifth of the writes are deletes.
    pub(crate) has_deletes: bool,
}

/// Returns the events of a run under `load`.
pub(crate) fn run(load: Load) -> Vec<Event> {
    let mut store = Store {
        rng: Pcg64Mcg::seed_from_u64(load.seed),
        load,
        events: Vec::with_capacity(load.op_count * 2 + load.key_count * 12),
        registers: vec![(Value::Null, 0); load.key_count],
        late: Vec::new(),
        effect_count: 0,
        value_count: 0,
    };
    let mut clients: Vec<Client> = (0..load.client_count as i64).map(Client::Idle).collect();
    let mut invoked = 0;
    let mut idle_count = clients.len();
    while invoked < load.op_count || idle_count < clients.len() {
        let turn = store.rng.random_range(0..clients.len());
        let was_idle = matches!(clients[turn], Client::Idle(_));
        if was_idle && invoked == load.op_count {
            continue;
        }
        invoked += usize::from(was_idle);
        clients[turn] = match clients[turn].clone() {
            Client::Idle(process) => store.invoke(process),
            Client::Waiting(process, invocation) => store.take_effect(process, invocation),
            Client::Served(process, completion) => store.complete(process, completion),
        };
        let is_idle = matches!(clients[turn], Client::Idle(_));
        idle_count = idle_count - usize::from(was_idle) + usize::from(is_idle);
        store.let_late_writes_land();
    }
    store.late.clear();
    store.look(Phase::Handoff);
    store.look(Phase::Final);
    store.events
}

/// A client by what its op has come to.
#[derive(Clone)]
enum Client {
    Idle(i64),
    Waiting(i64, Event),
    /// Its op took effect, or never will; the answer is under way.
    Served(i64, Event),
}

struct Store {
    rng: Pcg64Mcg,
    load: Load,
    events: Vec<Event>,
    registers: Vec<(Value, u64)>,
    /// Unanswered writes that may yet take effect.
    late: Vec<Event>,
    effect_count: u64,
    value_count: i64,
}

impl Store {
    fn push(&mut self, event: Event) -> Event {
        let index = self.events.len() as u64;
        let event = Event {
            index,
            time_ns: index * 1_000,
            ..event
        };
        self.events.push(event.clone());
        event
    }

    fn invoke(&mut self, process: i64) -> Client {
        let key = format!("k{}", self.rng.random_range(0..self.load.key_count));
        let node = Some(format!("n{}", self.rng.random_range(1..=5)));
        let call = if self.rng.random_bool(0.5) {
            Event::read(process, key)
        } else if self.load.has_deletes && self.rng.random_bool(0.2) {
            Event::delete(process, key)
        } else {
            self.value_count += 1;
            Event::write(process, key, self.value_count)
        };
        Client::Waiting(process, self.push(Event { node, ..call }))
    }

    fn take_effect(&mut self, process: i64, invocation: Event) -> Client {
        let kind = match self.rng.random_range(0..50) {
            0 => EventKind::Fail,
            1 => EventKind::Info,
            _ => EventKind::Ok,
        };
        let completion = invocation.completion(kind);
        let completion = match (kind, invocation.function) {
            (EventKind::Ok, function) if function.is_write() => Event {
                version: Some(self.write(&invocation).into()),
                ..completion
            },
            (EventKind::Ok, _) => {
                let (value, version) = self.registers[key_number(&invocation.key)].clone();
                let version = (version > 0).then_some(version.into());
                Event {
                    value,
                    version,
                    ..completion
                }
            }
            (EventKind::Info, function) if function.is_write() => {
                self.late.push(invocation);
                completion
            }
            _ => completion,
        };
        Client::Served(process, completion)
    }

    fn complete(&mut self, process: i64, completion: Event) -> Client {
        let crashed = self.push(completion).kind == EventKind::Info;
        Client::Idle(if crashed {
            process + self.load.client_count as i64
        } else {
            process
        })
    }

    fn let_late_writes_land(&mut self) {
        if !self.late.is_empty() && self.rng.random_bool(0.01) {
            let write = self.late.swap_remove(self.rng.random_range(0..self.late.len()));
            if self.rng.random_bool(0.5) {
                self.write(&write);
            }
        }
    }

    fn write(&mut self, write: &Event) -> u64 {
        self.effect_count += 1;
        self.registers[key_number(&write.key)] = (write.value.clone(), self.effect_count);
        self.effect_count
    }

    fn look(&mut self, phase: Phase) {
        for key in 0..self.load.key_count {
            for replica in REPLICAS {
                let look = Event::read_replica("observer", format!("k{key}"));
                let look = Event {
                    node: Some(replica.into()),
                    phase: Some(phase),
                    ..look
                };
                let look = self.push(look);
                let (value, version) = self.registers[key].clone();
                let version = (version > 0).then_some(version.into());
                self.push(Event {
                    value,
                    version,
                    ..look.completion(EventKind::Ok)
                });
            }
        }
    }
}

fn key_number(key: &str) -> usize {
    key[1..].parse().expect("keys are numbered")
}
