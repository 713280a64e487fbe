//! Whoever measures what passes between nodes: shown each message as it is put on its way, and unable to change anything.

use std::{fmt, time::Duration};

use quorate_core::{Message, Time};

use crate::world::NodeIndex;

/// A message that is put on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// When.
    pub at: Time,
    /// By whom.
    pub from: NodeIndex,
    /// To whom.
    pub to: NodeIndex,
    /// What.
    pub message: &'a Message,
    /// When it arrives in its place in the stream, if its connection lasts so long; `None` if it is held back for now, or comes out
    /// of order.
    pub arrives: Option<Time>,
}

/// Measures what passes.
pub trait Tap: fmt::Debug {
    /// A node has sent something to another.
    fn on_message(&mut self, sent: &Sent<'_>);

    /// What passes between a client and its coordinator takes so long.
    fn on_client(&mut self, delay: Duration);
}
