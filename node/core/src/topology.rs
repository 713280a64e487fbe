//! What a node knows of the cluster's make: who is in it, and who owns what.
//!
//! The ring is founded once. From then on every partition has a record (`ownership.rs`), which its owners agree upon
//! and everybody learns; and there is the roster of members, spread by gossip, from which each node computes who should
//! own what. Rosters may differ for a while: they decide who proposes a change, and never who is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Epoch, Key, Member, NodeId, Owner, Ownership, PartitionId, Ring, RingDigest, RingShape,
    agreement::{Acceptor, PartitionState},
};

/// What a node is to the cluster, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// It wants to come in, and does not know enough yet.
    Waiting,
    /// It is to own its share, and does not own all of it yet.
    Joining,
    /// It owns its share.
    Normal,
    /// It is to own nothing, and still owns something.
    Leaving,
    /// It owns nothing and never will again.
    Left,
}

impl Standing {
    /// Its name, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Waiting => "waiting",
            Standing::Joining => "joining",
            Standing::Normal => "normal",
            Standing::Leaving => "leaving",
            Standing::Left => "left",
        }
    }

    /// Its number, in what is checksummed: a standing keeps it for ever.
    pub(crate) fn number(self) -> u8 {
        match self {
            Standing::Waiting => 0,
            Standing::Joining => 1,
            Standing::Normal => 2,
            Standing::Leaving => 3,
            Standing::Left => 4,
        }
    }

    /// Whether partitions are placed on such a node.
    pub fn is_placed(self) -> bool {
        matches!(self, Standing::Joining | Standing::Normal)
    }
}

/// A member, and what it is to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Enrolled {
    /// Whom, where, and how much of the ring it is to own.
    pub member: Member,
    /// What it is.
    pub standing: Standing,
}

/// The roster: who is in the cluster, and who must never be again. What is put on the disk, and gossiped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Roster {
    /// Members, by identity; nobody who is banned.
    pub members: BTreeMap<NodeId, Enrolled>,
    /// Identities of those who were removed, or have left.
    pub banned: BTreeSet<NodeId>,
}

impl Roster {
    /// Of a ring's founders.
    pub(crate) fn founded_by(founders: &[Member]) -> Roster {
        let enrolled = |member: &Member| Enrolled {
            member: member.clone(),
            standing: Standing::Normal,
        };
        Roster {
            members: founders.iter().map(|member| (member.node, enrolled(member))).collect(),
            banned: BTreeSet::new(),
        }
    }

    /// Takes in what a node says of itself. True if that is news. A founder that has not heard of the founding yet still
    /// says that it waits, and is one all the same.
    pub(crate) fn enroll(&mut self, member: Member, standing: Standing) -> bool {
        let node = member.node;
        if self.banned.contains(&node) {
            return false;
        }
        let known = self.members.get(&node).map(|enrolled| enrolled.standing);
        let standing = match standing {
            Standing::Waiting => known.unwrap_or(standing),
            standing => standing,
        };
        let enrolled = Enrolled { member, standing };
        if self.members.get(&node) == Some(&enrolled) {
            return false;
        }
        self.members.insert(node, enrolled);
        true
    }

    /// Bans an identity for good. True if that is news.
    pub(crate) fn ban(&mut self, node: NodeId) -> bool {
        self.members.remove(&node);
        self.banned.insert(node)
    }

    /// Those whom partitions are placed on.
    pub(crate) fn placed(&self) -> Vec<Member> {
        let placed = self.members.values().filter(|enrolled| enrolled.standing.is_placed());
        placed.map(|enrolled| enrolled.member.clone()).collect()
    }
}

/// A fingerprint of what gossip has to spread of all this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopologyDigest {
    /// Of the founding.
    pub founding: RingDigest,
    /// Of the epochs of all partitions, and of those who are banned.
    pub state: u64,
}

/// What a node knows, once it knows the founders.
#[derive(Debug)]
pub(crate) struct Topology {
    founding: RingDigest,
    founders: Vec<Member>,
    shape: RingShape,
    states: Vec<PartitionState>,
    /// Who should own what; `None` where nobody is placed.
    ring: Option<Ring>,
    /// Of the epochs: the exclusive or of a hash for each partition.
    epochs_hash: u64,
    moving: BTreeSet<PartitionId>,
    own: NodeId,
    /// How many partitions this node holds.
    held_count: u16,
}

impl Topology {
    /// The topology of a ring with these founders, and what has changed since, for the node `own`.
    pub(crate) fn new(
        own: NodeId,
        shape: &RingShape,
        founders: Vec<Member>,
        roster: &Roster,
        since: Vec<PartitionState>,
    ) -> Topology {
        let founded = Ring::place(shape, founders.clone());
        let first = |partition| {
            let owner = |node: &NodeId| Owner {
                node: *node,
                dc: founded.dc_of(*node).expect("owners are on the ring").clone(),
            };
            let owners = founded.owners(partition).iter().map(owner).collect();
            PartitionState::of(Ownership::first(partition, owners))
        };
        let mut states: Vec<_> = (0..shape.partitions).map(PartitionId).map(first).collect();
        for state in since {
            let at = usize::from(state.ownership.partition.0);
            if let Some(known) = states.get_mut(at) {
                *known = state;
            }
        }
        let mut topology = Topology {
            founding: founded.digest(),
            founders,
            shape: shape.clone(),
            epochs_hash: 0,
            moving: BTreeSet::new(),
            own,
            held_count: 0,
            // Of the founders, until it is known who else there is.
            ring: Some(founded),
            states: Vec::new(),
        };
        for state in &states {
            topology.epochs_hash ^= epoch_hash(&state.ownership);
            topology.held_count += u16::from(state.ownership.holds(own));
            if state.ownership.is_moving() {
                topology.moving.insert(state.ownership.partition);
            }
        }
        topology.states = states;
        topology.place(roster);
        topology
    }

