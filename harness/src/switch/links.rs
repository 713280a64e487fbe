//! Who is attached where, what each directed link does to packets, and what it has done.
//!
//! The one table of the switch, behind one lock: its thread handles a train at a time on it, and
//! its user changes it in between. Invariants: an address belongs to one endpoint at most and never
//! to a front; every train handled is counted exactly once.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quorate_sim::Distribution;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::delays::{Delays, Waiting};
use super::error::SwitchError;
use super::front::{Front, Kept, Sent, Train};

/// How many packets a link keeps that holds what it carries: more than a connection sends before it is given up.
const HELD_PACKETS_MAX: usize = 4096;

/// A party that the switch connects: a node, or the harness's own client. Only the switch that
/// made it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(usize);

impl EndpointId {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// What a directed link does to the packets on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkPolicy {
    /// Forwards every packet, at once and in order.
    #[default]
    Open,
    /// Drops every packet.
    Cut,
    /// Keeps every packet, and forwards all at once when it is set to anything else.
    Held,
    /// Loses some packets and forwards the others later, in order.
    Bad {
        /// How much later.
        delay: Duration,
        /// How much later still at most, drawn for each packet.
        jitter: Duration,
        /// How that is drawn.
        jitter_is: Distribution,
        /// How many pass in a second; as many as there are, if it is 0.
        packets_per_second: u32,
        /// How many of 100 are lost.
        loss_percent: u8,
    },
}

/// What a directed link has done since its endpoints were added. Counts datagrams, not trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Datagrams handed to the system towards the receiver. They may still be lost there, when its
    /// process is gone or its socket buffer full.
    pub forwarded_packets: u64,
    /// Bytes of payload in the forwarded datagrams.
    pub forwarded_bytes: u64,
    /// Datagrams dropped because the link was cut.
    pub cut_packets: u64,
    /// Of those forwarded, undelivered or lost since, the datagrams that the link has kept for a while.
    pub held_packets: u64,
    /// Datagrams lost because the link loses some, or has more waiting on it than there is room for.
    pub lost_packets: u64,
    /// Of those forwarded or undelivered, the datagrams that had waited because the link is slow.
    pub slowed_packets: u64,
    /// Datagrams that the policy let pass, but the receiver was not attached or the system refused
    /// to send.
    pub undelivered_packets: u64,
}

impl LinkCounters {
    pub(super) fn add(&mut self, other: Self) {
        self.forwarded_packets += other.forwarded_packets;
        self.forwarded_bytes += other.forwarded_bytes;
        self.cut_packets += other.cut_packets;
        self.held_packets += other.held_packets;
        self.lost_packets += other.lost_packets;
        self.slowed_packets += other.slowed_packets;
        self.undelivered_packets += other.undelivered_packets;
    }

    fn handled_packets(&self) -> u64 {
        self.forwarded_packets + self.cut_packets + self.lost_packets + self.undelivered_packets
    }
}

/// The table as the switch's thread and its user share it.
///
/// The lock is held while a train is sent, so that a policy is in force from the moment that
/// setting it returns, and counters never lag behind what has been delivered.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedLinks(Arc<Mutex<Links>>);

impl SharedLinks {
    pub(super) fn lock(&self) -> MutexGuard<'_, Links> {
        // A panic under the lock ends the switch, and every later change is refused; what had been
        // counted until then is still worth reading.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every endpoint, and the directed links between all of them.
#[derive(Debug)]
pub(super) struct Links {
    endpoints: Vec<Endpoint>,
    /// Every front that was ever opened and whose it is, by the token of its events.
    fronts: Vec<(EndpointId, Arc<Front>)>,
    /// What is kept on links that hold what they carry.
    held: BTreeMap<(EndpointId, EndpointId), Vec<Kept>>,
    /// Who is attached where: the inverse of `Endpoint::address`.
    owners: HashMap<SocketAddr, EndpointId>,
    delays: Delays,
    /// Says which packets are lost and how late the others are. The same for all switches: the packets are not.
    rng: Pcg64Mcg,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            fronts: Vec::new(),
            held: BTreeMap::new(),
            owners: HashMap::new(),
            delays: Delays::default(),
            rng: Pcg64Mcg::seed_from_u64(0),
        }
    }
}

#[derive(Debug)]
struct Endpoint {
    /// Where what it sends comes from.
    front: Arc<Front>,
    /// Where its process listens; none while it is not attached.
    address: Option<SocketAddr>,
    /// The links towards it, by the index of the sender.
    incoming: Vec<Link>,
    unknown_source_packets: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    policy: LinkPolicy,
    counters: LinkCounters,
    /// When the last packet that waits on it is to leave it; the next one does not before.
    last_due: Option<Instant>,
}

