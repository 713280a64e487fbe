//! Small random histories of many overlaps, whose reads return anything that was written: where `scatter` is nearly
//! valid, these are what no store would do, and so the corners of what orders can do.

use quorate_checker::{Event, EventKind};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

/// What a tangle is like.
#[derive(Clone, Copy)]
pub(crate) struct Knots {
    /// So many clients, each of which does one op after another.
    pub(crate) client_count: usize,
    /// So many reads and writes.
    pub(crate) op_count: usize,
    /// So many keys, of equal weight.
    pub(crate) key_count: usize,
    /// Whether a read may return what was written after it had ended.
    pub(crate) has_future: bool,
}

/// Returns the events of the tangle of `seed`.
pub(crate) fn events(seed: u64, knots: Knots) -> Vec<Event> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut events: Vec<Event> = Vec::new();
    let mut open: Vec<Option<usize>> = vec![None; knots.client_count];
    let mut invoked = 0;
    let mut value_count = 0;
    while invoked < knots.op_count || open.iter().any(Option::is_some) {
        let client = rng.random_range(0..knots.client_count);
        let event = match open[client].take() {
            Some(invocation) => events[invocation].completion(EventKind::Ok),
            None if invoked == knots.op_count => continue,
            None => {
                invoked += 1;
                open[client] = Some(events.len());
                let key = format!("k{}", rng.random_range(0..knots.key_count));
                if rng.random_bool(0.5) {
                    value_count += 1;
                    Event::write(client as i64, key, value_count)
                } else {
                    Event::read(client as i64, key)
                }
            }
        };
        let index = events.len() as u64;
        let time_ns = index * 1_000_000;
        events.push(Event {
            index,
            time_ns,
            ..event
        });
    }
    for at in 0..events.len() {
        if events[at].kind == EventKind::Ok && !events[at].function.is_write() {
            let seen = if knots.has_future { &events[..] } else { &events[..at] };
            let is_seen = |event: &&Event| event.kind == EventKind::Invoke && event.key == events[at].key;
            let values = seen.iter().filter(is_seen).filter(|event| event.function.is_write());
            let values: Vec<Value> = values.map(|event| event.value.clone()).collect();
            let any = rng.random_range(0..values.len() * 4 + 1);
            events[at].value = values.get(any / 4).cloned().unwrap_or(Value::Null);
        }
    }
    events
}

/// Returns the events of clients of one memory who each do all that they do before the next one begins, as far as clocks
/// tell: reads return what they did when the clients took turns at random, but for `lie_count` of them.
pub(crate) fn retold(seed: u64, knots: Knots, lie_count: usize) -> Vec<Event> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut memory = vec![Value::Null; knots.key_count];
    let mut told: Vec<Vec<Event>> = vec![Vec::new(); knots.client_count];
    let mut value_count = 0;
    for _ in 0..knots.op_count {
        let client = rng.random_range(0..knots.client_count);
        let key = rng.random_range(0..knots.key_count);
        let name = format!("k{key}");
        told[client].push(if rng.random_bool(0.5) {
            value_count += 1;
            memory[key] = Value::from(value_count);
            Event::write(client as i64, name, value_count)
        } else {
            Event {
                value: memory[key].clone(),
                ..Event::read(client as i64, name)
            }
        });
    }
    let mut ops: Vec<Event> = told.into_iter().flatten().collect();
    for _ in 0..lie_count {
        let at = rng.random_range(0..ops.len());
        let at = (at..ops.len()).chain(0..at).find(|at| !ops[*at].function.is_write());
        let Some(read) = at.map(|at| ops[at].clone()) else {
            break;
        };
        let is_other = |op: &&Event| op.function.is_write() && op.key == read.key && op.value != read.value;
        let values: Vec<Value> = ops.iter().filter(is_other).map(|op| op.value.clone()).collect();
        if let (Some(at), false) = (at, values.is_empty()) {
            ops[at].value = values[rng.random_range(0..values.len())].clone();
        }
    }
    let events = ops.into_iter().flat_map(|op| {
        let completion = op.completion(EventKind::Ok);
        let value = op.value.clone();
        [op, Event { value, ..completion }]
    });
    let timed = events.zip(0..).map(|(event, index)| Event {
        index,
        time_ns: index * 1_000_000,
        ..event
    });
    timed.collect()
}

/// Returns `events` with a few pairs of neighbours in the other order, where that is a history still.
pub(crate) fn jolted(seed: u64, events: &[Event]) -> Vec<Event> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut events = events.to_vec();
    for _ in 0..rng.random_range(0..8) {
        let at = rng.random_range(1..events.len());
        if events[at - 1].process != events[at].process {
            events.swap(at - 1, at);
        }
    }
    let timed = events.into_iter().zip(0..).map(|(event, index)| Event {
        index,
        time_ns: index * 1_000_000,
        ..event
    });
    timed.collect()
}
