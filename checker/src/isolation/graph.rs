//! The graph of dependencies, in two arrays whatever its size, and the orders of sessions and of real time in linear space.
//!
//! Edges are Adya's: ww (overwrote), wr (read), rw (missed, and so came before). Beside transactions there are nodes that stand for
//! many edges at once, and edges *on* from those, which add nothing to the edge that led there: a node may stand for all appends to a
//! key that nobody saw, or for a moment. Moments are a chain, one wherever an invocation follows a completion: a transaction leads to
//! the moment after its end, and a moment to the next one and to the transactions that begin there. So the order of real time takes
//! an edge or two a transaction in place of one a pair, and none of them is stored: transactions are numbered in order of their
//! invocations, so that those which begin at a moment are a range.

use rustc_hash::FxHashMap;

use super::{
    rows::Rows,
    txns::{NONE, Txn, Txns},
};
use crate::execute::{Execute, both};

/// What an edge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Kind {
    /// The second wrote over what the first wrote.
    Ww,
    /// The second read what the first wrote.
    Wr,
    /// The first missed what the second wrote.
    Rw,
    /// The first came before in the same session.
    Process,
    /// The first had ended before the second began.
    Realtime,
    /// Goes on from a node that stands for others.
    On,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Ww, Self::Wr, Self::Rw, Self::Process, Self::Realtime, Self::On];

    /// Returns its name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ww => "ww",
            Self::Wr => "wr",
            Self::Rw => "rw",
            Self::Process => "process",
            Self::Realtime | Self::On => "realtime",
        }
    }

    /// As a set with nothing else in it.
    pub(super) fn only(self) -> Kinds {
        Kinds(1 << self as u8)
    }
}

/// A set of kinds of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const ALL: Self = Self(0b11_1111);

    pub(super) fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |all, kind| all | kind.only().0))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & kind.only().0 != 0
    }
}

/// An edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
}

/// How many bits of a target say where to; the others, of which kind.
const NODE_BITS: u32 = 29;

/// Edges by the node that they are from: of each where to, and of which kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges(Rows);

impl Edges {
    /// # Panics
    /// There are 2^29 nodes or 2^32 edges.
    pub(super) fn new(node_count: usize, edges: &[Edge]) -> Self {
        Self::of_parts(node_count, &[edges])
    }

    /// # Panics
    /// As [`new`](Self::new).
    fn of_parts(node_count: usize, parts: &[impl AsRef<[Edge]>]) -> Self {
        assert!(node_count < 1 << NODE_BITS, "a graph has fewer than 2^29 nodes");
        let target = |edge: &Edge| (edge.from, edge.to | (edge.kind as u32) << NODE_BITS);
        let edges = parts.iter().flat_map(AsRef::as_ref).map(target);
        Self(Rows::new(node_count, edges))
    }

    pub(super) fn node_count(&self) -> usize {
        self.0.row_count()
    }

    pub(super) fn edge_count(&self) -> usize {
        self.0.item_count()
    }

    #[inline]
    pub(super) fn from(&self, node: u32) -> Targets<'_> {
        Targets(self.0.of(node).iter())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Edge> + '_ {
        (0..self.node_count() as u32).flat_map(|from| self.from(from).map(move |(to, kind)| Edge { from, to, kind }))
    }
}

/// Where the edges of a node lead.
#[derive(Clone, Debug)]
pub(super) struct Targets<'e>(std::slice::Iter<'e, u32>);

impl Iterator for Targets<'_> {
    type Item = (u32, Kind);

    #[inline]
    fn next(&mut self) -> Option<(u32, Kind)> {
        let target = self.0.next()?;
        Some((
            target & ((1 << NODE_BITS) - 1),
            Kind::ALL[(target >> NODE_BITS) as usize],
        ))
    }
}

/// Which orders beside the dependencies there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    pub(super) has_sessions: bool,
    pub(super) has_real_time: bool,
}

/// Dependencies, and the orders of sessions and of real time.
#[derive(Debug)]
pub(super) struct Graph {
    /// Between transactions and nodes that stand for others.
    data: Edges,
    txn_count: u32,
    /// By transaction, the next of its session.
    next: Vec<u32>,
    moments: Moments,
}

/// The chain of moments: nodes that come after all those with dependencies.
#[derive(Debug, Default)]
struct Moments {
    /// By transaction, the moment after its end, or [`NONE`].
    after: Vec<u32>,
    /// By moment, the first transaction that begins there or later; one past the last.
    begins: Vec<u32>,
}