impl Links {
    /// Adds an endpoint that is not attached yet, with open links from and to all.
    pub(super) fn add(&mut self, front: Arc<Front>) -> EndpointId {
        let id = self.next_id();
        // The system may have given this front the port of a dead process that nobody detached.
        self.vacate(front.address());
        for endpoint in &mut self.endpoints {
            endpoint.incoming.push(Link::default());
        }
        self.fronts.push((id, Arc::clone(&front)));
        self.endpoints.push(Endpoint {
            front,
            address: None,
            incoming: vec![Link::default(); id.0 + 1],
            unknown_source_packets: 0,
        });
        id
    }

    /// Has what an endpoint sends come from another front from here on. What others send to the earlier ones reaches it
    /// still.
    pub(super) fn rebind(&mut self, id: EndpointId, front: Arc<Front>) {
        self.vacate(front.address());
        self.fronts.push((id, Arc::clone(&front)));
        self.endpoint_mut(id).front = front;
    }

    /// Has each of two endpoints be at the fronts of the other.
    pub(super) fn swap_fronts(&mut self, one: EndpointId, other: EndpointId) {
        let [front, other_front] = [one, other].map(|id| Arc::clone(&self.endpoint(id).front));
        self.endpoint_mut(one).front = other_front;
        self.endpoint_mut(other).front = front;
        for (owner, _) in &mut self.fronts {
            *owner = match *owner {
                owner if owner == one => other,
                owner if owner == other => one,
                owner => owner,
            };
        }
    }

    /// Says that the process of `id` is at `address`.
    pub(super) fn attach(&mut self, id: EndpointId, address: SocketAddr) -> Result<(), SwitchError> {
        let on_loopback = address.is_ipv4() && address.ip().is_loopback() && address.port() != 0;
        let is_front = self.fronts.iter().any(|(_, front)| front.address() == address);
        if !on_loopback || is_front {
            return Err(SwitchError::Unattachable { address });
        }
        self.vacate(address);
        self.detach(id);
        self.endpoint_mut(id).address = Some(address);
        self.owners.insert(address, id);
        Ok(())
    }

    /// Says that `id` has no process.
    pub(super) fn detach(&mut self, id: EndpointId) {
        if let Some(address) = self.endpoint_mut(id).address.take() {
            let owner = self.owners.remove(&address);
            assert_eq!(owner, Some(id), "who is attached at {address} owns it");
        }
    }

    /// Detaches whoever is attached at `address`.
    fn vacate(&mut self, address: SocketAddr) {
        if let Some(&owner) = self.owners.get(&address) {
            self.detach(owner);
        }
    }

    pub(super) fn set_policy(&mut self, from: EndpointId, to: EndpointId, policy: LinkPolicy) {
        self.link_mut(from, to).policy = policy;
        if policy != LinkPolicy::Held {
            self.release(from, to);
        }
    }

    pub(super) fn heal_all(&mut self) {
        for endpoint in &mut self.endpoints {
            for link in &mut endpoint.incoming {
                link.policy = LinkPolicy::Open;
            }
        }
        let held: Vec<_> = self.held.keys().copied().collect();
        held.into_iter().for_each(|(from, to)| self.release(from, to));
    }

    /// Keeps the packets of a train, as far as there is room; returns how many are lost.
    fn keep(&mut self, train: &Train<'_>, from: EndpointId, to: EndpointId) -> LinkCounters {
        let kept = self.held.entry((from, to)).or_default();
        let room = HELD_PACKETS_MAX.saturating_sub(kept.len());
        kept.extend(train.packets().take(room).map(|packet| packet.keep()));
        LinkCounters {
            lost_packets: train.packet_count().saturating_sub(room as u64),
            ..LinkCounters::default()
        }
    }

    /// Sends on what a link has kept, in its order.
    fn release(&mut self, from: EndpointId, to: EndpointId) {
        let source = self.endpoint(from).front.address();
        for packet in self.held.remove(&(from, to)).unwrap_or_default() {
            let sent = self.forward(&packet.as_train(source), from, to);
            self.link_mut(from, to).counters.add(sent);
        }
    }