    /// Computes anew who should own what, if that hangs on others than before.
    pub(crate) fn place(&mut self, roster: &Roster) {
        let placed = roster.placed();
        if self.ring.as_ref().is_some_and(|ring| ring.members() == placed) {
            return;
        }
        self.ring = (!placed.is_empty()).then(|| Ring::place(&self.shape, placed));
    }

    /// Of the founding: nodes of two foundings never serve each other.
    pub(crate) fn founding(&self) -> RingDigest {
        self.founding
    }

    pub(crate) fn founders(&self) -> &[Member] {
        &self.founders
    }

    pub(crate) fn digest(&self, roster: &Roster) -> TopologyDigest {
        let banned: Vec<u8> = roster.banned.iter().flat_map(|node| node.0.to_le_bytes()).collect();
        TopologyDigest {
            founding: self.founding,
            state: self.epochs_hash ^ xxh3_64(&banned),
        }
    }

    pub(crate) fn partition(&self, key: &Key) -> PartitionId {
        self.shape.partition(key)
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.shape.partitions).map(PartitionId)
    }

    /// The record of a partition, durable here.
    pub(crate) fn ownership(&self, partition: PartitionId) -> &Ownership {
        &self.state(partition).ownership
    }

    pub(crate) fn ownerships(&self) -> impl Iterator<Item = &Ownership> {
        self.states.iter().map(|state| &state.ownership)
    }

    pub(crate) fn epoch(&self, partition: PartitionId) -> Epoch {
        self.ownership(partition).epoch
    }

    /// Of the epochs of all partitions: who goes by the same records has the same.
    pub(crate) fn epochs_hash(&self) -> u64 {
        self.epochs_hash
    }

    pub(crate) fn epochs(&self) -> Vec<Epoch> {
        self.ownerships().map(|ownership| ownership.epoch).collect()
    }

    /// Partitions whose owners are changing.
    pub(crate) fn moving(&self) -> &BTreeSet<PartitionId> {
        &self.moving
    }

    pub(crate) fn state(&self, partition: PartitionId) -> &PartitionState {
        &self.states[usize::from(partition.0)]
    }

    /// Whether a number is that of a partition.
    pub(crate) fn has(&self, partition: PartitionId) -> bool {
        partition.0 < self.shape.partitions
    }

    /// Takes over a state that has become durable. Returns whether it has another record.
    pub(crate) fn set_state(&mut self, state: PartitionState) -> bool {
        let partition = state.ownership.partition;
        let known = &mut self.states[usize::from(partition.0)];
        let is_other = known.ownership.epoch != state.ownership.epoch;
        assert!(known.ownership.epoch <= state.ownership.epoch, "epochs only rise");
        if is_other {
            self.epochs_hash ^= epoch_hash(&known.ownership) ^ epoch_hash(&state.ownership);
            self.held_count -= u16::from(known.ownership.holds(self.own));
            self.held_count += u16::from(state.ownership.holds(self.own));
            if state.ownership.is_moving() {
                self.moving.insert(partition);
            } else {
                self.moving.remove(&partition);
            }
        }
        *known = state;
        is_other
    }

    /// Who should own what.
    pub(crate) fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// Every node that should own something of the ring, once: those who hold a partition, then those who stand in for
    /// them, as they are met clockwise.
    pub(crate) fn walk(&self, partition: PartitionId) -> impl Iterator<Item = NodeId> + '_ {
        let ownership = self.ownership(partition);
        let others = self.ring.iter().flat_map(move |ring| ring.walk(partition));
        ownership
            .nodes()
            .chain(others.filter(move |node| !ownership.holds(*node)))
    }

    /// The partitions that both nodes hold.
    pub(crate) fn shared(&self, one: NodeId, other: NodeId) -> impl Iterator<Item = &Ownership> {
        let both = move |ownership: &&Ownership| ownership.holds(one) && ownership.holds(other);
        self.ownerships().filter(both)
    }

    /// How many partitions this node holds.
    pub(crate) fn held_count(&self) -> u16 {
        self.held_count
    }

    /// How many partitions a node holds, and of how many it is the first owner.
    pub(crate) fn share(&self, node: NodeId) -> (u16, u16) {
        let count = |is: &dyn Fn(&Ownership) -> bool| {
            let count = self.ownerships().filter(|ownership| is(ownership)).count();
            u16::try_from(count).expect("no more than there are partitions")
        };
        let is_first = |ownership: &Ownership| ownership.owners.first().is_some_and(|owner| owner.node == node);
        (count(&|ownership| ownership.holds(node)), count(&is_first))
    }
}

fn epoch_hash(ownership: &Ownership) -> u64 {
    let [low, high] = ownership.partition.0.to_le_bytes();
    let [a, b, c, d] = ownership.epoch.0.to_le_bytes();
    xxh3_64(&[low, high, a, b, c, d])
}

impl PartitionState {
    /// A state in which nothing is proposed.
    pub(crate) fn of(ownership: Ownership) -> PartitionState {
        PartitionState {
            ownership,
            acceptor: Acceptor::default(),
        }
    }
}
