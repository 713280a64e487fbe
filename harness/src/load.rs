//! The clients: who does what next, when, through which node, and what the record says of it.
//!
//! Each client has one operation open at most, which is one request or several, through one node; and is a session until the
//! outcome of a write is unknown; then it goes on as another process, as in Jepsen. Times are planned ahead and evenly spread with some jitter; an operation that
//! takes longer than its slot delays the next of its client only.
//!
//! An open loop is other: operations come as they come (Poisson), whatever became of those before; each is begun by the first client
//! that is idle, at once or when one is, and its latency counts from when it came. So a store that answers slowly is not asked less
//! often, and what waits is not left out (Tene's *coordinated omission*).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use quorate_checker::{Datum, Entry, EventKind, Process};
use quorate_core::{Context, Key, Request, Response};
use quorate_sim::split_seed;
use quorate_workloads::{Action, ActionLoad, LoadOptions, Step};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{
    cluster::{Elapsed, Outcome},
    fault::Place,
    level::LevelName,
    operations::{Names, Requests, complete, invoke, request, seen, stored_key, told},
    record::Said,
    scenario::Scenario,
    script::Script,
    tape::Ask,
    transaction::{Progress, Transaction},
};

/// For how long nothing has succeeded, at least, through a node that is called silent.
const SILENCE_LEAST: Duration = Duration::from_millis(500);

/// The same, in times of what lies between two requests to it on average: who is asked rarely may have had nothing to answer.
const SILENCE_GAPS: f64 = 10.0;

/// All clients of a run.
#[derive(Debug)]
pub struct Load {
    scenario: Scenario,
    source: Source,
    begins: Elapsed,
    ends: Elapsed,
    clients: Vec<Client>,
    names: Names,
    /// How often each key was asked for.
    asked: Vec<u64>,
    /// When an operation through a node succeeded last.
    served: BTreeMap<Place, Elapsed>,
}

/// Where what clients do comes from.
#[derive(Debug)]
enum Source {
    /// It is drawn as they go.
    Drawn(Box<Drawn>),
    /// It is told.
    Told(Script),
}

#[derive(Debug)]
struct Drawn {
    actions: ActionLoad,
    /// The nodes that clients go to.
    coordinators: Vec<Place>,
    /// The share of time of one operation of one client.
    slot: Duration,
    rng: Pcg64Mcg,
    /// When each idle client's next operation is due; the next first, and of two at one time the first of the clients. Of an open
    /// loop, since when it is idle.
    due: BinaryHeap<Reverse<(Elapsed, usize)>>,
    /// Of an open loop, when operations come.
    arrivals: Option<Arrivals>,
}

/// Operations that come by themselves, independently of each other. What they draw does not depend on what becomes of them.
#[derive(Debug)]
struct Arrivals {
    next: Elapsed,
    rate: f64,
    rng: Pcg64Mcg,
}

impl Arrivals {
    fn new(scenario: &Scenario, seed: u64, begins: Elapsed) -> Arrivals {
        let mut arrivals = Arrivals {
            next: begins,
            rate: scenario.rate.into(),
            rng: Pcg64Mcg::seed_from_u64(split_seed(seed, "arrivals")),
        };
        arrivals.take();
        arrivals
    }

    /// When the next one comes, which is followed by another.
    fn take(&mut self) -> Elapsed {
        let gap = -(1.0 - self.rng.random::<f64>()).ln() / self.rate;
        let came = self.next;
        self.next += Duration::from_secs_f64(gap);
        came
    }
}

#[derive(Debug)]
struct Client {
    /// Its present number as a process.
    process: i64,
    /// When its next operation is due at the earliest, where it is drawn.
    due: Elapsed,
    open: Option<Open>,
    /// What the record says of its open operation, or of the end of its last one. There is one for all of them: most of its
    /// texts are the same each time.
    said: Said,
    /// The node that its last operation went through.
    node: Option<Place>,
    /// Of each key that it has read: what its last read gave it.
    seen: BTreeMap<usize, Seen>,
}

