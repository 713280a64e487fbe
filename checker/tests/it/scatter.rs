//! Small random histories, most of them nearly valid: a register that now and then lies, forgets, repeats or looks
//! ahead.

use quorate_checker::{Context, Crash, Event, EventKind, FaultSpan, History, HistoryBuilder, Phase, Version};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

/// Milliseconds between two events.
const STEP_NS: u64 = 1_000_000;

/// What a small history is like.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// At most so many reads and writes.
    pub(crate) op_count_max: usize,
    /// So many keys, of equal weight.
    pub(crate) key_count: usize,
    /// Whether replicas are looked at in the end.
    pub(crate) has_looks: bool,
    /// Whether a third of the writes are deletes.
    pub(crate) has_deletes: bool,
}

/// Returns the events of the small history of `seed`.
pub(crate) fn events(seed: u64, shape: Shape) -> Vec<Event> {
    let mut scatter = Scatter::new(seed, shape);
    let op_count = scatter.rng.random_range(0..=shape.op_count_max);
    let client_count = scatter.rng.random_range(1..=4);
    let mut open: Vec<Option<Event>> = vec![None; client_count];
    let mut processes: Vec<i64> = (0..client_count as i64).collect();
    let mut invoked = 0;
    while invoked < op_count || scatter.rng.random_bool(0.7) && open.iter().any(Option::is_some) {
        let client = scatter.rng.random_range(0..client_count);
        match open[client].take() {
            Some(invocation) => {
                let kind = scatter.complete(&invocation);
                if kind == EventKind::Info {
                    processes[client] += client_count as i64;
                }
            }
            None if invoked < op_count => {
                invoked += 1;
                open[client] = Some(scatter.invoke(processes[client]));
                if shape.has_looks && scatter.rng.random_bool(0.05) {
                    let is_final = scatter.rng.random_bool(0.5);
                    scatter.look(if is_final { Phase::Final } else { Phase::Handoff });
                }
            }
            None => {}
        }
    }
    if shape.has_looks {
        for phase in [Phase::Handoff, Phase::Final] {
            if scatter.rng.random_bool(0.8) {
                scatter.look(phase);
            }
        }
    }
    scatter.events
}

/// Returns the history of `events`, which the generators make well-formed.
pub(crate) fn history(events: &[Event]) -> History {
    let mut builder = HistoryBuilder::new();
    for event in events {
        builder.push(event.clone()).expect("a generated history is well-formed");
    }
    builder.finish()
}

/// Returns a random context that goes with the history of `seed`.
pub(crate) fn context(seed: u64) -> Context {
    let mut rng = Pcg64Mcg::seed_from_u64(seed ^ 0xc0de);
    let mut crash = || Crash {
        node: format!("n{}", rng.random_range(1..=3)),
        time_ns: rng.random_range(0..20) * STEP_NS,
    };
    let crashes = [crash(), crash()];
    Context {
        replica_count: [None, Some(2), Some(3)][rng.random_range(0..3)],
        handoff_window: std::time::Duration::from_nanos(rng.random_range(0..8) * STEP_NS),
        crashes: crashes[..rng.random_range(0..=2)].to_vec(),
        faults: vec![FaultSpan {
            label: "n1 isolated".into(),
            start_ns: 3 * STEP_NS,
            end_ns: Some(9 * STEP_NS),
        }],
    }
}

/// How versions go with values.
#[derive(Clone, Copy)]
enum Stamps {
    None,
    /// In the order in which writes take effect.
    Effect,
    /// Any, but each value has one.
    Random,
    /// Any at every report.
    Wild,
}

struct Scatter {
    rng: Pcg64Mcg,
    shape: Shape,
    events: Vec<Event>,
    stamps: Stamps,
    /// By key, what the register holds and every value ever written, each with the version that it was given.
    holds: Vec<(Value, u64)>,
    written: Vec<Vec<(Value, u64)>>,
    stamped: u64,
    next_value: i64,
}

