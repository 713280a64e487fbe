//! The first frame each way: which cluster, and which start of which node.
//!
//! Who speaks is not in it: that is the certificate's to say, and is settled before a byte of it is read.

use std::net::SocketAddr;

use quorate_core::{ClusterId, Generation};
use serde::{Deserialize, Serialize};

/// The version of all that nodes and clients say to each other. Raised with every change of a frame; it is part of the
/// protocol's name in TLS, so that two versions that can't understand each other end in the handshake.
pub const PROTOCOL_VERSION: u16 = 5;

/// The first frame of whoever speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    version: u16,
    cluster: ClusterId,
    /// What a node says of itself; `None` from a client.
    pub(crate) node: Option<NodeHello>,
}

/// What one node tells another when they meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeHello {
    /// Where other nodes reach the speaker.
    pub(crate) address: SocketAddr,
    /// Which start of the speaker this is.
    pub(crate) generation: Generation,
    /// From whoever dialled: how many connections it had dialled before this one. From the other: the same number.
    pub(crate) dial: u64,
}

/// A first frame that ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HelloError {
    #[error("it speaks version {0} of the protocol, not {PROTOCOL_VERSION}")]
    Version(u16),
    #[error("it belongs to another cluster")]
    Cluster,
}

impl Hello {
    pub(crate) fn of_node(cluster: ClusterId, node: NodeHello) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            cluster,
            node: Some(node),
        }
    }

    pub(crate) fn of_client(cluster: ClusterId) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            cluster,
            node: None,
        }
    }

    /// Whether whoever said this may be talked to.
    pub(crate) fn check(&self, own: ClusterId) -> Result<(), HelloError> {
        if self.version != PROTOCOL_VERSION {
            return Err(HelloError::Version(self.version));
        }
        if self.cluster != own {
            return Err(HelloError::Cluster);
        }
        Ok(())
    }
}
