//! What can go wrong with the switch, by what its user can do about it.

use std::io;
use std::net::SocketAddr;

/// Why the switch refused or ceased to work. Reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The system gave no thread or event queue. Nothing was started; the host is short of
    /// something, and trying again at once won't help.
    #[error("start the switch")]
    Start(#[source] io::Error),

    /// The system gave no socket for a front. No endpoint was added, and those that are there go on.
    #[error("open a front for {name}")]
    Front {
        /// The endpoint that was to be added.
        name: String,
        /// What the system said.
        source: io::Error,
    },

    /// The switch has as many endpoints as it takes. None was added; the cluster is too large.
    #[error("add an endpoint: the switch holds {limit} already")]
    TooManyEndpoints {
        /// How many endpoints a switch takes.
        limit: usize,
    },

    /// No endpoint can be at this address: it is not on IPv4's loopback, has no port, or is one of
    /// the fronts (a packet would go round for ever). The endpoint keeps the address that it had.
    #[error("attach an endpoint at {address}: not an IPv4 loopback address outside the switch")]
    Unattachable {
        /// The address that was to be attached.
        address: SocketAddr,
    },

    /// The switch's thread has ended by itself. Nothing is forwarded any more and the call had no
    /// effect, so the run can't go on; [`Switch::stop`](super::Switch::stop) tells why.
    #[error("reach the switch: its thread has ended")]
    Ended,

    /// A front could not be read again and again. The thread has ended; the run can't be judged.
    #[error("keep the switch running")]
    Failed(#[source] io::Error),

    /// The switch's thread has panicked, which is a bug of ours. The run can't be judged.
    #[error("keep the switch running: it panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}
