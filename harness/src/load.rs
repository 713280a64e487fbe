//! The clients: who does what next, when, through which node, and what the record says of it.
//!
//! Each client has one operation open at most, and is a session until the outcome of a write is unknown; then it goes
//! on as another process, as in Jepsen. Times are planned ahead and evenly spread with some jitter; an operation that
//! takes longer than its slot delays the next of its client only.

use std::time::Duration;

use quorate_checker::{Event, EventKind};
use quorate_core::{
    Key, ReadRepair as CoreRepair, ReadRequest, Record, Request, Response, Value, WriteError, WriteRequest,
};
use quorate_sim::split_seed;
use quorate_workloads::{Action, ActionLoad, LoadOptions, ReadRepair, Workload};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{
    cluster::{Elapsed, Outcome},
    fault::Place,
    scenario::Scenario,
};

/// All clients of a run.
#[derive(Debug)]
pub struct Load {
    scenario: Scenario,
    actions: ActionLoad,
    rng: Pcg64Mcg,
    begins: Elapsed,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    /// Its present number as a process.
    process: i64,
    /// When its next operation is due.
    due: Elapsed,
    /// The invocation of its open operation.
    open: Option<Event>,
}

/// An operation to be submitted, after its invocation has been recorded.
#[derive(Debug)]
pub struct Call {
    /// Whose.
    pub client: usize,
    /// Through which node.
    pub node: Place,
    /// What is asked of it.
    pub request: Request,
    /// What the record says of it.
    pub invocation: Event,
}

/// An operation that has ended.
#[derive(Debug)]
pub struct Ended {
    /// What the record says of it.
    pub completion: Event,
    /// How long it took.
    pub latency: Duration,
}

impl Load {
    /// The clients of `scenario`, to begin at `begins`.
    pub fn new(scenario: &Scenario, seed: u64, begins: Elapsed) -> Load {
        let mut rng = Pcg64Mcg::seed_from_u64(split_seed(seed, "load"));
        let slot = slot(scenario);
        let client = |number: usize| Client {
            process: number as i64,
            due: begins + slot.mul_f64(rng.random()),
            open: None,
        };
        Load {
            clients: (0..scenario.concurrency).map(client).collect(),
            actions: ActionLoad::new(LoadOptions {
                workload: Workload::Register,
                seed: split_seed(seed, "actions"),
                keys: scenario.keys,
                reads_percent: scenario.reads_percent,
            }),
            rng,
            begins,
            scenario: scenario.clone(),
        }
    }

    /// When the next client wants to act; `None` if all are busy or the time is over.
    pub fn next_due(&self) -> Option<Elapsed> {
        let idle = self.clients.iter().filter(|client| client.open.is_none());
        idle.map(|client| client.due).min().filter(|due| *due < self.ends())
    }

    /// Whether any operation is open.
    pub fn is_busy(&self) -> bool {
        self.clients.iter().any(|client| client.open.is_some())
    }

    /// When the load is over.
    pub fn ends(&self) -> Elapsed {
        self.begins + self.scenario.time
    }

    /// The operation that is due at `now`, if there is one. It counts as open from here on.
    pub fn take_due(&mut self, now: Elapsed) -> Option<Call> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let at = |client: &Client| client.open.is_none() && client.due == due;
        let number = self.clients.iter().position(at).expect("somebody is due then");
        let jitter = 0.5 + self.rng.random::<f64>();
        let client = &mut self.clients[number];
        client.due = (due + slot(&self.scenario).mul_f64(jitter)).max(now);
        let progress = (now.saturating_sub(self.begins)).as_secs_f64() / self.scenario.time.as_secs_f64();
        let action = self.actions.next(number, progress);
        let node = Place(self.rng.random_range(0..self.scenario.nodes));
        let process = self.clients[number].process;
        let invocation = Event {
            time_ns: nanos(now),
            node: Some(node.to_string()),
            ..invocation(process, &action, &self.scenario)
        };
        self.clients[number].open = Some(invocation.clone());
        Some(Call {
            client: number,
            node,
            request: request(&action, &self.scenario),
            invocation,
        })
    }

    /// Ends the open operation of a client.
    ///
    /// # Panics
    /// If it has none open.
    pub fn complete(&mut self, now: Elapsed, client: usize, outcome: Outcome) -> Ended {
        let concurrency = self.clients.len() as i64;
        let client = &mut self.clients[client];
        let invocation = client.open.take().expect("a request ends once");
        client.due = client.due.max(now);
        let latency = Duration::from_nanos(nanos(now).saturating_sub(invocation.time_ns));
        let completion = Event {
            time_ns: nanos(now),
            ..completion(&invocation, outcome)
        };
        if completion.kind == EventKind::Info {
            client.process += concurrency;
        }
        Ended { completion, latency }
    }
}

/// The share of time of one operation of one client.
fn slot(scenario: &Scenario) -> Duration {
    match scenario.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs(1).mul_f64(scenario.concurrency as f64 / f64::from(rate)),
    }
}

/// The name of a key.
pub fn key_name(number: usize) -> String {
    format!("k{number}")
}

fn invocation(process: i64, action: &Action, scenario: &Scenario) -> Event {
    match action {
        Action::Read { key } => Event {
            level: Some(format!("r={}", scenario.r)),
            ..Event::read(process, key_name(*key))
        },
        Action::Write { key, value, .. } => Event {
            level: Some(format!("w={}", scenario.w)),
            ..Event::write(process, key_name(*key), *value)
        },
        other => unreachable!("the register workload reads and writes, and draws no {other:?}"),
    }
}

