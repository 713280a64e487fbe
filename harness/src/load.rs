//! The clients: who does what next, when, through which node, and what the record says of it.
//!
//! Each client has one operation open at most, and is a session until the outcome of a write is unknown; then it goes
//! on as another process, as in Jepsen. Times are planned ahead and evenly spread with some jitter; an operation that
//! takes longer than its slot delays the next of its client only.

use std::{collections::BTreeMap, time::Duration};

use quorate_checker::{Event, EventKind};
use quorate_core::{Context, Request, Response};
use quorate_sim::split_seed;
use quorate_workloads::{Action, ActionLoad, LoadOptions};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{
    cluster::{Elapsed, Outcome},
    fault::Place,
    operations::{completion, invocation, request, seen},
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
    open: Option<Open>,
    /// Of each key that it has read: the context of its last read.
    contexts: BTreeMap<usize, Context>,
}

/// What a client is busy with.
#[derive(Debug)]
struct Open {
    action: Action,
    invocation: Event,
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
            contexts: BTreeMap::new(),
        };
        Load {
            clients: (0..scenario.concurrency).map(client).collect(),
            actions: ActionLoad::new(LoadOptions {
                workload: scenario.workload,
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
        let node = self.coordinator(&action);
        let process = self.clients[number].process;
        let invocation = Event {
            time_ns: nanos(now),
            node: Some(node.to_string()),
            ..invocation(process, &action, &self.scenario)
        };
        let client = &mut self.clients[number];
        let context = client.contexts.entry(action.key()).or_default();
        let request = request(&action, context, &self.scenario);
        client.open = Some(Open {
            action,
            invocation: invocation.clone(),
        });
        Some(Call {
            client: number,
            node,
            request,
            invocation,
        })
    }

    /// Through which node an action goes: any, or any of a data center.
    fn coordinator(&mut self, action: &Action) -> Place {
        let dc = match action {
            Action::Read { .. } => self.scenario.reads_in_dc,
            _ => self.scenario.writes_in_dc,
        };
        let (nodes, dcs) = (self.scenario.nodes, usize::from(self.scenario.dcs));
        match dc {
            None => Place(self.rng.random_range(0..nodes)),
            Some(dc) => {
                let first = usize::from(dc) - 1;
                let count = (nodes - first).div_ceil(dcs);
                Place(first + dcs * self.rng.random_range(0..count))
            }
        }
    }

    /// Ends the open operation of a client.
    ///
    /// # Panics
    /// If it has none open.
    pub fn complete(&mut self, now: Elapsed, client: usize, outcome: Outcome) -> Ended {
        let concurrency = self.clients.len() as i64;
        let number = client;
        let client = &mut self.clients[number];
        let Open { action, invocation } = client.open.take().expect("a request ends once");
        client.due = client.due.max(now);
        let latency = Duration::from_nanos(nanos(now).saturating_sub(invocation.time_ns));
        let completion = Event {
            time_ns: nanos(now),
            ..completion(self.scenario.workload, &invocation, &outcome)
        };
        if completion.kind == EventKind::Info {
            client.process += concurrency;
        }
        if let Outcome::Answered(response) = outcome
            && let Response::Read(Ok(read)) = *response
        {
            let (values, context) = seen(read.cell.as_ref());
            client.contexts.insert(action.key(), context);
            self.actions.on_read(number, action.key(), &values);
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
