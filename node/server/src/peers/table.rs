//! Which connection to a node is used, when both sides dial and connections come and go.
//!
//! Each end decides alone, by a rank on which both agree: first the peer's generation, since a connection to an
//! earlier start of it leads nowhere; then who dialled, the node with the lower id before the other; then, between
//! two that the same node dialled, the later, since nobody dials while it has a connection that it thinks alive. A
//! connection is used if it outranks the one in use, and refused if it does not, which is also how the other end would
//! decide. Two that cross:
//!
//! ```text
//!   1  dials A ──────────╮  ╭────────── dials B  2      1 < 2, so A outranks B
//!   gets B, uses it      ╰──┼─▸ gets A, uses it
//!   answers B ──────────────│─▸ A outranks B: refuses B
//!   A is answered ◂─────────╯
//!   A outranks B: uses A        uses A
//! ```
//!
//! What is refused by one end while the other has already lost the connection in use is only late: the first end gives
//! that one up as soon as its questions go unanswered, and the next connection dialled is taken.

use std::collections::BTreeMap;

use quorate_core::{Generation, NodeId};

/// A connection to another node, named by this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);

/// Who dialled a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialler {
    /// This node.
    Us,
    /// The peer.
    Them,
}

/// A connection that might be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) link: LinkId,
    pub(crate) peer: NodeId,
    /// The peer's, by its Hello.
    pub(crate) generation: Generation,
    pub(crate) dialler: Dialler,
    /// How many connections whoever dialled it had dialled before.
    pub(crate) dial: u64,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is used; this one, if any, no longer is.
    Used { superseded: Option<LinkId> },
    /// The one in use is better.
    Refused,
}

type Rank = (Generation, bool, u64);

/// The connection in use for each peer: at most one.
#[derive(Debug)]
pub(crate) struct LinkTable {
    me: NodeId,
    used: BTreeMap<NodeId, (LinkId, Rank)>,
}

impl LinkTable {
    pub(crate) fn new(me: NodeId) -> LinkTable {
        LinkTable {
            me,
            used: BTreeMap::new(),
        }
    }

    /// Uses a connection, if it is better than what there is.
    pub(crate) fn offer(&mut self, candidate: Candidate) -> Offer {
        assert_ne!(candidate.peer, self.me, "a node has no link to itself");
        let rank = self.rank(&candidate);
        match self.used.get(&candidate.peer) {
            Some((_, used)) if *used >= rank => Offer::Refused,
            _ => {
                let superseded = self.used.insert(candidate.peer, (candidate.link, rank));
                Offer::Used {
                    superseded: superseded.map(|(link, _)| link),
                }
            }
        }
    }

    /// A connection is gone. True if it was the one in use.
    pub(crate) fn remove(&mut self, peer: NodeId, link: LinkId) -> bool {
        let used = self.used(peer) == Some(link);
        if used {
            self.used.remove(&peer);
        }
        used
    }

    /// The connection in use for a peer.
    pub(crate) fn used(&self, peer: NodeId) -> Option<LinkId> {
        self.used.get(&peer).map(|(link, _)| *link)
    }

    fn rank(&self, candidate: &Candidate) -> Rank {
        let lower_dialled = match candidate.dialler {
            Dialler::Us => self.me < candidate.peer,
            Dialler::Them => candidate.peer < self.me,
        };
        (candidate.generation, lower_dialled, candidate.dial)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    const NODES: [NodeId; 2] = [NodeId(1), NodeId(2)];

    /// What travels on one connection, to one of its ends.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        /// To whoever was dialled.
        Hello,
        /// To whoever dialled.
        Answer,
        /// The other end has closed it.
        Closed,
    }

    #[derive(Debug)]
    struct Connection {
        dialler: usize,
        dial: u64,
        /// Toward each end, in order.
        events: [VecDeque<Event>; 2],
        /// Whether each end has closed it, or learnt that the other has.
        closed: [bool; 2],
    }

    /// Two nodes that dial when they have no connection, and whatever is on its way between them.
    struct Pair {
        rng: Pcg64Mcg,
        tables: [LinkTable; 2],
        dials: [u64; 2],
        connections: Vec<Connection>,
        /// The most connections dialled by either: a bound on how long settling may take.
        dialled_max: usize,
    }

    impl Pair {
        fn new(seed: u64) -> Pair {
            Pair {
                rng: Pcg64Mcg::seed_from_u64(seed),
                tables: NODES.map(LinkTable::new),
                dials: [0; 2],
                connections: Vec::new(),
                dialled_max: 40,
            }
        }

