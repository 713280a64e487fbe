//! All that a node is told at its start.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

#[cfg(feature = "plants")]
use quorate_core::Plant;
use quorate_core::{ClusterId, Config, ConfigError, Name, NodeId, RingShape};

use crate::store::Fsync;

/// A node's settings. Those that the core has as well mean
/// what they mean there.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder: identity, store and keys.
    pub folder: PathBuf,
    /// Where to bind the socket; port 0 for any.
    pub listen: SocketAddr,
    /// Where other nodes reach this one, if that differs from where it listens.
    pub advertise: Option<SocketAddr>,
    /// When what is acknowledged reaches the disk.
    pub fsync: Fsync,
    /// The seed of all chance but that of TLS; `None` for one that nobody can guess.
    pub seed: Option<u64>,
    /// The cluster's name.
    pub cluster: String,
    /// See [`Config::name`].
    pub name: String,
    /// See [`Config::seeds`].
    pub seeds: Vec<SocketAddr>,
    /// See [`Config::weight`].
    pub weight: u16,
    /// See [`Config::dc`].
    pub dc: Name,
    /// See [`Config::rack`].
    pub rack: Name,
    /// See [`Config::ring`].
    pub ring: RingShape,
    /// See [`Config::founders`].
    pub founders: usize,
    /// See [`Config::gossip_interval`].
    pub gossip_interval: Duration,
    /// See [`Config::request_timeout`].
    pub request_timeout: Duration,
    /// See [`Config::hint_count_max`].
    pub hint_count_max: u64,
    /// See [`Config::hint_window`].
    pub hint_window: Duration,
    /// See [`Config::clock_skew_max`].
    pub clock_skew_max: Duration,
    /// See [`Config::in_flight_max`].
    pub in_flight_max: usize,
    /// See [`Config::anti_entropy_interval`].
    pub anti_entropy_interval: Option<Duration>,
    /// The bug that the node is told to have.
    #[cfg(feature = "plants")]
    pub plant: Option<Plant>,
}

impl Options {
    /// Checks what the types can't say, and what needs no look at the folder.
    ///
    /// # Errors
    /// [`ConfigError`] with the first setting that can't be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.config(NodeId(0), self.listen).validate()
    }

    /// The core's settings, once it is known which node this is and where it is reached.
    pub fn config(&self, node: NodeId, address: SocketAddr) -> Config {
        Config {
            cluster: ClusterId::from_name(&self.cluster),
            node,
            name: self.name.clone(),
            address,
            seeds: self.seeds.clone(),
            weight: self.weight,
            dc: self.dc.clone(),
            rack: self.rack.clone(),
            ring: self.ring.clone(),
            founders: self.founders,
            gossip_interval: self.gossip_interval,
            request_timeout: self.request_timeout,
            hint_count_max: self.hint_count_max,
            hint_window: self.hint_window,
            clock_skew_max: self.clock_skew_max,
            in_flight_max: self.in_flight_max,
            anti_entropy_interval: self.anti_entropy_interval,
            #[cfg(feature = "plants")]
            plant: self.plant,
        }
    }
}
