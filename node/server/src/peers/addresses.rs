//! Where to dial: every address that the core wants a link with, and who answered there.
//!
//! The core names addresses, links are with nodes, and only a certificate tells which node is at an address. So each
//! address is dialled until somebody answers, and again whenever there is no link to whoever did. An address at which
//! this very node answers is never dialled again.

use std::{collections::BTreeMap, net::SocketAddr};

use quorate_core::NodeId;

/// Every address that the core has named.
#[derive(Debug, Default)]
pub(crate) struct AddressBook {
    entries: BTreeMap<SocketAddr, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Who answered there last, or says that it is reached there.
    peer: Option<NodeId>,
    /// It has been dialled at least once, so that the next dial waits its turn.
    dialled: bool,
    under_way: bool,
    is_own: bool,
    /// Why the last dial failed.
    trouble: Option<String>,
}

/// An address that is to be dialled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) address: SocketAddr,
    /// Whether it has been dialled before, so that a pause is in order.
    pub(crate) again: bool,
}

impl AddressBook {
    /// Adds an address, unless it is known.
    pub(crate) fn add(&mut self, address: SocketAddr) {
        self.entries.entry(address).or_default();
    }

    /// Takes out what has to be dialled now. Each then counts as under way until it was reached or has failed.
    pub(crate) fn take_due(&mut self, is_linked: impl Fn(NodeId) -> bool) -> Vec<Due> {
        let idle = |entry: &Entry| entry.under_way || entry.is_own || entry.peer.is_some_and(&is_linked);
        let due = self.entries.iter_mut().filter(|(_, entry)| !idle(entry));
        due.map(|(address, entry)| {
            entry.under_way = true;
            Due {
                address: *address,
                again: std::mem::replace(&mut entry.dialled, true),
            }
        })
        .collect()
    }

    /// A dial has led to this node, and to whatever became of the connection.
    pub(crate) fn reached(&mut self, address: SocketAddr, peer: NodeId) {
        let entry = self.entries.entry(address).or_default();
        entry.under_way = false;
        entry.peer = Some(peer);
        entry.trouble = None;
    }

    /// A dial has led to this very node.
    pub(crate) fn reached_self(&mut self, address: SocketAddr) {
        let entry = self.entries.entry(address).or_default();
        entry.under_way = false;
        entry.is_own = true;
    }

    /// A dial has failed. True if the reason differs from that of the dial before.
    pub(crate) fn failed(&mut self, address: SocketAddr, why: &str) -> bool {
        let entry = self.entries.entry(address).or_default();
        entry.under_way = false;
        let known = entry.trouble.as_deref() == Some(why);
        entry.trouble = Some(why.to_owned());
        !known
    }

    /// A linked node says that it is reached at an address.
    pub(crate) fn advertised(&mut self, address: SocketAddr, peer: NodeId) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.peer = Some(peer);
        }
    }
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

    #[test]
    fn an_address_is_dialled_until_it_is_linked_and_again_when_it_is_not() {
        let mut book = book();
        let due = |again| vec![Due { address: HERE, again }];
        assert_eq!(book.take_due(|_| false), due(false));
        assert_eq!(book.take_due(|_| false), [], "one dial at a time");
        assert!(book.failed(HERE, "no answer"));
        assert_eq!(book.take_due(|_| false), due(true));
        assert!(!book.failed(HERE, "no answer"), "the same again");
        assert_eq!(book.take_due(|_| false), due(true));
        book.reached(HERE, PEER);
        assert_eq!(book.take_due(|peer| peer == PEER), []);
        assert_eq!(book.take_due(|_| false), due(true));
    }

    #[test]
    fn who_dialled_us_is_not_dialled() {
        let mut book = book();
        book.advertised(HERE, PEER);
        assert_eq!(book.take_due(|peer| peer == PEER), []);
    }

    #[test]
    fn this_very_node_is_not_dialled_twice() {
        let mut book = book();
        book.take_due(|_| false);
        book.reached_self(HERE);
        assert_eq!(book.take_due(|_| false), []);
    }
}