        fn dial_if_needed(&mut self, end: usize) {
            let under_way = self
                .connections
                .iter()
                .any(|c| c.dialler == end && !c.closed[end] && self.tables[end].used(NODES[1 - end]).is_none());
            if self.tables[end].used(NODES[1 - end]).is_none() && !under_way {
                self.dials[end] += 1;
                let mut events = [VecDeque::new(), VecDeque::new()];
                events[1 - end].push_back(Event::Hello);
                self.connections.push(Connection {
                    dialler: end,
                    dial: self.dials[end],
                    events,
                    closed: [false; 2],
                });
                assert!(self.connections.len() < self.dialled_max, "they never settle");
            }
        }

        fn close(&mut self, end: usize, at: usize) {
            let connection = &mut self.connections[at];
            if !std::mem::replace(&mut connection.closed[end], true) {
                connection.events[1 - end].push_back(Event::Closed);
            }
            self.tables[end].remove(NODES[1 - end], LinkId(at as u64));
        }

        fn offer(&mut self, end: usize, at: usize) -> bool {
            let connection = &self.connections[at];
            let offer = self.tables[end].offer(Candidate {
                link: LinkId(at as u64),
                peer: NODES[1 - end],
                generation: Generation(1),
                dialler: if connection.dialler == end {
                    Dialler::Us
                } else {
                    Dialler::Them
                },
                dial: connection.dial,
            });
            match offer {
                Offer::Used { superseded } => {
                    if let Some(old) = superseded {
                        self.close(end, old.0 as usize);
                    }
                    true
                }
                Offer::Refused => {
                    self.close(end, at);
                    false
                }
            }
        }

        fn deliver(&mut self, end: usize, at: usize) {
            let event = self.connections[at].events[end].pop_front().expect("chosen");
            if self.connections[at].closed[end] {
                return;
            }
            match event {
                Event::Hello => {
                    if self.offer(end, at) {
                        self.connections[at].events[1 - end].push_back(Event::Answer);
                    }
                }
                Event::Answer => {
                    self.offer(end, at);
                }
                Event::Closed => {
                    self.connections[at].closed[end] = true;
                    self.tables[end].remove(NODES[1 - end], LinkId(at as u64));
                }
            }
        }

        /// Delivers in random order until nothing is on its way and nobody wants to dial.
        fn settle(&mut self) {
            loop {
                let late = self.rng.random_range(0..2);
                self.dial_if_needed(late);
                if self.rng.random() {
                    self.dial_if_needed(1 - late);
                }
                let pending: Vec<_> = (0..self.connections.len())
                    .flat_map(|at| [(0, at), (1, at)])
                    .filter(|(end, at)| !self.connections[*at].events[*end].is_empty())
                    .collect();
                if pending.is_empty() {
                    if (0..2).all(|end| self.tables[end].used(NODES[1 - end]).is_some()) {
                        return;
                    }
                    continue;
                }
                let (end, at) = pending[self.rng.random_range(0..pending.len())];
                self.deliver(end, at);
            }
        }
    }

    #[test]
    fn whatever_the_order_both_ends_settle_on_the_same_connection() {
        let mut winners = BTreeSet::new();
        for seed in 0..5_000 {
            let mut pair = Pair::new(seed);
            pair.settle();
            for _ in 0..5 {
                assert_eq!(
                    pair.tables[0].used(NODES[1]),
                    pair.tables[1].used(NODES[0]),
                    "seed {seed}"
                );
                let used = pair.tables[0].used(NODES[1]).expect("they have settled").0 as usize;
                winners.insert(pair.connections[used].dialler);
                // One end suspects it, alone.
                let end = pair.rng.random_range(0..2);
                pair.close(end, used);
                pair.settle();
            }
        }
        assert_eq!(winners.len(), 2, "either may dial");
    }

    #[test]
    fn a_new_start_of_the_peer_is_taken_and_an_old_one_is_not() {
        let mut table = LinkTable::new(NODES[0]);
        let candidate = |link, generation, dialler| Candidate {
            link: LinkId(link),
            peer: NODES[1],
            generation: Generation(generation),
            dialler,
            dial: 1,
        };
        assert_eq!(
            table.offer(candidate(1, 1, Dialler::Us)),
            Offer::Used { superseded: None }
        );
        let superseded = Some(LinkId(1));
        assert_eq!(table.offer(candidate(2, 2, Dialler::Them)), Offer::Used { superseded });
        assert_eq!(table.offer(candidate(3, 1, Dialler::Us)), Offer::Refused);
        assert!(!table.remove(NODES[1], LinkId(1)));
        assert!(table.remove(NODES[1], LinkId(2)));
        assert_eq!(
            table.offer(candidate(4, 1, Dialler::Us)),
            Offer::Used { superseded: None }
        );
    }
}