impl Scatter {
    fn new(seed: u64, shape: Shape) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let stamps = [Stamps::None, Stamps::Effect, Stamps::Random, Stamps::Wild][rng.random_range(0..4)];
        Self {
            rng,
            shape,
            events: Vec::new(),
            stamps,
            holds: vec![(Value::Null, 0); shape.key_count],
            written: vec![Vec::new(); shape.key_count],
            stamped: 0,
            next_value: 1,
        }
    }

    fn push(&mut self, event: Event) -> Event {
        let index = self.events.len() as u64;
        let event = Event {
            index,
            time_ns: index * STEP_NS,
            ..event
        };
        self.events.push(event.clone());
        event
    }

    fn invoke(&mut self, process: i64) -> Event {
        let key = self.rng.random_range(0..self.shape.key_count);
        let name = format!("k{key}");
        let node = self
            .rng
            .random_bool(0.9)
            .then(|| format!("n{}", self.rng.random_range(1..=3)));
        if self.rng.random_bool(0.5) {
            return self.push(Event {
                node,
                ..Event::read(process, name)
            });
        }
        let is_delete = self.shape.has_deletes && self.rng.random_bool(0.33);
        let value = match self.rng.random_range(0..100) {
            _ if is_delete => Value::Null,
            0..2 => Value::Null,
            2..5 if !self.written[key].is_empty() => {
                let repeated = self.rng.random_range(0..self.written[key].len());
                self.written[key][repeated].0.clone()
            }
            _ => {
                self.next_value += 1;
                Value::from(self.next_value)
            }
        };
        self.stamped += 1;
        let version = match self.stamps {
            Stamps::Effect | Stamps::None => self.stamped,
            Stamps::Random | Stamps::Wild => self.rng.random_range(1..9),
        };
        self.written[key].push((value.clone(), version));
        if self.rng.random_bool(0.4) {
            self.holds[key] = (value.clone(), version);
        }
        let call = if is_delete {
            Event::delete(process, name)
        } else {
            Event::write(process, name, value)
        };
        self.push(Event { node, ..call })
    }

    fn complete(&mut self, invocation: &Event) -> EventKind {
        let kind = match self.rng.random_range(0..10) {
            0 => EventKind::Fail,
            1..3 => EventKind::Info,
            _ => EventKind::Ok,
        };
        let key: usize = invocation.key[1..].parse().expect("keys are numbered");
        let is_write = invocation.function.is_write();
        let (value, version) = if is_write {
            let position = self.written[key]
                .iter()
                .position(|(value, _)| *value == invocation.value);
            self.written[key][position.expect("what is written is noted")].clone()
        } else {
            self.glimpse(key)
        };
        if is_write && kind == EventKind::Ok && self.rng.random_bool(0.7) {
            self.holds[key] = (value.clone(), version);
        }
        let version = self.report(&value, version);
        self.push(Event {
            value,
            version,
            ..invocation.completion(kind)
        });
        kind
    }

    /// Returns what a read of `key` may return: what the register holds, or anything.
    fn glimpse(&mut self, key: usize) -> (Value, u64) {
        let written = self.written[key].len();
        match self.rng.random_range(0..20) {
            0 => (Value::Null, 0),
            1 => (Value::from(self.next_value + 1), 5),
            2..6 if written > 0 => self.written[key][self.rng.random_range(0..written)].clone(),
            _ => self.holds[key].clone(),
        }
    }

    fn report(&mut self, value: &Value, version: u64) -> Option<Version> {
        let version = match self.stamps {
            Stamps::None => return None,
            Stamps::Wild => self.rng.random_range(1..9),
            Stamps::Effect | Stamps::Random => version,
        };
        ((!value.is_null() || self.shape.has_deletes) && self.rng.random_bool(0.8)).then_some(Version::Integer(version))
    }

    /// Looks at some of the replicas of each key.
    fn look(&mut self, phase: Phase) {
        for key in 0..self.shape.key_count {
            for replica in 1..=3 {
                if self.rng.random_bool(0.1) {
                    continue;
                }
                let node = Some(format!("n{replica}"));
                let look = Event {
                    node,
                    phase: Some(phase),
                    ..Event::read_replica("observer", format!("k{key}"))
                };
                let look = self.push(look);
                let (value, version) = self.glimpse(key);
                let version = self.report(&value, version);
                let kind = if self.rng.random_bool(0.95) {
                    EventKind::Ok
                } else {
                    EventKind::Fail
                };
                self.push(Event {
                    value,
                    version,
                    ..look.completion(kind)
                });
            }
        }
    }
}
