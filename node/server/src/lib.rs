//! The replica as a process: QUIC, storage, certificates.
//!
//! `quorate-core` says what a replica does; here is the IO around it, and the library by which anyone talks to a node.
//! A [`Server`] runs one node: mutual TLS over QUIC to its peers and its clients ([`certs`], [`identity`]), one thread
//! for the disk ([`store`]), and one for everything else. [`client`] is the other end. [`cli`] is the node's own
//! command line, which the harness embeds as `quorate node`; [`control`] breaks a node for whoever tests it.

pub mod certs;
pub mod cli;
pub mod client;
mod clients;
pub mod control;
pub mod duration;
mod endpoint;
mod event;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod hello;
pub mod identity;
mod intake;
mod outbox;
mod peers;
mod server;
mod session;
pub mod store;
mod tls;

pub use self::{
    endpoint::{EndpointError, transport_config},
    frame::{Refusal, message_bytes},
    hello::PROTOCOL_VERSION,
    server::{Listening, Options, ServeError, Server},
    tls::TlsError,
};