    /// Decides what becomes of a train that arrived at the front of `to`, does it, and counts it.
    pub(super) fn handle_train(&mut self, train: &Train<'_>, to: EndpointId) {
        let Some(&from) = self.owners.get(&train.source) else {
            self.endpoint_mut(to).unknown_source_packets += train.packet_count();
            return;
        };
        let (outcome, waiting_count) = match self.link(from, to).policy {
            LinkPolicy::Open => (self.forward(train, from, to), 0),
            LinkPolicy::Cut => {
                let cut = LinkCounters {
                    cut_packets: train.packet_count(),
                    ..LinkCounters::default()
                };
                (cut, 0)
            }
            LinkPolicy::Held => {
                let lost = self.keep(train, from, to);
                let kept = train.packet_count() - lost.lost_packets;
                self.link_mut(from, to).counters.held_packets += kept;
                (lost, kept)
            }
            LinkPolicy::Bad { .. } => self.spoil(train, from, to),
        };
        assert_eq!(
            outcome.handled_packets() + waiting_count,
            train.packet_count(),
            "every packet has one fate"
        );
        self.link_mut(from, to).counters.add(outcome);
    }

    /// Loses some packets of a train and has the others wait; returns how many wait.
    fn spoil(&mut self, train: &Train<'_>, from: EndpointId, to: EndpointId) -> (LinkCounters, u64) {
        let LinkPolicy::Bad {
            delay,
            jitter,
            jitter_is,
            packets_per_second,
            loss_percent,
        } = self.link(from, to).policy
        else {
            unreachable!("only what is bad is spoilt");
        };
        let now = Instant::now();
        let (mut outcome, mut waiting_count) = (LinkCounters::default(), 0);
        for packet in train.packets() {
            if self.rng.random_ratio(u32::from(loss_percent.min(100)), 100) {
                outcome.lost_packets += 1;
                continue;
            }
            let due = now + delay + jitter_is.draw(&mut self.rng, jitter);
            // As long as the one before takes, where so many pass in a second.
            let gap = if packets_per_second > 0 {
                Duration::from_secs(1) / packets_per_second
            } else {
                Duration::ZERO
            };
            let due = self.link(from, to).last_due.map_or(due, |last| due.max(last + gap));
            if due <= now && packets_per_second == 0 {
                outcome.add(self.forward(&packet, from, to));
                continue;
            }
            self.link_mut(from, to).last_due = Some(due);
            let packet = packet.keep();
            if self.delays.add(due, Waiting { from, to, packet }) {
                waiting_count += 1;
            } else {
                outcome.lost_packets += 1;
            }
        }
        (outcome, waiting_count)
    }

    /// When the next packet that waits on a slow link is to leave it.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delays.next_due()
    }

    /// Sends on what has waited long enough, and counts it. A cut does not take what was under way before it.
    pub(super) fn send_due(&mut self, now: Instant) {
        while let Some(Waiting { from, to, packet }) = self.delays.pop_due(now) {
            let source = self.endpoint(from).front.address();
            let sent = self.forward(&packet.as_train(source), from, to);
            let slowed = LinkCounters {
                slowed_packets: 1,
                ..sent
            };
            self.link_mut(from, to).counters.add(slowed);
        }
    }

    fn forward(&self, train: &Train<'_>, from: EndpointId, to: EndpointId) -> LinkCounters {
        let sent = match self.endpoint(to).address {
            Some(address) => self.endpoint(from).front.send(train, address),
            None => Sent::default(),
        };
        LinkCounters {
            forwarded_packets: sent.packet_count,
            forwarded_bytes: sent.byte_count,
            undelivered_packets: train.packet_count() - sent.packet_count,
            ..LinkCounters::default()
        }
    }

    /// The id that the next endpoint will have.
    pub(super) fn next_id(&self) -> EndpointId {
        EndpointId(self.endpoints.len())
    }

    /// The token that the events of the next front will have.
    pub(super) fn next_token(&self) -> usize {
        self.fronts.len()
    }

    /// The front of a token, and whose it is.
    pub(super) fn front_at(&self, token: usize) -> (EndpointId, Arc<Front>) {
        let (owner, front) = &self.fronts[token];
        (*owner, Arc::clone(front))
    }

    pub(super) fn counters(&self, from: EndpointId, to: EndpointId) -> LinkCounters {
        self.link(from, to).counters
    }

    pub(super) fn unknown_source_packets(&self, to: EndpointId) -> u64 {
        self.endpoint(to).unknown_source_packets
    }

    fn link(&self, from: EndpointId, to: EndpointId) -> &Link {
        &self.endpoint(to).incoming[from.0]
    }

    fn link_mut(&mut self, from: EndpointId, to: EndpointId) -> &mut Link {
        &mut self.endpoint_mut(to).incoming[from.0]
    }

    fn endpoint(&self, id: EndpointId) -> &Endpoint {
        &self.endpoints[id.0]
    }

    fn endpoint_mut(&mut self, id: EndpointId) -> &mut Endpoint {
        &mut self.endpoints[id.0]
    }
}
