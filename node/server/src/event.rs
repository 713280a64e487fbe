//! What reaches the event loop from its connections.

use std::net::SocketAddr;

use quorate_core::Message;

use crate::{
    clients::ClientId,
    frame::Received,
    peers::LinkId,
    session::{Authenticated, Session, SessionError},
};

/// Events that may wait for the loop. A reader that finds no room waits, and with it, by QUIC's flow control, whoever
/// sends.
pub(crate) const WAITING_MAX: usize = 1024;

/// Something that happened on a connection, or to an attempt at one.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message that was ordered to be sent late, on the link that it was for.
    Overdue { link: LinkId, message: Box<Message> },
    /// The pause before an address is dialled is over.
    Paused { address: SocketAddr },
    /// A node answered at an address; nothing has been said yet.
    Dialled {
        address: SocketAddr,
        dialled: Authenticated,
    },
    /// Nobody did, or nobody who will do.
    DialFailed { address: SocketAddr, error: SessionError },
    /// A node that was dialled has answered the Hello. `dial` is the number of this connection among those dialled.
    Greeted {
        address: SocketAddr,
        dial: u64,
        session: Box<Session>,
    },
    /// Somebody dialled this node, and waits for an answer to its Hello.
    Accepted { session: Box<Session> },
    /// Frames came in, pings not among them.
    Frames { from: Source, frames: Vec<Received> },
    /// Nothing more will come in.
    Ended { from: Source, why: String },
}

/// Whose frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Of another node.
    Peer(LinkId),
    /// Of a client.
    Client(ClientId),
}
