//! Cycles of a directed graph, and short ones among them.
//!
//! The graph lies in two arrays whatever its size, and nothing here recurses. Components are Tarjan's (*Depth-first
//! search and linear graph algorithms*, SIAM J. Computing 1972), short ways Dijkstra's.

use std::{cmp::Reverse, collections::BinaryHeap};

use rustc_hash::FxHashMap;

/// An edge between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// What it costs to go along it.
    pub(crate) cost: u32,
}

/// A graph of nodes from 0, by edges.
pub(crate) struct Graph {
    edges: Vec<Edge>,
    /// By node, where the edges from it begin in `order`, and one past the last.
    starts: Vec<u32>,
    /// Edges by the node that they are from.
    order: Vec<u32>,
}

impl Graph {
    pub(crate) fn new(node_count: usize, edges: Vec<Edge>) -> Self {
        let mut starts = vec![0u32; node_count + 1];
        for edge in &edges {
            starts[edge.from as usize + 1] += 1;
        }
        for node in 0..node_count {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; edges.len()];
        for (number, edge) in (0..).zip(&edges) {
            order[next[edge.from as usize] as usize] = number;
            next[edge.from as usize] += 1;
        }
        Self { edges, starts, order }
    }

    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns the edges from `node` by their numbers.
    fn from(&self, node: u32) -> &[u32] {
        &self.order[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// Returns, by node, which component it is in: two nodes are in the same exactly if each can be reached from the other.
    pub(crate) fn components(&self) -> Vec<u32> {
        const NEW: u32 = u32::MAX;
        let node_count = self.starts.len() - 1;
        let mut component = vec![NEW; node_count];
        let mut low = vec![NEW; node_count];
        let (mut open, mut path) = (Vec::new(), Vec::new());
        let (mut met, mut component_count) = (0, 0);
        for root in 0..node_count as u32 {
            if low[root as usize] != NEW {
                continue;
            }
            let mut enter = Some(root);
            loop {
                if let Some(node) = enter.take() {
                    low[node as usize] = met;
                    open.push(node);
                    path.push((node, 0, met));
                    met += 1;
                }
                let Some((node, nth, number)) = path.pop() else { break };
                if let Some(edge) = self.from(node).get(nth) {
                    let to = self.edges[*edge as usize].to;
                    path.push((node, nth + 1, number));
                    if low[to as usize] == NEW {
                        enter = Some(to);
                    } else if component[to as usize] == NEW {
                        low[node as usize] = low[node as usize].min(low[to as usize]);
                    }
                    continue;
                }
                if low[node as usize] == number {
                    while let Some(member) = open.pop() {
                        component[member as usize] = component_count;
                        if member == node {
                            break;
                        }
                    }
                    component_count += 1;
                } else if let Some((caller, ..)) = path.last() {
                    low[*caller as usize] = low[*caller as usize].min(low[node as usize]);
                }
            }
        }
        component
    }

    /// Returns a cheapest cycle by way of the edge of number `through` inside its component, as edges by number from
    /// that one on, and what it costs; none if there is none within `budget` steps.
    pub(crate) fn cycle(&self, components: &[u32], through: u32, budget: &mut u64) -> Option<(u32, Vec<u32>)> {
        let Edge {
            from: goal,
            to: start,
            cost,
        } = self.edges[through as usize];
        let mut came: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
        let mut heap = BinaryHeap::from([Reverse((cost, start))]);
        while let Some(Reverse((cost, node))) = heap.pop() {
            if node == goal {
                let mut cycle = Vec::new();
                let mut at = goal;
                while at != start {
                    let (_, edge) = came[&at];
                    cycle.push(edge);
                    at = self.edges[edge as usize].from;
                }
                cycle.push(through);
                cycle.reverse();
                return Some((cost, cycle));
            }
            if came.get(&node).is_some_and(|(known, _)| *known < cost) {
                continue;
            }
            for number in self.from(node) {
                *budget = budget.checked_sub(1)?;
                let edge = self.edges[*number as usize];
                let cost = cost + edge.cost;
                let is_inside = components[edge.to as usize] == components[goal as usize] && edge.to != start;
                if is_inside && came.get(&edge.to).is_none_or(|(known, _)| cost < *known) {
                    came.insert(edge.to, (cost, *number));
                    heap.push(Reverse((cost, edge.to)));
                }
            }
        }
        None
    }
}
