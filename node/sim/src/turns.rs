//! What becomes of a node: of its process, and of what it is to the cluster. It steers nothing: it is for those who show it.

use quorate_core::{Event, NodeId, Standing};

/// What becomes of a node at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its process has started.
    Started,
    /// Its process has ended, by itself or not.
    Ended,
    /// Its process is paused.
    Paused,
    /// Its process goes on.
    Resumed,
    /// It says that it is something else to the cluster.
    Stands(Standing),
    /// It has learnt that another is a member no more, for good.
    Banned(NodeId),
}

impl Turn {
    /// What an event says of that, if it does.
    pub(crate) fn of(event: &Event) -> Option<Turn> {
        match event {
            Event::StandingChanged { standing } => Some(Turn::Stands(*standing)),
            Event::Banned { node } => Some(Turn::Banned(*node)),
            _ => None,
        }
    }
}
