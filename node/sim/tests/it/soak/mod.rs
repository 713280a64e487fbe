//! Clusters of random settings under random requests and faults, and what must be so after all of them: owners that
//! agree, nothing left under way, and no acknowledged write gone.
//!
//! Every seed is a run. A few of them run with the other tests; `QUORATE_SOAK=N` runs N, from `QUORATE_SOAK_FIRST` on.

mod ledger;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use quorate_core::{AdminOk, AdminRequest, AntiEntropyReport, Key, Request, Response, Standing, Store};
use quorate_sim::{CallId, NodeIndex, Outcome, Sim};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use self::{
    ledger::{Asked, Ledger},
    settings::Settings,
};
use crate::cluster::{Cluster, Shape, id_of};

/// Runs among the other tests.
const RUNS: u64 = 60;

const STEPS: usize = 60;

const KEYS: [&str; 3] = ["k0", "k1", "k2"];

/// Longer than tombstones stand.
const LONG: Duration = Duration::from_secs(5);

/// A write whose outcome is not known is sent again so often, if it has an id.
const ATTEMPTS_MAX: u32 = 3;

struct Run {
    seed: u64,
    rng: Pcg64Mcg,
    settings: Settings,
    cluster: Cluster,
    ledger: Ledger,
    under_way: BTreeMap<CallId, Asked>,
    /// What administrators asked: how that ends does not matter.
    commands: BTreeSet<CallId>,
    /// The one node whose disk may be spoilt: what one node loses the others have.
    spoilt: usize,
}

