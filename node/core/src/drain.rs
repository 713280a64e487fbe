//! The orderly end of a node's service: it takes nothing new, and finishes what it took.

use crate::{AdminOk, ClientToken, Event, Node, Output, Response};

/// Whether the node is being drained, and who wants to know when it is.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    is_on: bool,
    waiting: Vec<ClientToken>,
}

impl Node {
    /// Takes no more client requests from here on, until the process ends.
    pub(crate) fn on_drain_asked(&mut self, client: ClientToken) {
        if !self.drain.is_on {
            self.drain.is_on = true;
            self.output(Output::Event(Event::Draining));
        }
        self.drain.waiting.push(client);
        self.check_drained();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_on
    }

    /// Tells whoever waits, once nothing is under way.
    pub(crate) fn check_drained(&mut self) {
        if self.drain.waiting.is_empty() || !self.coordinations.is_empty() || self.journal.len() > 0 {
            return;
        }
        let hints_pending = self.handoff.count();
        for client in std::mem::take(&mut self.drain.waiting) {
            self.reply(client, Response::Admin(Ok(AdminOk::Drained { hints_pending })));
        }
    }
}
