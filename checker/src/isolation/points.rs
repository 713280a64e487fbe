//! Models in which a transaction is several moments of one order of commits, of lists.
//!
//! - `prefix` (Burckhardt et al., ECOOP 2015; Cerone, Gotsman and Yang, CONCUR 2017): a transaction sees what was committed at one
//!   moment before its own commit, and nothing forbids that others write what it writes in between. Two moments each: what it saw, and
//!   its commit. Unlike with snapshots, that one wrote over another only orders their commits.
//! - `monotonic-snapshot-read` (Adya 1999, PL-MSR): each operation has a moment of its own, none before that of the one before it.
//! - `update-serializable` (Adya 1999, PL-3U): transactions that write are serializable, together with each one that only reads.
//!
//! An order of moments is possible exactly if what has to come before what has no circle.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::{
    anomaly::Anomaly,
    cases::{Case, Cases},
    component::{Component, components},
    cycle::Link,
    explain::{Source, explain, observers},
    graph::{Edge, Edges, Graph, Kind, Kinds, Orders},
    lists::{Lists, link},
    paths::{Paths, Rule},
    txns::{Step, Txns, What},
    writers::Writers,
};
use crate::execute::InOrder;

/// From how many edges of a component a shortest circle is looked for.
const STARTS_MAX: usize = 64;

/// How finely transactions are cut into moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moments {
    /// What it saw, and its commit.
    OfTransactions,
    /// What each read saw, and its commit.
    OfReads,
}

/// Nodes are commits by the number of their transaction, then moments of reads, then what stands for others.
pub(super) struct Points<'t> {
    txns: &'t Txns,
    writers: &'t Writers,
    source: &'t Source<'t>,
    /// By node beyond those of commits, the transaction that it is of.
    owners: Vec<u32>,
    edges: Vec<Edge>,
}

