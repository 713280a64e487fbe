//! What clients are told to ask: a tape, dealt to them.

use std::{collections::VecDeque, time::Duration};

use crate::tape::Ask;

/// What is left to be asked, client by client, in the order of the tape.
#[derive(Debug)]
pub struct Script {
    of_client: Vec<VecDeque<(usize, Ask)>>,
}

impl Script {
    /// These, for so many clients.
    ///
    /// # Panics
    /// If one is of a client that is not there.
    pub fn new(asks: &[Ask], clients: usize) -> Script {
        let mut of_client = vec![VecDeque::new(); clients];
        for (place, ask) in asks.iter().enumerate() {
            of_client[ask.client].push_back((place, ask.clone()));
        }
        Script { of_client }
    }

    /// When the first is due of those of idle clients, since the load began.
    pub fn next_due(&self, idle: impl Iterator<Item = usize>) -> Option<Duration> {
        self.next(idle).map(|(at, ..)| at)
    }

    /// Takes it.
    pub fn take(&mut self, idle: impl Iterator<Item = usize>) -> Option<Ask> {
        let (_, _, client) = self.next(idle)?;
        self.of_client[client].pop_front().map(|(_, ask)| ask)
    }

    /// When the next is due, its place on the tape, whose it is. Of two at one time, the first on the tape comes first.
    fn next(&self, idle: impl Iterator<Item = usize>) -> Option<(Duration, usize, usize)> {
        let firsts = idle.filter_map(|client| {
            let (place, ask) = self.of_client[client].front()?;
            Some((ask.at, *place, client))
        });
        firsts.min()
    }
}