/// What a read gives a client to hand back.
#[derive(Debug, Default)]
struct Seen {
    values: Vec<u64>,
    context: Context,
}

/// What a client is busy with.
#[derive(Debug)]
struct Open {
    action: Action,
    node: Place,
    /// When it was to begin: its latency counts from here.
    due: Elapsed,
    /// Of an operation that takes several requests, what is left of it.
    transaction: Option<Box<Transaction>>,
}

/// An operation to be submitted, after its invocation ([`Load::said_mut`]) has been recorded.
#[derive(Debug)]
pub struct Call {
    /// Whose.
    pub client: usize,
    /// Through which node.
    pub node: Place,
    /// What is asked of it. In a box from its beginning: it goes through many hands.
    pub request: Box<Request>,
    /// What the tape says of it.
    pub ask: Ask,
}

/// What follows from the end of a request.
#[derive(Debug)]
pub enum Followed {
    /// The same operation asks the same node for something else.
    Asks {
        /// Which node.
        node: Place,
        /// For what.
        request: Box<Request>,
    },
    /// The operation has ended.
    Ended(Ended),
}

/// An operation that has ended: as [`Load::said_mut`] says.
#[derive(Debug)]
pub struct Ended {
    /// How long it took, from when it was to begin.
    pub latency: Duration,
    /// When it was to begin.
    pub due: Elapsed,
    /// Whether it only reads.
    pub is_read: bool,
}

impl Load {
    /// The clients of `scenario`, to begin at `begins`.
    pub fn new(scenario: &Scenario, seed: u64, begins: Elapsed) -> Load {
        let mut rng = Pcg64Mcg::seed_from_u64(split_seed(seed, "load"));
        let slot = slot(scenario);
        let clients = (0..scenario.concurrency).map(|number| client(number, begins + slot.mul_f64(rng.random())));
        let clients: Vec<_> = clients.collect();
        let due = clients
            .iter()
            .zip(0..)
            .map(|(client, number)| Reverse((client.due, number)));
        let due = due.collect();
        let actions = ActionLoad::new(LoadOptions {
            workload: scenario.workload,
            seed: split_seed(seed, "actions"),
            keys: scenario.keys,
            reads_percent: scenario.reads_percent,
            txn_length: scenario.txn_length(),
        });
        Load {
            clients,
            source: Source::Drawn(Box::new(Drawn {
                actions,
                coordinators: Place::all(scenario.nodes).collect(),
                slot,
                rng,
                due,
                arrivals: scenario.open_loop.then(|| Arrivals::new(scenario, seed, begins)),
            })),
            begins,
            ends: begins + scenario.time,
            served: BTreeMap::new(),
            asked: vec![0; scenario.keys],
            names: Names::of(scenario),
            scenario: scenario.clone(),
        }
    }

    /// The clients of `scenario`, to begin at `begins`, who ask what they are told.
    pub fn told(scenario: &Scenario, asks: &[Ask], begins: Elapsed) -> Load {
        Load {
            clients: (0..scenario.concurrency).map(|number| client(number, begins)).collect(),
            source: Source::Told(Script::new(asks, scenario.concurrency)),
            begins,
            ends: begins + scenario.time,
            served: BTreeMap::new(),
            asked: vec![0; scenario.keys],
            names: Names::of(scenario),
            scenario: scenario.clone(),
        }
    }

    /// Has clients go to these nodes, and no others, unless they are told whom to ask.
    pub fn set_coordinators(&mut self, coordinators: Vec<Place>) {
        if let Source::Drawn(drawn) = &mut self.source {
            drawn.coordinators = coordinators;
        }
    }

    /// The key that clients have asked for most often; of two the first.
    pub fn hottest(&self) -> Option<usize> {
        let asked = self.asked.iter().enumerate().filter(|(_, count)| **count > 0);
        let hottest = asked.max_by_key(|(key, count)| (**count, Reverse(*key)));
        hottest.map(|(key, _)| key)
    }