fn request(action: &Action, scenario: &Scenario) -> Request {
    let timeout = scenario.request_timeout;
    match action {
        Action::Read { key } => Request::Read(ReadRequest {
            key: stored_key(&key_name(*key)),
            r: scenario.r,
            repair: match scenario.read_repair {
                ReadRepair::Off => CoreRepair::Off,
                ReadRepair::Async => CoreRepair::Async,
                ReadRepair::Blocking => CoreRepair::Blocking { holders: scenario.r },
            },
            timeout,
        }),
        Action::Write { key, value, .. } => Request::Write(WriteRequest {
            key: stored_key(&key_name(*key)),
            value: Value(value.to_string().into()),
            w: scenario.w,
            timeout,
        }),
        other => unreachable!("the register workload reads and writes, and draws no {other:?}"),
    }
}

/// A key as the store knows it.
pub fn stored_key(name: &str) -> Key {
    Key::copy_from(name.as_bytes())
}

/// A record's value as a history shows it: the number that was written, or, if it is none, its bytes as text, so that a
/// value from nowhere can be seen.
pub fn shown_value(record: &Record) -> serde_json::Value {
    let text = String::from_utf8_lossy(&record.value.0);
    match text.parse::<u64>() {
        Ok(number) => number.into(),
        Err(_) => text.into_owned().into(),
    }
}

/// What an outcome tells. A read without an answer has no effect, so it failed; a write is failed only where the
/// coordinator, or the wire, says that nothing was sent.
fn completion(invocation: &Event, outcome: Outcome) -> Event {
    let unknown = match invocation.function {
        function if function.is_write() => EventKind::Info,
        _ => EventKind::Fail,
    };
    let ended = |kind, error: String| Event {
        error: Some(error),
        ..invocation.completion(kind)
    };
    match outcome {
        Outcome::NotSent { why } => ended(EventKind::Fail, why),
        Outcome::Lost { why } => ended(unknown, why),
        Outcome::Answered(response) => match *response {
            Response::Read(Ok(read)) => Event {
                value: read.record.as_ref().map_or(serde_json::Value::Null, shown_value),
                version: read.record.map(|record| record.version.to_string().as_str().into()),
                ..invocation.completion(EventKind::Ok)
            },
            Response::Read(Err(error)) => ended(EventKind::Fail, error.to_string()),
            Response::Write(Ok(write)) => Event {
                version: Some(write.version.to_string().as_str().into()),
                ..invocation.completion(EventKind::Ok)
            },
            Response::Write(Err(error @ WriteError::NotApplied(_))) => ended(EventKind::Fail, error.to_string()),
            Response::Write(Err(error @ WriteError::Unknown { .. })) => ended(EventKind::Info, error.to_string()),
            Response::Admin(_) => ended(unknown, "an answer to another question".to_owned()),
        },
    }
}

/// Nanoseconds as files write them.
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a run is shorter than 584 years")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(rate: u32) -> Scenario {
        Scenario {
            rate,
            ..Scenario::quickstart()
        }
    }

    /// Runs a load in which each operation takes `latency`, and returns the invocations.
    fn run(rate: u32, latency: Duration) -> Vec<Event> {
        let mut load = Load::new(&scenario(rate), 1, Duration::from_secs(1));
        let (mut now, mut open, mut events) = (Duration::ZERO, Vec::new(), Vec::new());
        loop {
            while let Some(call) = load.take_due(now) {
                open.push((now + latency, call.client));
                events.push(call.invocation);
            }
            let ends = open.iter().map(|(at, _)| *at).min();
            let Some(next) = ends.into_iter().chain(load.next_due()).min() else {
                return events;
            };
            now = next.max(now);
            let (done, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|(at, _)| *at <= now);
            open = rest;
            for (_, client) in done {
                let why = "test".to_owned();
                load.complete(now, client, Outcome::Lost { why });
            }
        }
    }

    #[test]
    fn the_rate_is_kept_within_the_time() {
        let events = run(500, Duration::from_millis(3));
        assert!((9_800..=10_200).contains(&events.len()), "{} in 20 s", events.len());
        let (first, last) = (Duration::from_secs(1), Duration::from_secs(21));
        assert!(events.iter().all(|e| (nanos(first)..nanos(last)).contains(&e.time_ns)));
    }

    #[test]
    fn without_a_rate_each_client_goes_on_at_once() {
        let events = run(0, Duration::from_millis(100));
        assert_eq!(events.len(), 10 * 200);
    }

    #[test]
    fn after_an_unknown_write_a_client_is_another_process_and_after_a_lost_read_the_same() {
        let mut load = Load::new(&scenario(0), 1, Duration::ZERO);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let call = load.take_due(Duration::ZERO).expect("ten are idle");
            let is_write = matches!(call.request, Request::Write(_));
            assert!(seen.insert((call.invocation.process.clone(), is_write)) || !is_write);
            let why = "test".to_owned();
            let ended = load.complete(Duration::ZERO, call.client, Outcome::Lost { why });
            let expected = if is_write { EventKind::Info } else { EventKind::Fail };
            assert_eq!(ended.completion.kind, expected);
        }
    }
}
