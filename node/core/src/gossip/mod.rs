//! Who is in the cluster and what they say of themselves, spread by gossip (van Renesse et al., *Efficient
//! Reconciliation and Flow Control for Anti-Entropy Protocols*, LADIS 2008: "scuttlebutt").
//!
//! Each node owns one [`NodeState`] and stamps every change of it with its next version; others hold copies. An
//! exchange is three messages: digests, the differences that the receiver can fill and those that it lacks, and the
//! rest. Whether a node is up is an opinion that each holds for itself ([`Detector`]) and never passes on. Everything that is
//! said carries its owner's checksum ([`Seal`]), whoever passes it on.
//!
//! It is not what requests are routed by: coordinators go by links and answers.

mod by_node;
mod detector;
mod exchange;
mod isolation;
mod round;
mod seal;
mod spoil;
mod state;

pub(crate) use self::{
    detector::Detector,
    exchange::{Flaw, Gossip, Learned, generation_max},
    isolation::Isolation,
    round::{PEERS_PER_ROUND_MAX, RoundPlan},
};
pub use self::{
    exchange::{Delta, Digest, GossipAck, GossipAck2, GossipHead, GossipSyn, NODES_MAX},
    seal::Seal,
    state::{Fact, Heartbeat, NODE_NAME_BYTES_MAX, NodeState, Stamped, WEIGHT_MAX},
};