    /// The node that a client's request goes through, or its last one went.
    pub fn coordinator_of(&self, client: usize) -> Option<Place> {
        self.clients.get(client)?.node
    }

    /// A key as the store knows it.
    pub fn stored_key(&self, name: &str) -> Key {
        stored_key(&self.scenario, name)
    }

    /// When the next client wants to act; `None` if all are busy or the time is over.
    pub fn next_due(&self) -> Option<Elapsed> {
        let due = match &self.source {
            Source::Drawn(drawn) => {
                let idle = drawn.due.peek().map(|Reverse((due, _))| *due);
                idle.map(|idle| drawn.arrivals.as_ref().map_or(idle, |arrivals| arrivals.next))
            }
            Source::Told(script) => script.next_due(self.idle()).map(|at| self.begins + at),
        };
        due.filter(|due| *due < self.ends())
    }

    fn idle(&self) -> impl Iterator<Item = usize> {
        (0..self.clients.len()).filter(|client| self.clients[*client].open.is_none())
    }

    /// Whether any operation is open.
    pub fn is_busy(&self) -> bool {
        self.clients.iter().any(|client| client.open.is_some())
    }

    /// For how long no operation has succeeded through each node that served some: of those only for which that is long, by how often
    /// clients ask.
    pub fn silences(&self, now: Elapsed) -> impl Iterator<Item = (Place, Duration)> {
        // Without a rate each client goes on at once.
        let gap = match self.scenario.rate {
            0 => 0.0,
            rate => self.served.len() as f64 / f64::from(rate),
        };
        let long = SILENCE_LEAST.max(Duration::from_secs_f64(gap * SILENCE_GAPS));
        let silences = self
            .served
            .iter()
            .map(move |(node, last)| (*node, now.saturating_sub(*last)));
        silences.filter(move |(_, silence)| *silence >= long)
    }

    /// When the load is over.
    pub fn ends(&self) -> Elapsed {
        self.ends
    }

    /// For how long the operation has been due that waits longest because its client is still busy with another, or, of an open loop,
    /// because all are. Of what is told nothing is due before it can be done.
    pub fn lag(&self, now: Elapsed) -> Duration {
        let Source::Drawn(drawn) = &self.source else {
            return Duration::ZERO;
        };
        if let Some(arrivals) = &drawn.arrivals {
            return now.saturating_sub(arrivals.next);
        }
        let busy = self.clients.iter().filter(|client| client.open.is_some());
        busy.map(|client| now.saturating_sub(client.due))
            .max()
            .unwrap_or_default()
    }

    /// The operation that is due at `now`, if there is one. It counts as open from here on.
    pub fn take_due(&mut self, now: Elapsed) -> Option<Call> {
        loop {
            self.next_due().filter(|due| *due <= now)?;
            let Some(taken) = self.take(now) else {
                continue; // What was told can't be done any more; the next may be.
            };
            return Some(self.open(taken, now));
        }
    }

    fn take(&mut self, now: Elapsed) -> Option<Taken> {
        if matches!(self.source, Source::Drawn(_)) {
            return Some(self.draw(now));
        }
        let idle: Vec<_> = self.idle().collect();
        let Source::Told(script) = &mut self.source else {
            unreachable!("it is not drawn");
        };
        let Ask {
            client,
            node,
            level,
            action,
            ..
        } = script.take(idle.into_iter()).expect("something is due");
        let seen = self.clients[client].seen.get(&action.key());
        let action = with_seen(action, seen.map_or(&[], |seen| &seen.values))?;
        Some(Taken {
            client,
            node,
            level,
            action,
            due: now,
        })
    }

