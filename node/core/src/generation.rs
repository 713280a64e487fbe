//! Going on as a later start of oneself: what a node does whose disk is older than what others know of it.
//!
//! A node counts its starts on its disk. One that was put back to an old copy of it begins with a generation that it has
//! had before, or with a lower one, and others take no notice of what it says: they know of more. Gossip brings it what they
//! know, in its own words and with its own seal; then it takes the generation above that, as a member of SWIM refutes what is
//! said of it by a higher incarnation.
//!
//! ```text
//! started as 3; others know 5      account of 5 ──▶ ── 6 ──▶ disk      durable: says all again, as 6
//! ```
//!
//! Invariant: nothing is said under a generation before that is durable. What is above all that the clock allows is not
//! believed (`gossip/exchange.rs`), or whoever poisons one account would have the node follow.
//!
//! With that it takes up again where it had come to in the cluster, as far as others heard of it: an administrator was told
//! that it would leave.
//!
//! What this does not mend: what it was told of its weight, and what its disk has forgotten of records and votes. Others that
//! know less of the earlier start of the same generation take the two for one: the facts that both began with are the same, in
//! the same order, and what the earlier one said later stays with them until this one says something else of the kind.

use crate::{Event, Generation, Node, Output, Plant, Standing, StoreOp, journal::Waiter};

impl Node {
    /// Takes the generation above `known`, which is one that others know this node by, once that is durable. `standing` is
    /// what it was to the cluster then; who has left is told so otherwise.
    pub(crate) fn rise_above(&mut self, known: Generation, standing: Option<Standing>) {
        let is_deaf = self.has_plant(Plant::LaterStartsIgnored) || self.has_plant(Plant::GenerationForgotten);
        if self.rising_to.is_some() || is_deaf {
            return;
        }
        let further = standing.filter(|standing| (self.standing..Standing::Left).contains(standing));
        if let Some(standing) = further.filter(|standing| self.topology.is_some() && *standing != self.standing) {
            self.set_standing(standing);
        }
        let next = Generation(known.0 + 1);
        assert!(next > self.generation, "generations only rise");
        self.rising_to = Some(next);
        self.journal.stage_memory(StoreOp::SetGeneration(next));
        let token = self.journal.open_token();
        self.journal.wait_for_batch(token, Waiter::Generation(next));
    }

    /// Goes on under a generation that is durable.
    pub(crate) fn on_risen(&mut self, to: Generation) {
        assert_eq!(self.rising_to.take(), Some(to), "one at a time");
        let from = self.generation;
        assert!(to > from, "generations only rise");
        self.generation = to;
        self.gossip.begin_own(to);
        self.begin_request_ids();
        self.output(Output::Event(Event::GenerationRaised { from, to }));
    }
}
