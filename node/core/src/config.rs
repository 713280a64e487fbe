//! A node's settings. Those marked *cluster* must be the same on every node of it.

use std::{net::SocketAddr, time::Duration};

use crate::{ClockMode, ClusterId, Fact, Level, Name, NodeId, RingShape, gossip::PEERS_PER_ROUND_MAX};

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
    /// How this node comes into the cluster, the first time that it starts.
    pub entry: Entry,
    /// *Cluster.* How many owners of a partition, the old and the new, have to agree to each step of a change, and how
    /// many a newcomer copies from: QUORUM, EACH_QUORUM or ALL. Each such set has to meet every set that a client's
    /// reads or writes may get by with: where those are fewer than half, only ALL does.
    pub step_level: Level,
    /// For how long a member has to have been silent before it is removed without being asked; `None` for never.
    pub auto_remove_after: Option<Duration>,
    /// *Cluster.* Time between two rounds of gossip.
    pub gossip_interval: Duration,
    /// With how many nodes that are up it gossips in a round, from 1 to 3. More spread news faster, and cost as much more.
    pub gossip_fan_out: usize,
    /// After how many rounds in which it hears nobody a node knows that it is isolated.
    pub isolation_intervals: u32,
    /// How long a coordinator waits for replicas. A client's shorter deadline wins.
    pub request_timeout: Duration,
    /// The most hints kept, for all targets together.
    pub hint_count_max: u64,
    /// The age at which a hint is thrown away.
    pub hint_window: Duration,
    /// How many bytes of hints are delivered in a second, to all targets together; `None` for as many as can be.
    pub hint_bytes_per_second: Option<u64>,
    /// How long a write is remembered by its id: as long as a client may send it again.
    pub write_id_window: Duration,
    /// The most writes remembered by their ids.
    pub write_id_count_max: usize,
    /// *Cluster.* When tombstones go.
    pub tombstones: Tombstones,
    /// Whether what this node acknowledges survives a crash. Where it may not, the node goes on after a start as if it
    /// had lost what it wrote, and nothing that it wrote before is hidden by what it writes then.
    pub acks_are_durable: bool,
    /// *Cluster.* The most actors in the context of siblings: older ones are forgotten, and with them what they had
    /// overwritten. `None`, as it should be, for all (*Dynamo*, section 4.4, cut its vector clocks to 10 pairs).
    pub context_actors_max: Option<usize>,
    /// Bytes on their way to the disk above which the node holds nothing more.
    pub persisting_bytes_max: usize,
    /// *Cluster.* What stamps the writes of registers.
    pub clock: ClockMode,
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

/// How a node comes into its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is one of those who found the ring. If the ring was founded without it, it serves nobody.
    Found,
    /// It joins a ring that there is, and takes over its share.
    Join,
    /// It joins a ring that there is, and takes the place of a member that is gone for good.
    Replace(NodeId),
}

impl Entry {
    /// Whose place it takes.
    pub fn replaces(self) -> Option<NodeId> {
        match self {
            Entry::Replace(node) => Some(node),
            Entry::Found | Entry::Join => None,
        }
    }
}

/// When the tombstones of deleted keys are thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstones {
    /// Never.
    Keep,
    /// When they are this old, and every owner holds them, and no node keeps or is about to write anything older.
    CollectAfter(Duration),
    /// When they are this old, whoever may not have them yet, as Cassandra does: what an owner missed for longer rises
    /// again. Here to show that.
    ForgetAfter(Duration),
}

/// Settings that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Fewer founders than replicas: a partition could not have N owners.
    #[error("the ring has {founders} founders, fewer than its {replicas} replicas")]
    TooFewFounders {
        /// Founders asked for.
        founders: usize,
        /// Replicas asked for.
        replicas: u8,
    },
    /// A number that has to be above zero.
    #[error("{0} must be above zero")]
    Zero(&'static str),
    /// A level at which two sets of owners need not meet.
    #[error("changes of owners can't be agreed at {0}: QUORUM, EACH_QUORUM and ALL make sure that any two meet")]
    StepLevel(Level),
    /// A node that is to take its own place.
    #[error("a node can't replace itself")]
    ReplacesItself,
    /// More peers in a round of gossip than there may be.
    #[error("{0} peers in a round of gossip, of at most {PEERS_PER_ROUND_MAX}")]
    FanOut(usize),
    /// Something that others would ignore: a name or a weight beyond its limit, an address that can't be reached.
    #[error("a node can't say this of itself: {0:?}")]
    Illegal(Box<Fact>),
}

