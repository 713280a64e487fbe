//! What a replica of a leaderless store does, as a state machine without IO.
//!
//! A [`Node`] is replica, coordinator and member of the cluster in one. It is handed what happens ([`Input`], and the
//! time), and says what is to be done ([`Output`]); `quorate-node` does it with sockets and disks, `quorate-sim` in
//! virtual time. The design is Dynamo's (DeCandia et al., SOSP 2007): consistent hashing over fixed partitions, gossip,
//! quorums by request, read repair, hinted handoff, anti-entropy; last write wins by hybrid logical clock.
//!
//! Nothing here reads a clock, opens a file or a socket, starts a thread, or draws chance of its own.

mod acceptor;
mod admin;
mod agreement;
mod api;
mod balance;
mod capped;
mod cell;
mod config;
mod coordinate;
mod drain;
mod exchange;
mod generation;
mod gossip;
mod handoff;
mod hlc;
mod id;
pub mod invariants;
mod io;
mod journal;
mod latency;
mod level;
mod membership;
mod mend;
mod merkle;
mod message;
mod metrics;
mod moves;
mod name;
mod node;
mod origins;
mod ownership;
mod placement;
mod plant;
mod record;
mod repeats;
mod replica;
mod replication;
mod ring;
mod shares;
mod spread;
mod store;
mod time;
mod timers;
mod tombstones;
mod topology;
mod update;
mod verdicts;

pub use self::{
    agreement::{Acceptor, Ballot, PartitionState},
    api::{
        Absence, AdminError, AdminOk, AdminRequest, AntiEntropyReport, Ask, Behind, CasAction, CasOk, CasOutcome,
        CasRequest, Counters, Fetch, Latency, MemberStatus, Metrics, MovesStatus, NotApplied, Operation, PeerMetrics,
        Preferred, Quorum, ReadError, ReadOk, ReadRepair, ReadRequest, Reason, Request, RequestMetrics, Response,
        RingShare, RingView, SessionToken, Stage, StandIn, Status, Unknown, WriteError, WriteOk, WritePath,
        WriteRequest,
    },
    balance::{LossChance, RingBalance},
    cell::{
        ACTORS_MAX, Accepted, Actor, AddWinsSet, CELL_OVERHEAD_BYTES_MAX, CasRegister, Cell, Content, Context, Counter,
        CounterError, DOT_NUMBER_MAX, Dot, EARLIER_CHANGES_MAX, ELEMENTS_MAX, Kind, Register, SIBLINGS_MAX, Siblings,
        Tally,
    },
    config::{Config, ConfigError, Entry, Tombstones},
    exchange::{Branch, PartitionDigest},
    gossip::{
        Delta, Digest, Fact, GossipAck, GossipAck2, GossipHead, GossipSyn, Heartbeat, NODE_NAME_BYTES_MAX, NODES_MAX,
        NodeState, Seal, Stamped, WEIGHT_MAX,
    },
    hlc::ClockMode,
    id::{ClientToken, ClusterId, Generation, NodeId, PartitionId, PersistToken, RequestId},
    io::{CountedQuorum, Event, Input, Output},
    latency::LatencyWindow,
    level::{Level, LevelError, ParseLevelError, Requirement},
    merkle::{INNER, LEAVES_EACH, LeafId, MerkleTree},
    message::{Applied, Apply, Errand, Message, MessageKind, Refused, ReplicaRequest, ReplicaResponse, Stretch, Want},
    name::{NAME_BYTES_MAX, Name, NameError},
    node::{Node, StartError},
    ownership::{Epoch, Owner, Ownership, Phase},
    plant::Plant,
    record::{KEY_BYTES_MAX, Key, Record, Summary, VALUE_BYTES_MAX, Value, Version},
    replication::{Replication, ReplicationError},
    ring::{Member, Ring, RingDigest, RingShape},
    spread::{Origin, TopologyAck, TopologyAck2, TopologySyn},
    store::{Hint, HintId, Memory, RememberedWrite, Store, StoreError, StoreOp, Summaries, WriteId},
    time::{Now, Time, WallTime},
    topology::{Enrolled, Roster, Standing, TopologyDigest},
    update::Update,
};
pub(crate) use self::{api::BeforeSend, topology::Topology};
