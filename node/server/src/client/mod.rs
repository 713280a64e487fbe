//! Talking to nodes, as a client or an administrator of the cluster.
//!
//! One [`ClientEndpoint`] is one socket; each [`NodeClient`] of it keeps one connection to one node, redials when that
//! is lost, and carries any number of requests at a time. What it says of a request that was not answered is exact:
//! [`RequestError::NotSent`] and [`RequestError::Refused`] if the request has had no effect and never will, anything
//! else if that can't be known.

mod connection;
mod endpoint;
mod error;
mod line;
mod node;
mod pending;

pub use self::{
    endpoint::{ClientEndpoint, ClientOptions},
    error::RequestError,
    node::NodeClient,
};
