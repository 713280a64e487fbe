//! What the core of a node has told and counted, over all its lives. It steers nothing: whoever looks for runs in which
//! something rare has happened reads it when the run is over.

use std::collections::BTreeMap;

use quorate_core::{Counters, Event};

/// What a node has told and counted since the simulation began, whatever it has forgotten when it was killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events by their names ([`Event::name`]).
    pub events: BTreeMap<&'static str, u64>,
    /// What it has done.
    pub counters: Counters,
    /// What it has told of the owners of partitions, of what it copied and dropped, and whom it counted for answers, in
    /// order.
    pub topology: Vec<Event>,
}

impl Tally {
    pub(crate) fn note(&mut self, event: &Event) {
        *self.events.entry(event.name()).or_default() += 1;
        let is_of_owners = matches!(
            event,
            Event::OwnersChanged { .. }
                | Event::QuorumCounted(_)
                | Event::PartitionCopied { .. }
                | Event::PartitionDropped { .. }
        );
        if is_of_owners {
            self.topology.push(event.clone());
        }
    }

    /// Takes in what was counted in one life.
    pub(crate) fn add(&mut self, counters: Counters) {
        self.counters = self.counters.merge(counters);
    }
}