#[test]
fn whatever_happens_owners_agree_in_the_end_and_nothing_acknowledged_is_gone() {
    let first = asked_for("QUORATE_SOAK_FIRST").unwrap_or(1);
    let runs = asked_for("QUORATE_SOAK").unwrap_or(RUNS);
    let mut outcomes = ledger::Outcomes::default();
    for seed in first..first + runs {
        let mut run = Run::new(seed);
        run.go();
        outcomes.add(&run.ledger.outcomes);
    }
    if runs >= RUNS {
        assert!(
            outcomes.acked > outcomes.unknown && outcomes.unknown > 0,
            "{outcomes:?}"
        );
        assert!(outcomes.not_applied > 0 && outcomes.reads > 0, "{outcomes:?}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to soak is for whoever runs the tests to say"
)]
fn asked_for(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The same seed gives the same run.
#[test]
fn a_run_can_be_repeated() {
    let trace = |seed| {
        let mut run = Run::new(seed);
        run.go();
        run.cluster.sim.trace().expect("a test's runs are hashed")
    };
    assert_eq!(trace(7), trace(7));
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let settings = Settings::draw(&mut rng);
        let shape = Shape {
            seed,
            nodes: settings.nodes,
            spares: settings.spares,
            replicas: settings.replicas,
            per_dc: settings.per_dc.clone(),
            clock_offsets: settings.clock_offsets.clone(),
            ..Shape::default()
        };
        let mut cluster = Cluster::started_with(&shape, |config| settings.apply(config));
        cluster.settle();
        let spoilt = rng.random_range(0..settings.nodes);
        Run {
            seed,
            ledger: Ledger::new(&settings, KEYS.len()),
            rng,
            settings,
            cluster,
            under_way: BTreeMap::new(),
            commands: BTreeSet::new(),
            spoilt,
        }
    }

    fn go(&mut self) {
        for _ in 0..STEPS {
            for _ in 0..self.rng.random_range(0..4) {
                let asked = self.settings.any_request(&mut self.rng, &mut self.ledger, &KEYS);
                self.ask(asked);
            }
            if self.rng.random_bool(0.2) {
                self.fault();
            }
            if self.settings.moves && self.rng.random_bool(0.1) {
                self.change_members();
            }
            let span = Duration::from_micros(self.rng.random_range(100..60_000));
            self.pass(span);
        }
        self.recover();
        self.judge();
    }

    fn ask(&mut self, asked: Asked) {
        let node = self.rng.random_range(0..self.settings.nodes + self.settings.spares);
        let asked = asked.at(&self.ledger);
        let call = self.cluster.sim.submit(NodeIndex(node), asked.request.clone());
        self.under_way.insert(call, asked);
    }

    fn pass(&mut self, span: Duration) {
        let until = self.cluster.sim.now() + span;
        while let Some(completion) = self.cluster.sim.advance(until) {
            if self.commands.remove(&completion.call) {
                continue;
            }
            let mut asked = self.under_way.remove(&completion.call).expect("it was asked");
            let is_unknown = self.ledger.note(&mut asked, completion.outcome, self.seed);
            let has_id = matches!(&asked.request, Request::Write(write) if write.id.is_some());
            if is_unknown && has_id && asked.attempts < ATTEMPTS_MAX {
                self.ask(asked);
            } else {
                self.ledger.close(&asked);
            }
        }
    }

    fn fault(&mut self) {
        let node = NodeIndex(self.rng.random_range(0..self.settings.nodes));
        let peer = NodeIndex(self.rng.random_range(0..self.settings.nodes));
        let sim = &mut self.cluster.sim;
        match self.rng.random_range(0..8) {
            0 | 1 if sim.is_running(node) => sim.kill(node),
            0..=2 if !sim.is_running(node) => sim.start(node),
            3 if node != peer => sim.cut(node, peer),
            4 => self.cluster.isolate(node.0),
            5 | 6 => sim.heal(),
            7 if self.settings.spoils => {
                let key = self.settings.key(KEYS[self.rng.random_range(0..KEYS.len())]);
                let disk = sim.disk(NodeIndex(self.spoilt));
                if disk.has(&key) {
                    disk.damage(&key);
                }
            }
            _ => {}
        }
    }

    /// A spare joins, a member leaves or is weighed anew, or whoever seems dead is removed.
    fn change_members(&mut self) {
        let all = self.settings.nodes + self.settings.spares;
        let node = self.rng.random_range(0..all);
        let other = self.rng.random_range(0..all);
        let request = match self.rng.random_range(0..6) {
            0..=2 => {
                let spare = NodeIndex(self.settings.nodes + self.rng.random_range(0..self.settings.spares));
                if !self.cluster.sim.is_running(spare) {
                    self.cluster.sim.start(spare);
                }
                return;
            }
            3 => AdminRequest::Leave,
            4 => AdminRequest::Weigh {
                weight: self.rng.random_range(1..4),
            },
            _ => AdminRequest::Remove { node: id_of(other) },
        };
        let call = self.cluster.sim.submit(NodeIndex(node), Request::Admin(request));
        self.commands.insert(call);
    }

    /// Everybody who is, or was to be, a member.
    fn started(&self) -> Vec<usize> {
        let all = 0..self.settings.nodes + self.settings.spares;
        let is_there = |node: &usize| {
            let node = NodeIndex(*node);
            node.0 < self.settings.nodes
                || self
                    .cluster
                    .sim
                    .disk(node)
                    .memory()
                    .is_ok_and(|m| m.generation.is_some())
        };
        all.filter(is_there).collect()
    }

    /// Those who serve.
    fn serving(&self) -> Vec<usize> {
        let is_serving = |node: &usize| {
            let status = self.cluster.sim.status(NodeIndex(*node));
            status.is_some_and(|s| s.moves.standing != Standing::Left && s.moves.refused.is_none())
        };
        self.started().into_iter().filter(is_serving).collect()
    }

    fn recover(&mut self) {
        self.cluster.sim.heal();
        for node in self.started().into_iter().map(NodeIndex) {
            if !self.cluster.sim.is_running(node) {
                self.cluster.sim.start(node);
            }
        }
        while !self.under_way.is_empty() {
            self.pass(Duration::from_millis(100));
        }
        if self.settings.moves {
            self.cluster.wait_for_moves();
        } else {
            self.cluster.settle();
        }
        if self.settings.spoils {
            // What is damaged is found when it is read.
            for key in KEYS.map(|name| self.settings.key(name)) {
                let read = self.cluster.call(self.spoilt, admin_read(key));
                drop(read);
            }
        }
        self.cluster.wait("everything to be mended", |sim| {
            let metrics = (0..sim.node_count()).filter_map(|node| sim.metrics(NodeIndex(node)));
            metrics.into_iter().all(|metrics| metrics.records_damaged == 0)
        });
        self.cluster.wait_for_quiet();
        for node in self.serving() {
            let report = self.anti_entropy(node);
            assert_eq!(report.peers_failed, 0, "seed {}: {report:?}", self.seed);
        }
        if self.settings.collects {
            self.cluster.pass(LONG); // What was collected in part was given back, and goes again.
        }
        for node in self.serving() {
            let report = self.anti_entropy(node);
            assert_eq!(report.partitions_differing, 0, "seed {}: {report:?}", self.seed);
        }
        self.cluster.wait_for_quiet();
        self.assert_nothing_is_left();
    }

    /// Once the node has none of its own going on.
    fn anti_entropy(&mut self, node: usize) -> AntiEntropyReport {
        for _ in 0..1000 {
            match response(self.cluster.call(node, Request::Admin(AdminRequest::AntiEntropy))) {
                Some(Response::Admin(Ok(AdminOk::AntiEntropy(report)))) => return report,
                _ => self.cluster.pass(Duration::from_millis(5)),
            }
        }
        panic!("seed {}: anti-entropy without an end", self.seed);
    }

    fn assert_nothing_is_left(&self) {
        let sim: &Sim = &self.cluster.sim;
        for node in self.serving().into_iter().map(NodeIndex) {
            let metrics = sim.metrics(node).expect("all run");
            let left = (
                metrics.coordinating,
                metrics.hints_pending,
                metrics.records_damaged,
                metrics.persisting,
            );
            assert_eq!(left, (0, 0, 0, 0), "seed {}", self.seed);
        }
    }

    fn judge(&mut self) {
        for (at, name) in KEYS.iter().enumerate() {
            let key = self.settings.key(name);
            let owners = self.cluster.owners_at(self.serving()[0], key.clone());
            let cells: Vec<_> = owners
                .iter()
                .map(|owner| self.cluster.cell(*owner, key.clone()))
                .collect();
            for cell in &cells {
                assert_eq!(
                    cell, &cells[0],
                    "seed {}: owners of {name} differ: {:?}",
                    self.seed, self.settings
                );
                let is_dead = cell.as_ref().is_some_and(|cell| cell.deleted_at().is_some());
                assert!(!(is_dead && self.settings.collects), "seed {}: {cell:?}", self.seed);
                self.ledger.judge(at, cell.as_ref(), self.seed, &self.settings);
            }
        }
    }
}

fn admin_read(key: Key) -> Request {
    Request::Admin(AdminRequest::ReadReplica { key })
}

fn response(outcome: Outcome) -> Option<Response> {
    match outcome {
        Outcome::Answered(response) => Some(*response),
        Outcome::NotSent | Outcome::Lost => None,
    }
}
