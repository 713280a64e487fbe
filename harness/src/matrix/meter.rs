//! What passes between the nodes of a simulated cluster: how many messages and bytes, on whose account, and what each leg of reads and
//! writes takes, exactly, message by message.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quorate_core::{Errand, Message, ReplicaRequest, RequestId, Time};
use quorate_node::message_bytes;
use quorate_sim::{NodeIndex, Sent, Tap};
use quorate_workloads::pbs::LegSamples;

/// Messages and their bytes in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub messages: u64,
    /// Of how many bytes, without what QUIC adds.
    pub bytes: u64,
}

/// What passed between nodes, by what it was for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Asked for by clients' operations: reads, writes, versions, agreement, and repairs by reads.
    pub operations: Amount,
    /// Hints, delivered.
    pub handoff: Amount,
    /// All else: gossip, records of partitions, anti-entropy.
    pub other: Amount,
}

/// The legs that were measured.
pub type Legs = LegSamples;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
    OtherOperation,
    Handoff,
    Other,
}

/// A request under way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    purpose: Purpose,
    arrives: Option<Time>,
}

#[derive(Debug, Default)]
struct State {
    traffic: Traffic,
    legs: Legs,
    /// By who asked whom, and the request's number.
    asked: BTreeMap<(usize, usize, RequestId), Asked>,
}

/// Measures what passes. Its clones measure the same.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    state: Arc<Mutex<State>>,
}

impl Meter {
    /// What has passed, and what it took.
    pub fn measured(&self) -> (Traffic, Legs) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.traffic, std::mem::take(&mut state.legs))
    }
}

impl Tap for Meter {
    fn on_message(&mut self, sent: &Sent<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let purpose = state.take(sent);
        let traffic = &mut state.traffic;
        let amount = match purpose {
            Purpose::Read | Purpose::Write | Purpose::OtherOperation => &mut traffic.operations,
            Purpose::Handoff => &mut traffic.handoff,
            Purpose::Other => &mut traffic.other,
        };
        amount.messages += 1;
        amount.bytes += message_bytes(sent.message) as u64;
    }

    fn on_client(&mut self, delay: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.legs.client.push(ms(delay));
    }
}

impl State {
    /// Takes in a message, and says what it is for.
    fn take(&mut self, sent: &Sent<'_>) -> Purpose {
        let (from, to) = (index(sent.from), index(sent.to));
        match sent.message {
            Message::Request { id, body, .. } => {
                let purpose = purpose(body);
                let arrives = sent.arrives;
                self.asked.insert((from, to, *id), Asked { purpose, arrives });
                match (purpose, arrives) {
                    (Purpose::Read, Some(arrives)) => self.legs.r.push(ms(arrives - sent.at)),
                    (Purpose::Write, Some(arrives)) => self.legs.w.push(ms(arrives - sent.at)),
                    _ => {}
                }
                purpose
            }
            Message::Response { id, .. } => match self.asked.remove(&(to, from, *id)) {
                Some(asked) => {
                    self.answered(asked, sent);
                    asked.purpose
                }
                None => Purpose::Other,
            },
            _ => Purpose::Other,
        }
    }

    /// A replica answers: what it took from the request's arrival on, and what the answer takes.
    fn answered(&mut self, asked: Asked, sent: &Sent<'_>) {
        let (Some(asked_at), Some(arrives)) = (asked.arrives, sent.arrives) else {
            return;
        };
        match asked.purpose {
            Purpose::Read => self.legs.s.push(ms(arrives - sent.at)),
            Purpose::Write => {
                self.legs.a.push(ms(arrives - sent.at));
                self.legs.apply.push(ms(sent.at - asked_at));
            }
            _ => {}
        }
    }
}

fn purpose(request: &ReplicaRequest) -> Purpose {
    match request {
        // Versions, which two-phase writes ask for, take the way of any read.
        ReplicaRequest::Read { .. } => Purpose::Read,
        ReplicaRequest::Hold { errand, .. } => match errand {
            Errand::Write => Purpose::Write,
            Errand::ReadRepair => Purpose::OtherOperation,
            Errand::Handoff => Purpose::Handoff,
            Errand::AntiEntropy => Purpose::Other,
        },
        ReplicaRequest::ReadKept { .. }
        | ReplicaRequest::Keep { .. }
        | ReplicaRequest::Apply(_)
        | ReplicaRequest::PrepareKey { .. }
        | ReplicaRequest::AcceptKey { .. } => Purpose::OtherOperation,
        ReplicaRequest::CompareDigests { .. }
        | ReplicaRequest::CompareBranches { .. }
        | ReplicaRequest::CompareSummaries(_)
        | ReplicaRequest::Prepare { .. }
        | ReplicaRequest::Accept { .. }
        | ReplicaRequest::Confirm { .. }
        | ReplicaRequest::Collect { .. } => Purpose::Other,
    }
}

fn index(node: NodeIndex) -> usize {
    node.0
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
