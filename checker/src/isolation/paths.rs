//! Shortest ways through a component, breadth first: each edge counts one, but for those on from a node that stands for others.

use std::collections::VecDeque;

use super::{
    component::Component,
    cycle::Link,
    graph::{Edge, Kind, Kinds},
};

/// What a walk may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Which edges it may take.
    pub(super) kinds: Kinds,
    /// Whether it may take anti-dependencies besides, but not two that follow each other. It begins after one, and ends before one.
    pub(super) spaces_out: bool,
}

/// Finds shortest ways, in memory that is used again.
pub(super) struct Paths<'c> {
    component: &'c Component,
    /// How many nodes of the whole graph are transactions.
    txn_count: u32,
    /// By state, in which search it was met last, how far away, and by which edge from where.
    met: Vec<Met>,
    search: u32,
    open: VecDeque<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Met {
    search: u32,
    distance: u32,
    from: u32,
    kind: Option<Kind>,
}

impl<'c> Paths<'c> {
    pub(super) fn new(component: &'c Component, txn_count: u32) -> Self {
        Self {
            component,
            txn_count,
            met: vec![Met::default(); 2 * component.node_count()],
            search: 0,
            open: VecDeque::new(),
        }
    }

    /// Returns a shortest cycle that begins with `edge` and goes on as `rule` says, if there is one of fewer than `length_max` links
    /// that is found within `budget` steps.
    pub(super) fn cycle(&mut self, edge: Edge, rule: Rule, length_max: u32, budget: &mut u64) -> Option<Vec<Link>> {
        // Without a rule on spacing there is one layer; with it, a walk begins in the layer after an anti-dependency.
        let start = 2 * edge.to + u32::from(rule.spaces_out);
        let goal = 2 * edge.from;
        self.search += 1;
        self.open.clear();
        self.meet(start, 0, start, None);
        while let Some((state, distance)) = self.open.pop_front() {
            if self.met[state as usize].distance < distance {
                continue;
            }
            if state == goal {
                return Some(self.links(edge, state));
            }
            if distance + 1 >= length_max {
                continue;
            }
            for (to, kind) in self.component.forward.from(state / 2) {
                *budget = budget.checked_sub(1)?;
                let layer = match kind {
                    Kind::On => state % 2,
                    kind if rule.kinds.has(kind) => 0,
                    Kind::Rw if rule.spaces_out && state.is_multiple_of(2) => 1,
                    _ => continue,
                };
                self.meet(
                    2 * to + layer,
                    distance + u32::from(kind != Kind::On),
                    state,
                    Some(kind),
                );
            }
        }
        None
    }

    fn meet(&mut self, state: u32, distance: u32, from: u32, kind: Option<Kind>) {
        let met = &mut self.met[state as usize];
        if met.search == self.search && met.distance <= distance {
            return;
        }
        *met = Met {
            search: self.search,
            distance,
            from,
            kind,
        };
        match kind {
            Some(Kind::On) => self.open.push_front((state, distance)),
            _ => self.open.push_back((state, distance)),
        }
    }

    /// Returns the links of the way that led to `end`, `first` before it.
    fn links(&self, first: Edge, end: u32) -> Vec<Link> {
        let mut edges = Vec::new();
        let mut state = end;
        while let Met {
            from, kind: Some(kind), ..
        } = self.met[state as usize]
        {
            edges.push(Edge {
                from: from / 2,
                to: state / 2,
                kind,
            });
            state = from;
        }
        edges.push(first);
        edges.reverse();
        // The cycle may begin within an edge that a node stands for: it is turned until it begins with a transaction.
        let is_txn = |node: u32| self.component.nodes[node as usize] < self.txn_count;
        let begin = edges.iter().position(|edge| is_txn(edge.from)).unwrap_or(0);
        edges.rotate_left(begin);
        let mut links: Vec<Link> = Vec::new();
        for edge in edges {
            let to = self.component.nodes[edge.to as usize];
            match links.last_mut() {
                Some(last) if edge.kind == Kind::On => last.to = to,
                _ => links.push(Link {
                    from: self.component.nodes[edge.from as usize],
                    to,
                    kind: edge.kind,
                }),
            }
        }
        links
    }
}
