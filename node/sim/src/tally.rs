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
}

impl Tally {
    pub(crate) fn note(&mut self, event: &Event) {
        *self.events.entry(event.name()).or_default() += 1;
    }

    /// Takes in what was counted in one life.
    pub(crate) fn add(&mut self, counters: Counters) {
        self.counters = self.counters.merge(counters);
    }
}