impl Graph {
    pub(super) fn new(
        txns: &Txns,
        happened: &[bool],
        (node_count, edges): (usize, &[impl AsRef<[Edge]> + Sync]),
        orders: Orders,
        execute: &dyn Execute,
    ) -> Self {
        let order = || {
            let next = if orders.has_sessions {
                sessions(txns, happened)
            } else {
                Vec::new()
            };
            let moments = if orders.has_real_time {
                Moments::new(txns)
            } else {
                Moments::default()
            };
            (next, moments)
        };
        let (data, (next, moments)) = both(execute, || Edges::of_parts(node_count, edges), order);
        Self {
            data,
            txn_count: txns.count() as u32,
            next,
            moments,
        }
    }

    pub(super) fn node_count(&self) -> usize {
        self.data.node_count() + self.moments.count()
    }

    /// Returns whether there is nothing that could be contradicted.
    pub(super) fn is_empty(&self) -> bool {
        let has_next = self.next.iter().any(|next| *next != NONE);
        self.data.edge_count() == 0 && !has_next && self.moments.count() == 0
    }

    /// Calls `visit` with every edge from `node`.
    #[inline]
    pub(super) fn each_from(&self, node: u32, mut visit: impl FnMut(u32, Kind)) {
        let first_moment = self.data.node_count() as u32;
        if node >= first_moment {
            let moment = (node - first_moment) as usize;
            if moment + 1 < self.moments.count() {
                visit(node + 1, Kind::On);
            }
            (self.moments.begins[moment]..self.moments.begins[moment + 1]).for_each(|txn| visit(txn, Kind::On));
            return;
        }
        for (to, kind) in self.data.from(node) {
            visit(to, kind);
        }
        if node < self.txn_count {
            match self.next.get(node as usize) {
                None | Some(&NONE) => {}
                Some(next) => visit(*next, Kind::Process),
            }
            match self.moments.after.get(node as usize) {
                None | Some(&NONE) => {}
                Some(moment) => visit(first_moment + moment, Kind::Realtime),
            }
        }
    }
}

/// Appends the order of sessions: where transactions are split, from each step of one to each of the next. Steps of one transaction
/// have none.
pub(super) fn session_edges(txns: &Txns, happened: &[bool], edges: &mut Vec<Edge>) {
    if !txns.is_split() {
        each_next_in_session(txns, happened, |from, to| {
            edges.push(Edge {
                from,
                to,
                kind: Kind::Process,
            });
        });
        return;
    }
    let mut last: FxHashMap<u32, (Vec<u32>, Vec<u32>)> = FxHashMap::default();
    for txn in txns.numbers().filter(|txn| happened[*txn as usize]) {
        let (before, current) = last.entry(txns.txn(txn).session).or_default();
        if current
            .first()
            .is_some_and(|first| txns.whole(*first) != txns.whole(txn))
        {
            *before = std::mem::take(current);
        }
        current.push(txn);
        let is_before = |first: &&u32| txns.txn(**first).end < txns.txn(txn).start || txns.txn(txn).start == 0;
        edges.extend(before.iter().filter(is_before).map(|first| Edge {
            from: *first,
            to: txn,
            kind: Kind::Process,
        }));
    }
}

/// Returns, by transaction, the next that is known to have happened in its session.
fn sessions(txns: &Txns, happened: &[bool]) -> Vec<u32> {
    let mut next = vec![NONE; txns.count()];
    each_next_in_session(txns, happened, |first, then| next[first as usize] = then);
    next
}

/// Calls `take` with each transaction that is known to have happened and the next such in its session, in order of the latter.
pub(super) fn each_next_in_session(txns: &Txns, happened: &[bool], mut take: impl FnMut(u32, u32)) {
    let count = txns.txns.iter().map(|txn| txn.session + 1).max().unwrap_or(0);
    let mut last = vec![NONE; count as usize];
    for txn in txns.numbers().filter(|txn| happened[*txn as usize]) {
        let last = &mut last[txns.txn(txn).session as usize];
        // Where the record does not have an invocation, a session's completions are in its order all the same.
        let (first, then) = (*last, txns.txn(txn));
        let is_next = |first: &Txn| first.end < then.start || then.start == 0;
        if first != NONE && is_next(txns.txn(first)) {
            take(*last, txn);
        }
        *last = txn;
    }
}

impl Moments {
    fn new(txns: &Txns) -> Self {
        let mut after = vec![NONE; txns.count()];
        let mut begins = Vec::new();
        let ended = txns.by_end();
        let mut ended = ended.iter().peekable();
        for txn in txns.numbers() {
            let mut is_later = false;
            while let Some(ended) = ended.next_if(|ended| txns.txn(**ended).end < txns.txn(txn).start) {
                after[*ended as usize] = begins.len() as u32;
                is_later = true;
            }
            if is_later {
                begins.push(txn);
            }
        }
        if !begins.is_empty() {
            begins.push(txns.count() as u32);
        }
        Self { after, begins }
    }

    fn count(&self) -> usize {
        self.begins.len().saturating_sub(1)
    }
}