    /// Of an open loop, how many operations have come that no client had time to begin before the load was over.
    pub fn unbegun(&mut self) -> u64 {
        let (ends, mut count) = (self.ends(), 0);
        let Source::Drawn(drawn) = &mut self.source else {
            return 0;
        };
        while let Some(arrivals) = drawn.arrivals.as_mut().filter(|arrivals| arrivals.next < ends) {
            arrivals.take();
            count += 1;
        }
        count
    }

    fn draw(&mut self, now: Elapsed) -> Taken {
        let Source::Drawn(drawn) = &mut self.source else {
            unreachable!("asked for where it is drawn");
        };
        let Reverse((due, number)) = drawn.due.pop().expect("somebody is due");
        let Drawn {
            actions,
            coordinators,
            slot,
            rng,
            arrivals,
            ..
        } = &mut **drawn;
        let due = match arrivals {
            Some(arrivals) => arrivals.take(),
            None => {
                let jitter = 0.5 + rng.random::<f64>();
                self.clients[number].due = (due + slot.mul_f64(jitter)).max(now);
                now
            }
        };
        let progress = (now.saturating_sub(self.begins)).as_secs_f64() / self.scenario.time.as_secs_f64();
        let action = actions.next(number, progress);
        let node = coordinator(&self.scenario, coordinators, rng, &action);
        Taken {
            client: number,
            node,
            level: None,
            action,
            due,
        }
    }

    fn open(&mut self, taken: Taken, now: Elapsed) -> Call {
        let Taken {
            client: number,
            node,
            level,
            action,
            due,
        } = taken;
        let (request, transaction) = match &action {
            Action::Txn { steps } => self.begin(number, node, steps, now),
            _ => (self.begin_one(number, (node, level), &action, now), None),
        };
        for key in action.keys() {
            self.asked[key] += 1;
        }
        self.clients[number].node = Some(node);
        self.clients[number].open = Some(Open {
            action: action.clone(),
            node,
            due,
            transaction,
        });
        Call {
            client: number,
            node,
            request,
            ask: Ask {
                at: now.saturating_sub(self.begins),
                client: number,
                node,
                level,
                action,
            },
        }
    }

    /// Begins an operation that is one request.
    fn begin_one(
        &mut self,
        number: usize,
        (node, level): (Place, Option<LevelName>),
        action: &Action,
        now: Elapsed,
    ) -> Box<Request> {
        // It is asked as in a scenario in which all is asked at that level.
        let other = level.map(|level| self.scenario.at_level(level));
        let other = other.map(|other| (Names::of(&other), other));
        let (scenario, names) = match &other {
            Some((names, scenario)) => (scenario, names),
            None => (&self.scenario, &self.names),
        };
        let client = &mut self.clients[number];
        let event = client.said.event_mut();
        invoke(event, action, node, scenario, names);
        (event.process, event.time_ns) = (client.process.into(), nanos(now));
        let nothing = Context::default();
        let context = client.seen.get(&action.key()).map_or(&nothing, |seen| &seen.context);
        Box::new(request(action, context, scenario, names))
    }

    /// Begins a transaction.
    fn begin(
        &mut self,
        number: usize,
        node: Place,
        steps: &[Step],
        now: Elapsed,
    ) -> (Box<Request>, Option<Box<Transaction>>) {
        let (transaction, request) = Transaction::begin(steps, self.requests());
        self.clients[number].said = Said::Txn(Entry {
            time_ns: Some(nanos(now)),
            process: Some(Process::Client(self.clients[number].process)),
            node: Some(node.to_string().into()),
            ..transaction.invocation(self.requests())
        });
        (Box::new(request), Some(Box::new(transaction)))
    }

