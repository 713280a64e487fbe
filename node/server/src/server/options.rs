//! All that a node is told at its start.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use quorate_core::{Config, ConfigError, NodeId};

use crate::{control::Control, store::Fsync};

/// A node's settings: the process's own, and the core's.
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
    /// How far the node's wall clock is ahead of the machine's.
    pub clock_ahead: Duration,
    /// What breaks the node from inside, if anything may.
    pub control: Option<Arc<Control>>,
    /// The core's settings, but for those that are known only once the folder has been read and the socket bound: which
    /// node this is, and its address.
    pub node: Config,
}

impl Options {
    /// Checks what the types can't say, and what needs no look at the folder.
    ///
    /// # Errors
    /// [`ConfigError`] with the first setting that can't be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        // Where it listens is not known yet where any port will do, nor who it is: both are looked at again at the start.
        let port = self.node.address.port().max(1);
        let address = SocketAddr::new(self.node.address.ip(), port);
        let node = Config {
            address,
            ..self.node.clone()
        };
        node.validate()
    }

    /// The core's settings, once it is known which node this is and where it is reached.
    pub fn config(&self, node: NodeId, address: SocketAddr) -> Config {
        Config {
            node,
            address,
            acks_are_durable: self.fsync == Fsync::Always,
            ..self.node.clone()
        }
    }
}