impl<'t> Points<'t> {
    pub(super) fn new(txns: &'t Txns, writers: &'t Writers, source: &'t Source<'t>) -> Self {
        Self {
            txns,
            writers,
            source,
            owners: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// Looks for a circle of moments.
    pub(super) fn moments(mut self, lists: &Lists<'_>, moments: Moments, anomaly: Anomaly, cases: &mut Cases) {
        let count = self.txns.count() as u32;
        let unseen = lists.unseen();
        // By key that has such, who comes before what nobody saw: by what they read, and by what they wrote.
        let mut gates: BTreeMap<u32, [Vec<u32>; 2]> = BTreeMap::new();
        for txn in self.txns.numbers().filter(|txn| self.writers.happened[*txn as usize]) {
            let mut last = None;
            for step in self
                .txns
                .steps(txn)
                .iter()
                .filter(|step| !self.writers.is_ambiguous(step.key))
            {
                let What::ReadList { list, length } = step.what() else {
                    continue;
                };
                if !lists.is_version(list, length) {
                    continue;
                }
                let node = match last {
                    Some(node) if moments == Moments::OfTransactions => node,
                    before => {
                        let node = count + self.owners.len() as u32;
                        self.owners.push(txn);
                        link(&mut self.edges, before, Some(node), Kind::On);
                        node
                    }
                };
                last = Some(node);
                self.read(lists, (txn, node), step, (list, length));
                if unseen.contains_key(&step.key) && length == lists.length(step.key) {
                    gates.entry(step.key).or_default()[0].push(node);
                }
            }
            link(&mut self.edges, last, Some(txn), Kind::On);
        }
        for key in 0..self.txns.keys.len() as u32 {
            let mut writers: Vec<u32> = lists.writers_of(key).collect();
            writers.dedup();
            let pairs = writers.windows(2).map(|pair| (pair[0], pair[1]));
            self.edges.extend(pairs.map(|(from, to)| Edge {
                from,
                to,
                kind: Kind::Ww,
            }));
            if let (Some(last), true) = (writers.last(), unseen.contains_key(&key)) {
                gates.entry(key).or_default()[1].push(*last);
            }
        }
        let mut node_count = count + self.owners.len() as u32;
        for (key, before) in &gates {
            for (kind, before) in [Kind::Rw, Kind::Ww].into_iter().zip(before) {
                for node in before {
                    self.edges.push(Edge {
                        from: *node,
                        to: node_count,
                        kind,
                    });
                }
                // Who wrote last is before all of these but itself.
                let after = unseen[key]
                    .iter()
                    .filter(|txn| kind == Kind::Rw || !before.contains(txn));
                self.edges.extend(after.map(|txn| Edge {
                    from: node_count,
                    to: *txn,
                    kind: Kind::On,
                }));
                node_count += 1;
            }
        }
        let edges = std::mem::take(&mut self.edges);
        let happened = &self.writers.happened;
        let parts = (node_count as usize, &[edges][..]);
        let graph = Graph::new(self.txns, happened, parts, Orders::default(), &InOrder);
        for component in components(&graph) {
            if let Some(cycle) = self.circle(&component) {
                self.add(anomaly, cycle, cases);
            }
        }
    }

    /// Adds what follows from a read whose moment is `node`.
    fn read(&mut self, lists: &Lists<'_>, (txn, node): (u32, u32), step: &Step, (list, length): (u32, u32)) {
        let elements = self.txns.read(list, length).iter().rev();
        let writers = elements.map(|element| self.writers.possible(*element));
        let before = writers
            .into_iter()
            .find(|writer| *writer != super::txns::NONE && *writer != txn);
        link(&mut self.edges, before, Some(node), Kind::Wr);
        let next = lists.writer_from(step.key, length).filter(|next| *next != txn);
        link(&mut self.edges, Some(node), next, Kind::Rw);
    }

    fn owner(&self, node: u32) -> u32 {
        match (node as usize).checked_sub(self.txns.count()) {
            None => node,
            Some(place) => self.owners.get(place).copied().unwrap_or(node),
        }
    }

    /// Returns a short circle of a component, between transactions.
    fn circle(&self, component: &Component) -> Option<Vec<Link>> {
        let rule = Rule {
            kinds: Kinds::ALL,
            spaces_out: false,
        };
        let is_start =
            |edge: &Edge| edge.kind != Kind::On && (component.nodes[edge.from as usize] as usize) < self.node_count();
        let starts: Vec<Edge> = component.forward.all().filter(is_start).collect();
        let mut paths = Paths::new(component, self.node_count() as u32);
        let mut best: Option<Vec<Link>> = None;
        let stride = starts.len().div_ceil(STARTS_MAX).max(1);
        for edge in starts.iter().step_by(stride) {
            let length_max = best.as_ref().map_or(u32::MAX, |best| best.len() as u32);
            best = paths.cycle(*edge, rule, length_max, &mut u64::MAX.clone()).or(best);
        }
        let links = best?.into_iter().map(|link| Link {
            from: self.owner(link.from),
            to: self.owner(link.to),
            ..link
        });
        Some(links.filter(|link| link.kind != Kind::On).collect())
    }

    fn node_count(&self) -> usize {
        self.txns.count() + self.owners.len()
    }

    fn add(&self, anomaly: Anomaly, cycle: Vec<Link>, cases: &mut Cases) {
        let mut txns: Vec<u32> = cycle.iter().map(|link| link.from).collect();
        txns.extend(observers(self.txns, self.source, &cycle));
        let text = explain(self.txns, self.source, &cycle);
        cases.add_best(anomaly, Case { txns, text, cycle });
    }

    /// Looks for a circle of transactions that write, and at most one that does not; `edges` are all dependencies.
    pub(super) fn updates(self, edges: &[Edge], cases: &mut Cases) {
        let node_count = edges
            .iter()
            .map(|edge| edge.from.max(edge.to) as usize + 1)
            .max()
            .unwrap_or(0);
        let node_count = node_count.max(self.txns.count());
        let happened = &self.writers.happened;
        let graph =
            |edges: &[Edge]| Graph::new(self.txns, happened, (node_count, &[edges]), Orders::default(), &InOrder);
        let is_reader = |node: u32| {
            let is_write = |step: &Step| matches!(step.what(), What::Write(_));
            (node as usize) < self.txns.count() && !self.txns.steps(node).iter().any(is_write)
        };
        // What is on no circle at all is on none of these.
        let whole = components(&graph(edges));
        let nodes: FxHashSet<u32> = whole
            .iter()
            .flat_map(|component| component.nodes.iter().copied())
            .collect();
        let is_in = |edge: &&Edge| nodes.contains(&edge.from) && nodes.contains(&edge.to);
        let within: Vec<Edge> = edges.iter().filter(is_in).copied().collect();
        let of_updates = |edge: &&Edge| !is_reader(edge.from) && !is_reader(edge.to);
        let updates: Vec<Edge> = within.iter().filter(of_updates).copied().collect();
        let mut found = components(&graph(&updates));
        if found.is_empty() {
            let missed = self.reader(&within, &Edges::new(node_count, &updates), is_reader);
            let is_own = |edge: &&Edge| {
                [edge.from, edge.to]
                    .into_iter()
                    .all(|node| missed == Some(node) || !is_reader(node))
            };
            let own: Vec<Edge> = within
                .iter()
                .filter(|edge| missed.is_some() && is_own(edge))
                .copied()
                .collect();
            found = components(&graph(&own));
        }
        for component in found {
            if let Some(cycle) = self.circle(&component) {
                self.add(Anomaly::GUpdate, cycle, cases);
            }
        }
    }

    /// Returns one who only reads and missed something that what it saw comes after, by `updates`.
    fn reader(&self, edges: &[Edge], updates: &Edges, is_reader: impl Fn(u32) -> bool) -> Option<u32> {
        let mut ends: BTreeMap<u32, [Vec<u32>; 2]> = BTreeMap::new();
        for edge in edges {
            match (is_reader(edge.from), is_reader(edge.to)) {
                (true, false) => ends.entry(edge.from).or_default()[0].push(edge.to),
                (false, true) => ends.entry(edge.to).or_default()[1].push(edge.from),
                _ => {}
            }
        }
        let mut met = vec![u32::MAX; updates.node_count()];
        let mut reaches = |reader: u32, [missed, seen]: [Vec<u32>; 2]| {
            let mut open = missed;
            while let Some(node) = open.pop() {
                if std::mem::replace(&mut met[node as usize], reader) == reader {
                    continue;
                }
                if seen.contains(&node) {
                    return true;
                }
                open.extend(updates.from(node).map(|(to, _)| to));
            }
            false
        };
        ends.into_iter()
            .find_map(|(reader, ends)| reaches(reader, ends).then_some(reader))
    }
}