    fn requests(&self) -> Requests<'_> {
        Requests {
            scenario: &self.scenario,
            names: &self.names,
        }
    }

    /// What the record says of the open operation of a client, or of the end of its last one: the recorder gives it its
    /// index.
    pub fn said_mut(&mut self, client: usize) -> &mut Said {
        &mut self.clients[client].said
    }

    /// Takes in how the last request of a client's open operation ended: the operation with it, or it has more to ask.
    ///
    /// # Panics
    /// If it has none open.
    pub fn complete(&mut self, now: Elapsed, client: usize, outcome: Outcome) -> Followed {
        let mut open = self.clients[client].open.take().expect("a request ends once");
        let Some(transaction) = &mut open.transaction else {
            return Followed::Ended(self.end_one(now, client, open, outcome));
        };
        match transaction.then(&outcome, self.requests()) {
            Progress::Ask(request) => {
                let (node, request) = (open.node, Box::new(request));
                self.clients[client].open = Some(open);
                Followed::Asks { node, request }
            }
            Progress::End(ended) => {
                let Said::Txn(entry) = &mut self.clients[client].said else {
                    unreachable!("a transaction is said to be one");
                };
                (entry.kind, entry.value) = (ended.kind, ended.value);
                entry.error = ended.error.as_deref().map(Datum::from);
                Followed::Ended(self.end(now, client, (open.due, open.action.is_read())))
            }
        }
    }

    /// Ends an operation, of which is said how it ended, but not when; when it was to begin, and whether it only reads.
    fn end(&mut self, now: Elapsed, number: usize, (due, is_read): (Elapsed, bool)) -> Ended {
        let concurrency = self.clients.len() as i64;
        let client = &mut self.clients[number];
        client.due = client.due.max(now);
        if let Source::Drawn(drawn) = &mut self.source {
            drawn.due.push(Reverse((client.due, number)));
        }
        match &mut client.said {
            Said::Key(event) => event.time_ns = nanos(now),
            Said::Txn(entry) => entry.time_ns = Some(nanos(now)),
        }
        if let (EventKind::Ok, Some(node)) = (client.said.kind(), client.node) {
            self.served.insert(node, now);
        }
        if client.said.kind() == EventKind::Info {
            client.process += concurrency;
        }
        Ended {
            latency: now.saturating_sub(due),
            due,
            is_read,
        }
    }

    /// Ends an operation that was one request.
    fn end_one(&mut self, now: Elapsed, number: usize, open: Open, outcome: Outcome) -> Ended {
        let Open { action, due, .. } = open;
        complete(self.scenario.workload, self.clients[number].said.event_mut(), &outcome);
        let ended = self.end(now, number, (due, action.is_read()));
        let Outcome::Answered(response) = outcome else {
            return ended;
        };
        let (values, context) = match *response {
            Response::Read(Ok(read)) => seen(read.cell.as_ref()),
            Response::Cas(Ok(agreed)) => (told(agreed.value.as_ref()), Context::default()),
            _ => return ended,
        };
        if let Source::Drawn(drawn) = &mut self.source {
            drawn.actions.on_read(number, action.key(), &values);
        }
        let seen = &mut self.clients[number].seen;
        if values.is_empty() && context.is_empty() {
            seen.remove(&action.key()); // As always of registers.
        } else {
            seen.insert(action.key(), Seen { values, context });
        }
        ended
    }
}

/// An operation that is about to begin.
struct Taken {
    client: usize,
    node: Place,
    /// At which level, if not at that of the scenario.
    level: Option<LevelName>,
    action: Action,
    /// When it was to begin.
    due: Elapsed,
}

/// A client with this number, as it begins.
fn client(number: usize, due: Elapsed) -> Client {
    Client {
        process: number as i64,
        due,
        open: None,
        said: Said::nothing(),
        node: None,
        seen: BTreeMap::new(),
    }
}

/// Through which node an action goes: any, or any of a data center.
fn coordinator(scenario: &Scenario, nodes: &[Place], rng: &mut Pcg64Mcg, action: &Action) -> Place {
    let dc = if action.is_read() {
        scenario.reads_in_dc
    } else {
        scenario.writes_in_dc
    };
    let is_there = |node: &&Place| dc.is_none_or(|dc| scenario.dc_of(**node) + 1 == dc);
    let count = nodes.iter().filter(is_there).count();
    let number = rng.random_range(0..count);
    let mut there = nodes.iter().filter(is_there);
    *there.nth(number).expect("one of those that were counted")
}

