//! A cluster as a run drives it, whether of real processes or simulated.
//!
//! One interpreter drives both. A cluster tells what happens in the order in which it happened, one thing at a time,
//! so that the record's order is the order of real time: a request is recorded before it is submitted, and an outcome
//! after it has come back.

use std::{fmt, net::SocketAddr, time::Duration};

use quorate_checker::cluster::ClusterRecord;
use quorate_core::{AdminOk, AdminRequest, Entry, Key, NodeId, Request, Response};
use quorate_node::control::DiskFailure;
use quorate_sim::{Duty, LinkFaults};

use crate::{
    attendance,
    fault::{DiskLoss, Place},
    lags::Lags,
};

/// Time since the start of the run.
pub type Elapsed = Duration;

/// Something that happened.
#[derive(Debug)]
pub enum Happening {
    /// A client's request ended.
    Completed {
        /// Whose: the client's number.
        client: usize,
        /// How.
        outcome: Outcome,
    },
    /// A node that was killed or never ran is up and listens.
    Started {
        /// Which.
        node: Place,
    },
    /// The time that was asked for has come.
    Due,
    /// The user wants the run to end early.
    Interrupted,
}

/// How a client's request ended.
#[derive(Debug)]
pub enum Outcome {
    /// The node answered.
    Answered(Box<Response>),
    /// Nothing was sent, so nothing can have happened.
    NotSent {
        /// In words.
        why: String,
    },
    /// It was sent, or may have been, and no answer came.
    Lost {
        /// In words.
        why: String,
    },
}

/// A node could not be asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{node}: {why}")]
pub struct AskError {
    /// Which.
    pub node: Place,
    /// In words.
    pub why: String,
}

/// What has gone wrong on a directed link since the start: datagrams of real processes, messages of simulated ones.
pub type LinkCounts = quorate_sim::LinkCounts;

/// What faults of a node have done since the start. Of real processes pauses are counted by how often one was seen to have stopped, writes
/// that failed with the syncs, and what was cut of clients in packets.
pub type NodeCounts = quorate_sim::NodeCounts;

/// What is counted of a fault, by name.
pub type Counted = Vec<(&'static str, u64)>;

/// How a disk is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// What fails on it.
    pub fails: Vec<DiskFailure>,
    /// How much longer syncs take.
    pub slower_by: Duration,
}

/// What is done to a wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// It jumps, by so many nanoseconds.
    Jump(i64),
    /// It gains so many nanoseconds a millisecond.
    Drift(i64),
    /// It jumps by so many nanoseconds, and back at the end of every interval.
    Strobe(i64, Duration),
    /// It is put right.
    Mend,
}

/// How a node is reached by clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By all.
    Open,
    /// By none.
    Cut,
}

/// A cluster, as those have it who only look on: the run goes on as if they did not.
pub trait Onlooked: fmt::Debug {
    /// How far replicas are behind, as far as that is known by now: nobody is asked and waited for.
    fn lags(&self) -> Lags;
}

/// Nodes, the clients that talk to them, and the means to break what is between and under them.
///
/// Methods that can fail with `anyhow::Error` do so where the harness itself, or a node that nobody broke, has failed:
/// the run can't go on.
#[expect(async_fn_in_trait, reason = "a run drives its cluster on one thread")]
pub trait Cluster: Onlooked {
    /// Time since the start of the run.
    fn elapsed(&self) -> Elapsed;

    /// Who the node in a place is, whether or not it has ever run.
    fn identity(&self, node: Place) -> NodeId;

    /// Where others find the node in a place.
    fn address(&self, node: Place) -> SocketAddr;

    /// Has two nodes that are down be found, from their next start on, each where the other was.
    ///
    /// # Errors
    /// If the network can't be told.
    fn swap_addresses(&mut self, one: Place, other: Place) -> anyhow::Result<()>;

    /// Says how a node that has never run comes in; a founder founds the ring, and a spare node joins it, unless something
    /// else is said.
    ///
    /// # Errors
    /// If it runs.
    fn set_entry(&mut self, node: Place, entry: Entry) -> anyhow::Result<()>;

    /// Starts a node; [`Happening::Started`] follows.
    ///
    /// # Errors
    /// If it can't be started.
    fn start(&mut self, node: Place) -> anyhow::Result<()>;

    /// Kills a node's process, and returns how it was seen to end.
    ///
    /// # Errors
    /// If it was not seen to end.
    async fn kill(&mut self, node: Place) -> anyhow::Result<String>;

    /// Cuts a directed link.
    ///
    /// # Errors
    /// If the network can't be told.
    fn cut(&mut self, from: Place, to: Place) -> anyhow::Result<()>;

    /// Holds what is sent on a directed link until all are opened; then it comes, if the connection still waits for it.
    ///
    /// # Errors
    /// If the network can't be told.
    fn hold(&mut self, from: Place, to: Place) -> anyhow::Result<()>;

