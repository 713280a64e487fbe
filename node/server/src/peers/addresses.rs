//! Where to dial: every address that the core wants a link with, and who answered there.
//!
//! The core names addresses, links are with nodes, and only a certificate tells which node is at an address. So each
//! address is dialled until somebody answers, and again whenever there is no link to whoever did. An address at which
//! this very node answers is never dialled again.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use quorate_core::NodeId;

/// A dial that comes sooner after the outcome of the last has to wait: whatever ends links at once would otherwise be
/// dialled as fast as it ends them.
const CALM: Duration = Duration::from_secs(1);

/// Every address that the core has named.
#[derive(Debug, Default)]
pub(crate) struct AddressBook {
    entries: BTreeMap<SocketAddr, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Who answered there last, or says that it is reached there.
    peer: Option<NodeId>,
    /// When a dial was last known to have succeeded or failed.
    last_outcome: Option<Instant>,
    /// Being dialled, or about to be.
    under_way: bool,
    is_own: bool,
    /// Why the last dial failed.
    trouble: Option<String>,
}

/// An address that is to be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) address: SocketAddr,
    /// Who is expected there, if anyone is.
    pub(crate) peer: Option<NodeId>,
    /// Whether the last dial is so long ago that this one need not wait.
    pub(crate) is_calm: bool,
}

impl AddressBook {
    /// Adds an address, unless it is known.
    pub(crate) fn add(&mut self, address: SocketAddr) {
        self.entries.entry(address).or_default();
    }

    /// Takes out what has to be dialled. Each then counts as under way until it was reached, has failed or is put back.
    pub(crate) fn take_due(&mut self, now: Instant, is_linked: impl Fn(NodeId) -> bool) -> Vec<Due> {
        let idle = |entry: &Entry| entry.under_way || entry.is_own || entry.peer.is_some_and(&is_linked);
        let due = self.entries.iter_mut().filter(|(_, entry)| !idle(entry));
        due.map(|(address, entry)| {
            entry.under_way = true;
            Due {
                address: *address,
                peer: entry.peer,
                is_calm: entry.last_outcome.is_none_or(|last| now - last > CALM),
            }
        })
        .collect()
    }

    /// Puts back what was taken out, if there is a link by now.
    pub(crate) fn put_back_linked(&mut self, address: SocketAddr, is_linked: impl Fn(NodeId) -> bool) -> bool {
        let entry = self.entries.entry(address).or_default();
        let linked = entry.peer.is_some_and(is_linked);
        entry.under_way = !linked;
        linked
    }

    /// A dial has led to this node, and to whatever became of the connection.
    pub(crate) fn reached(&mut self, address: SocketAddr, peer: NodeId, now: Instant) {
        let entry = self.settle(address, now);
        entry.peer = Some(peer);
        entry.trouble = None;
    }

    /// A dial has led to this very node.
    pub(crate) fn reached_self(&mut self, address: SocketAddr, now: Instant) {
        self.settle(address, now).is_own = true;
    }

    /// A dial has failed. True if the reason differs from that of the dial before, but for figures: of a certificate
    /// that has expired TLS says how many seconds ago.
    pub(crate) fn failed(&mut self, address: SocketAddr, why: &str, now: Instant) -> bool {
        let entry = self.settle(address, now);
        let known = entry
            .trouble
            .as_deref()
            .is_some_and(|last| differ_in_figures_at_most(last, why));
        entry.trouble = Some(why.to_owned());
        !known
    }

    /// Who answered at an address last, or said that it is reached there.
    pub(crate) fn expected(&self, address: SocketAddr) -> Option<NodeId> {
        self.entries.get(&address)?.peer
    }

    /// Why the last dial of an address failed.
    #[cfg(test)]
    pub(super) fn trouble(&self, address: SocketAddr) -> Option<&str> {
        self.entries.get(&address)?.trouble.as_deref()
    }

    /// A linked node says that it is reached at an address.
    pub(crate) fn advertised(&mut self, address: SocketAddr, peer: NodeId) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.peer = Some(peer);
        }
    }

    fn settle(&mut self, address: SocketAddr, now: Instant) -> &mut Entry {
        let entry = self.entries.entry(address).or_default();
        entry.under_way = false;
        entry.last_outcome = Some(now);
        entry
    }
}

fn differ_in_figures_at_most(one: &str, other: &str) -> bool {
    let without = |text: &str| text.replace(|character: char| character.is_ascii_digit(), "");
    without(one) == without(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const PEER: NodeId = NodeId(7);

    fn book() -> AddressBook {
        let mut book = AddressBook::default();
        book.add(HERE);
        book.add(HERE);
        book
    }

    fn due(peer: Option<NodeId>, is_calm: bool) -> Vec<Due> {
        vec![Due {
            address: HERE,
            peer,
            is_calm,
        }]
    }

    #[test]
    fn an_address_is_dialled_until_it_is_linked_and_again_when_it_is_not() {
        let (mut book, now) = (book(), Instant::now());
        assert_eq!(book.take_due(now, |_| false), due(None, true));
        assert_eq!(book.take_due(now, |_| false), [], "one dial at a time");
        assert!(book.failed(HERE, "no answer", now));
        assert_eq!(book.take_due(now, |_| false), due(None, false));
        assert!(!book.failed(HERE, "no answer", now), "the same again");
        assert_eq!(book.take_due(now, |_| false), due(None, false));
        book.reached(HERE, PEER, now);
        let linked = |peer| peer == PEER;
        assert_eq!(book.take_due(now, linked), []);
        let later = now + CALM * 2;
        assert_eq!(book.take_due(later, |_| false), due(Some(PEER), true));
        assert!(book.put_back_linked(HERE, linked), "it dialled us while we waited");
        assert_eq!(book.take_due(later, |_| false), due(Some(PEER), true));
        assert!(!book.put_back_linked(HERE, |_| false));
        assert_eq!(book.take_due(later, |_| false), []);
    }

    #[test]
    fn who_dialled_us_is_not_dialled() {
        let mut book = book();
        book.advertised(HERE, PEER);
        assert_eq!(book.take_due(Instant::now(), |peer| peer == PEER), []);
    }

    #[test]
    fn this_very_node_is_not_dialled_twice() {
        let (mut book, now) = (book(), Instant::now());
        book.take_due(now, |_| false);
        book.reached_self(HERE, now);
        assert_eq!(book.take_due(now, |_| false), []);
    }
    #[test]
    fn the_same_trouble_is_told_once_whatever_its_figures() {
        let (mut book, now) = (book(), Instant::now());
        let tells = |book: &mut AddressBook, why| book.failed(HERE, why, now);
        assert!(tells(&mut book, "expired 9 seconds ago"));
        assert!(!tells(&mut book, "expired 10 seconds ago"));
        assert!(tells(&mut book, "no answer"));
        assert!(tells(&mut book, "expired 11 seconds ago"));
    }
}