/// An action as it was told, with what its client has really read in the place of what it had read when the tape was made:
/// the record must not say that a client knew what it has never seen. `None` if that leaves nothing to do.
fn with_seen(mut action: Action, now_seen: &[u64]) -> Option<Action> {
    if action.seen().is_empty() {
        return Some(action);
    }
    match &mut action {
        Action::Remove { element, .. } if !now_seen.contains(element) => return None,
        Action::Write { seen, .. } | Action::Delete { seen, .. } | Action::Remove { seen, .. } => {
            *seen = now_seen.to_vec();
        }
        Action::Read { .. }
        | Action::Add { .. }
        | Action::Cas { .. }
        | Action::Increment { .. }
        | Action::Txn { .. } => {}
    }
    Some(action)
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
    fn run(rate: u32, latency: Duration) -> Vec<Said> {
        let mut load = Load::new(&scenario(rate), 1, Duration::from_secs(1));
        let (mut now, mut open, mut events) = (Duration::ZERO, Vec::new(), Vec::new());
        loop {
            while let Some(call) = load.take_due(now) {
                open.push((now + latency, call.client));
                events.push(load.said_mut(call.client).clone());
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
        assert!(
            events
                .iter()
                .all(|e| (nanos(first)..nanos(last)).contains(&e.time_ns()))
        );
    }

    #[test]
    fn an_open_loop_lags_by_what_waits_for_a_client_and_not_by_how_long_clients_were_idle() {
        let scenario = Scenario {
            open_loop: true,
            concurrency: 2,
            ..scenario(100)
        };
        let mut load = Load::new(&scenario, 1, Duration::from_secs(1));
        let mut last = Duration::ZERO;
        for _ in 0..2 {
            last = load.next_due().expect("a client is idle");
            load.take_due(last).expect("it has come");
            assert_eq!(load.lag(last), Duration::ZERO, "whoever came was served at once");
        }
        let Source::Drawn(drawn) = &load.source else {
            panic!("what clients do is drawn");
        };
        let waits = drawn.arrivals.as_ref().expect("it is an open loop").next;
        assert!(waits > last && load.next_due().is_none(), "both clients are busy");
        assert_eq!(load.lag(waits + Duration::from_millis(7)), Duration::from_millis(7));
    }

    #[test]
    fn a_node_is_silent_once_nothing_has_succeeded_through_it_for_long() {
        let now = Duration::from_secs(10);
        for (rate, expected) in [
            (0, vec![(Place(1), 600), (Place(2), 4000)]),
            (10, vec![(Place(2), 4000)]),
        ] {
            let mut load = Load::new(&scenario(rate), 1, Duration::ZERO);
            load.served = [(0, 9_900), (1, 9_400), (2, 6_000)]
                .map(|(node, ms)| (Place(node), Duration::from_millis(ms)))
                .into();
            let silences: Vec<_> = load
                .silences(now)
                .map(|(node, silence)| (node, silence.as_millis()))
                .collect();
            assert_eq!(silences, expected, "{rate} operations a second");
        }
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
            let is_write = matches!(*call.request, Request::Write(_));
            let Said::Key(invocation) = load.said_mut(call.client) else {
                panic!("registers are not of transactions");
            };
            let process = invocation.process.clone();
            assert!(seen.insert((process, is_write)) || !is_write);
            let why = "test".to_owned();
            let Followed::Ended(_) = load.complete(Duration::ZERO, call.client, Outcome::Lost { why }) else {
                panic!("it was one request");
            };
            let expected = if is_write { EventKind::Info } else { EventKind::Fail };
            assert_eq!(load.said_mut(call.client).kind(), expected);
        }
    }
}
