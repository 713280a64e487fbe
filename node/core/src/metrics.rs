//! What a node measures of itself and of others.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use crate::{Counters, Latency, LatencyWindow, Level, Metrics, Node, NodeId, Operation, PeerMetrics, RequestMetrics};

/// Round trips and requests.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    peers: BTreeMap<NodeId, RefCell<LatencyWindow>>,
    requests: BTreeMap<(Operation, Level), Requests>,
}

#[derive(Debug, Default)]
struct Requests {
    ok: u64,
    failed: u64,
    refused: u64,
    latency: RefCell<LatencyWindow>,
}

/// How a client's request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// As it was asked, after so long.
    Ok(Duration),
    /// Without enough answers.
    Failed,
    /// Before anything was sent.
    Refused,
}

impl Measurements {
    pub(crate) fn note_request(&mut self, operation: Operation, level: Level, ended: Ended) {
        let requests = self.requests.entry((operation, level)).or_default();
        match ended {
            Ended::Ok(latency) => {
                requests.ok += 1;
                requests.latency.get_mut().record(latency);
            }
            Ended::Failed => requests.failed += 1,
            Ended::Refused => requests.refused += 1,
        }
    }
}

fn quantiles(window: &RefCell<LatencyWindow>) -> Latency {
    let mut window = window.borrow_mut();
    Latency {
        p50: window.quantile(0.5),
        p99: window.quantile(0.99),
    }
}

impl Node {
    /// A node answered a read after so long.
    pub(crate) fn note_latency(&mut self, node: NodeId, latency: Duration) {
        if node != self.config.node {
            self.measurements
                .peers
                .entry(node)
                .or_default()
                .get_mut()
                .record(latency);
        }
    }

    /// How long a node usually takes to answer. None for this one, and for those that are not known: they are tried.
    pub(crate) fn usual_latency(&self, node: NodeId) -> Duration {
        let window = self.measurements.peers.get(&node);
        let median = window.and_then(|window| window.borrow_mut().quantile(0.5));
        median.unwrap_or_default()
    }

    /// How long a node takes at most in so many of 1,000 cases; `None` if too little is known of it.
    pub(crate) fn latency_quantile(&self, node: NodeId, permille: u16) -> Option<Duration> {
        let window = self.measurements.peers.get(&node)?;
        window.borrow_mut().quantile(f64::from(permille) / 1000.0)
    }

    /// What the node has done. All that is measured takes longer ([`Node::metrics`]).
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What the node has done and how long it took.
    pub fn metrics(&self) -> Metrics {
        let requests = self.measurements.requests.iter();
        let peers = self.measurements.peers.iter();
        Metrics {
            counters: self.counters,
            coordinating: self.coordinations.len() as u64,
            persisting: self.journal.len() as u64,
            persisting_bytes: self.journal.size_bytes() as u64,
            hints_pending: self.handoff.count(),
            writes_remembered: self.origins.count() as u64,
            tombstones: self.graveyard.count() as u64,
            records_damaged: self.mends.count() as u64,
            requests: requests
                .map(|((operation, level), requests)| RequestMetrics {
                    operation: *operation,
                    level: *level,
                    ok: requests.ok,
                    failed: requests.failed,
                    refused: requests.refused,
                    latency: quantiles(&requests.latency),
                })
                .collect(),
            peers: peers
                .map(|(node, window)| PeerMetrics {
                    node: *node,
                    latency: quantiles(window),
                })
                .collect(),
        }
    }
}