    /// Has no client reach a node, or all again.
    ///
    /// # Errors
    /// If the network can't be told.
    fn set_reach(&mut self, node: Place, reach: Reach) -> anyhow::Result<()>;

    /// Has clients come from another address, and says from which.
    ///
    /// # Errors
    /// If the cluster can't do that.
    fn rebind_clients(&mut self) -> anyhow::Result<String>;

    /// Says what else becomes of what is sent on a directed link.
    ///
    /// # Errors
    /// If the network, or the node that sends, can't be told.
    async fn set_link_faults(&mut self, from: Place, to: Place, faults: &LinkFaults) -> anyhow::Result<()>;

    /// Opens every link, and makes it good.
    ///
    /// # Errors
    /// If the network can't be told.
    fn heal(&mut self) -> anyhow::Result<()>;

    /// Brings what is counted of nodes, and of the links from them, up to date.
    ///
    /// # Errors
    /// If a node does not answer that runs and is not paused.
    async fn look_at_counts(&mut self, nodes: &[Place]) -> anyhow::Result<()>;

    /// What has gone wrong on a link.
    fn link_counts(&self, from: Place, to: Place) -> LinkCounts;

    /// What faults of a node have done.
    fn node_counts(&self, node: Place) -> NodeCounts;

    /// Whether a node's process runs, be it paused.
    fn is_running(&self, node: Place) -> bool;

    /// Whether a node's administrator would be heard at once, unless the node is paused.
    fn can_be_asked(&self, node: Place) -> bool;

    /// Pauses a node's process, if it runs.
    ///
    /// # Errors
    /// If it can't be paused.
    async fn pause(&mut self, node: Place) -> anyhow::Result<()>;

    /// Lets a paused process go on. Anybody else is left alone.
    ///
    /// # Errors
    /// If it can't.
    async fn resume(&mut self, node: Place) -> anyhow::Result<()>;

    /// Has a process be stopped and let run in turn, or no longer.
    ///
    /// # Errors
    /// If it can't be told.
    fn slow_process(&mut self, node: Place, duty: Option<Duty>) -> anyhow::Result<()>;

    /// Cuts the power of a node that runs, and returns how it was seen to end, and what was lost and what not.
    ///
    /// # Errors
    /// If it can't be cut, or was not seen to end.
    async fn cut_power(&mut self, node: Place) -> anyhow::Result<(String, Counted)>;

    /// Says how a node's disk is.
    ///
    /// # Errors
    /// If the node can't be told.
    async fn set_disk_faults(&mut self, node: Place, faults: DiskFaults) -> anyhow::Result<()>;

    /// Flips bits in so many records of a node that is down, or as many as there are, and returns in how many. Spares
    /// what was damaged at another.
    ///
    /// # Errors
    /// If its disk can't be changed.
    fn flip_bits(&mut self, node: Place, records: usize) -> anyhow::Result<usize>;

    /// Takes what a node that is down holds of a key from its disk, as if it had never been there, and returns whether there was
    /// anything.
    ///
    /// # Errors
    /// If its disk can't be changed.
    fn lose_record(&mut self, node: Place, key: &Key) -> anyhow::Result<bool>;

    /// Makes a copy of the disk of a node that is down.
    ///
    /// # Errors
    /// If it can't be copied.
    fn save_disk(&mut self, node: Place) -> anyhow::Result<()>;

    /// Puts back the copy that was made last of the disk of a node that is down, if any was, and returns what that changed.
    ///
    /// # Errors
    /// If it can't be put back.
    fn restore_disk(&mut self, node: Place) -> anyhow::Result<Counted>;

    /// Spoils the disk of a node that is down for good, and says what came of an attempt to start the node on it.
    ///
    /// # Errors
    /// If that can't be, or the node did start.
    async fn lose_disk(&mut self, node: Place, how: DiskLoss) -> anyhow::Result<String>;

    /// Changes a node's wall clock.
    ///
    /// # Errors
    /// If the node can't be told.
    async fn change_clock(&mut self, node: Place, change: ClockChange) -> anyhow::Result<()>;

    /// Sends a client's request. Each client has one under way at most.
    fn submit(&mut self, client: usize, node: Place, request: Box<Request>);

    /// Waits for the next thing to happen, until `until` at the latest.
    ///
    /// # Errors
    /// If a node that nobody killed has died, or the harness has failed.
    async fn next(&mut self, until: Elapsed) -> anyhow::Result<Happening>;

    /// What nodes have told of the owners of partitions, and whom they counted for answers.
    ///
    /// # Errors
    /// If it can't be read.
    fn told(&self) -> anyhow::Result<ClusterRecord>;

    /// What became of nodes, in order.
    ///
    /// # Errors
    /// If it can't be read.
    fn attendance(&self) -> anyhow::Result<Vec<attendance::Entry>>;

    /// Asks a node as its administrator.
    ///
    /// # Errors
    /// If it gave no answer, or refused.
    async fn ask(&mut self, node: Place, request: AdminRequest) -> Result<AdminOk, AskError>;
}