impl Config {
    /// Whether the node is told to have a bug.
    #[cfg(feature = "plants")]
    pub(crate) fn has_plant(&self, plant: crate::Plant) -> bool {
        self.plant == Some(plant)
    }

    /// Whether the node is told to have a bug: built without bugs, it never is.
    #[cfg(not(feature = "plants"))]
    pub(crate) fn has_plant(&self, _plant: crate::Plant) -> bool {
        false
    }

    /// Whether whoever makes links is to take who answers at an address for the node that was met there first, and not for
    /// whom its certificate proves it to be: [`crate::Plant::AddressBelieved`].
    pub fn believes_addresses(&self) -> bool {
        self.has_plant(crate::Plant::AddressBelieved)
    }

    /// The settings of a node of a cluster in one data center, with the usual values for all that is not named here.
    pub fn new(cluster: ClusterId, node: NodeId, address: SocketAddr, ring: RingShape, founders: usize) -> Config {
        Config {
            cluster,
            node,
            name: node.to_string(),
            address,
            seeds: Vec::new(),
            weight: 1,
            dc: Name::default_dc(),
            rack: Name::default_rack(),
            ring,
            founders,
            entry: Entry::Found,
            step_level: Level::EachQuorum,
            auto_remove_after: None,
            gossip_interval: Duration::from_secs(1),
            gossip_fan_out: PEERS_PER_ROUND_MAX,
            isolation_intervals: 10,
            request_timeout: Duration::from_secs(2),
            hint_count_max: 100_000,
            hint_window: Duration::from_secs(3 * 60 * 60),
            hint_bytes_per_second: None,
            write_id_window: Duration::from_secs(10 * 60),
            write_id_count_max: 100_000,
            tombstones: Tombstones::CollectAfter(Duration::from_secs(10 * 24 * 60 * 60)),
            acks_are_durable: true,
            context_actors_max: None,
            persisting_bytes_max: 64 * 1024 * 1024,
            clock: ClockMode::Hybrid,
            clock_skew_max: Duration::from_millis(500),
            in_flight_max: 4096,
            anti_entropy_interval: None,
            #[cfg(feature = "plants")]
            plant: None,
        }
    }

    /// What a node says of itself from its start on.
    pub(crate) fn own_facts(&self) -> [Fact; 5] {
        [
            Fact::Name(self.name.clone()),
            Fact::Address(self.address),
            Fact::Weight(self.weight),
            Fact::Dc(self.dc.clone()),
            Fact::Rack(self.rack.clone()),
        ]
    }

    /// Checks that others will listen to what the node says of itself from its start on.
    pub(crate) fn check_facts(&self, which: impl Fn(&Fact) -> bool) -> Result<(), ConfigError> {
        let mut facts = self.own_facts().into_iter().filter(which);
        match facts.find(|fact| !fact.is_legal()) {
            Some(fact) => Err(ConfigError::Illegal(Box::new(fact))),
            None => Ok(()),
        }
    }

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
            ("the number of peers in a round of gossip", self.gossip_fan_out == 0),
            ("the number of silent rounds", self.isolation_intervals == 0),
            ("the request timeout", self.request_timeout.is_zero()),
            ("the limit of requests in flight", self.in_flight_max == 0),
            (
                "the time for which writes are remembered",
                self.write_id_window.is_zero(),
            ),
            (
                "the time between two exchanges",
                self.anti_entropy_interval == Some(Duration::ZERO),
            ),
        ];
        if let Some((what, _)) = zero.into_iter().find(|(_, zero)| *zero) {
            return Err(ConfigError::Zero(what));
        }
        if !matches!(self.step_level, Level::Quorum | Level::EachQuorum | Level::All) {
            return Err(ConfigError::StepLevel(self.step_level));
        }
        if self.entry.replaces() == Some(self.node) {
            return Err(ConfigError::ReplacesItself);
        }
        if self.gossip_fan_out > PEERS_PER_ROUND_MAX {
            return Err(ConfigError::FanOut(self.gossip_fan_out));
        }
        // A process knows its address only once it listens: a start checks it.
        self.check_facts(|fact| !matches!(fact, Fact::Address(_)))?;
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
