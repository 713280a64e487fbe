//! A node's settings. Those marked *cluster* must be the same on every node of it.

use std::{net::SocketAddr, time::Duration};

use crate::{ClusterId, Name, NodeId, RingShape};

/// All that a node is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// *Cluster.* Which cluster this is.
    pub cluster: ClusterId,
    /// This node's identity.
    pub node: NodeId,
    /// What people call this node.
    pub name: String,
    /// Where other nodes reach this one.
    pub address: SocketAddr,
    /// Where to look for the cluster at first; this node's own address among them does no harm.
    pub seeds: Vec<SocketAddr>,
    /// This node's share of the ring, relative to others.
    pub weight: u16,
    /// The data center that this node is in, for good once the ring is founded.
    pub dc: Name,
    /// The rack that it is on there, for good as well.
    pub rack: Name,
    /// *Cluster.* Partitions and replicas.
    pub ring: RingShape,
    /// *Cluster.* How many nodes found the ring. Until a node knows that many, it serves nobody.
    pub founders: usize,
    /// *Cluster.* Time between two rounds of gossip.
    pub gossip_interval: Duration,
    /// How long a coordinator waits for replicas. A client's shorter deadline wins.
    pub request_timeout: Duration,
    /// The most hints kept, for all targets together.
    pub hint_count_max: u64,
    /// The age at which a hint is thrown away.
    pub hint_window: Duration,
    /// *Cluster.* How far ahead of its own wall clock a node lets another's stamp be.
    pub clock_skew_max: Duration,
    /// The most client requests coordinated at a time.
    pub in_flight_max: usize,
    /// Time between two exchanges with a peer of what each holds; `None` for only on demand.
    pub anti_entropy_interval: Option<Duration>,
    /// The bug that this node is told to have.
    #[cfg(feature = "plants")]
    pub plant: Option<crate::Plant>,
}

/// Settings that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Fewer founders than replicas: a partition could not have N owners.
    #[error("the ring has {founders} founders, fewer than its {replicas} replicas")]
    TooFewFounders {
        /// Founders asked for.
        founders: usize,
        /// Replicas asked for, over all data centers.
        replicas: u8,
    },
    /// A number that has to be above zero.
    #[error("{0} must be above zero")]
    Zero(&'static str),
}

impl Config {
    /// Checks what the types can't say.
    ///
    /// # Errors
    /// [`ConfigError`] with the first setting that can't be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let zero = [
            ("the number of replicas", self.ring.replication.has_zero()),
            ("the number of partitions", self.ring.partitions == 0),
            ("a node's weight", self.weight == 0),
            ("the gossip interval", self.gossip_interval.is_zero()),
            ("the request timeout", self.request_timeout.is_zero()),
            ("the limit of requests in flight", self.in_flight_max == 0),
        ];
        if let Some((what, _)) = zero.into_iter().find(|(_, zero)| *zero) {
            return Err(ConfigError::Zero(what));
        }
        let replicas = self.ring.replication.total();
        if self.founders < usize::from(replicas) {
            return Err(ConfigError::TooFewFounders {
                founders: self.founders,
                replicas,
            });
        }
        Ok(())
    }
}
