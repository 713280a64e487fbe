//! Talking to nodes, as a client or an administrator of the cluster.
//!
//! One [`ClientEndpoint`] is one socket; each [`NodeClient`] of it keeps one connection to one node, redials when that
//! is lost, and carries any number of requests at a time. What it says of a request that was not answered is exact:
//! [`RequestError::NotSent`] and [`RequestError::Refused`] if the request has had no effect and never will, anything
//! else if that can't be known. A [`ClusterClient`] is several of them, and chooses one for each request by a [`Policy`].

mod choice;
mod cluster;
mod connection;
mod endpoint;
mod error;
mod line;
mod node;
mod pending;

pub use self::{
    choice::{Chooser, Ended, PASS_OVER, PROBE_EVERY, Policy},
    cluster::ClusterClient,
    endpoint::{ClientEndpoint, ClientOptions},
    error::{RequestError, Unreachable},
    node::NodeClient,
};
