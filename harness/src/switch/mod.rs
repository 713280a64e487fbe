//! The network between the processes, as a user-space UDP switch that can be told to break it.
//!
//! Every endpoint (a node, or the harness's own client) binds a UDP port of its own and advertises
//! a *front*: a loopback socket of the switch that stands for it. What an endpoint sends to its
//! peer's front leaves again from its own front:
//!
//! ```text
//!   node i                    switch                    node j
//!   own port :41001     front i :50001                  own port :41002
//!      |                  front j :50002                   |
//!      |-- to :50002 -------->|                            |
//!      |                      |-- from :50001 ------------>|   link i -> j
//!      |                      |<-- to :50001 --------------|
//!      |<- from :50002 -------|                            |   link j -> i
//! ```
//!
//! So each sees the other at its front, whatever port the other's process has bound, and every
//! datagram passes one place where the policy of its directed link decides and counts. The switch
//! is no proxy: it knows nothing of QUIC, alters no byte and keeps no state for a connection.
//!
//! Invariant: every datagram that the switch receives is counted exactly once, as forwarded, cut, lost,
//! undelivered, or of an unknown source; one that waits on a slow link, when it leaves it.

mod control;
mod delays;
mod error;
mod front;
mod links;
mod pump;

pub use control::{Counting, Switch};
pub use error::SwitchError;
pub use links::{EndpointId, LinkCounters, LinkPolicy};
