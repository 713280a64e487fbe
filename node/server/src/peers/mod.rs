//! Connections to other nodes: dialled, accepted, watched, replaced; at most one in use for each.

mod addresses;
mod links;
mod table;
mod watch;

pub(crate) use self::{
    links::{Change, Me, Peers, redial_pause},
    table::LinkId,
    watch::{PING_INTERVAL, Verdict, Watch},
};
