//! Strongly connected components of the graph: each a small graph of its own, in which all cycles of its transactions lie.
//!
//! What is not on a cycle is peeled off first, from its beginnings (Kahn): of a valid history that is everything, in one pass without
//! an array beyond the degrees. What is left is cut into components by petgraph's algorithm of Kosaraju, which does not recurse, over
//! the edges as they lie.

use petgraph::{
    Direction,
    algo::kosaraju_scc,
    visit::{GraphBase, GraphRef, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, VisitMap, Visitable},
};

use super::graph::{Edge, Edges, Graph, Kind, Kinds};

/// A strongly connected component of more than one node.
#[derive(Debug)]
pub(super) struct Component {
    /// By node, what it is in the whole graph.
    pub(super) nodes: Vec<u32>,
    pub(super) forward: Edges,
    pub(super) back: Edges,
}

/// Returns the components of `graph` that have cycles, the smallest first.
pub(super) fn components(graph: &Graph) -> Vec<Component> {
    let left = peel(graph);
    if left.is_empty() {
        return Vec::new();
    }
    let core = Component::of(graph, left);
    let mut components = core.parts(&core.components(Kinds::ALL));
    components.sort_by_key(|component| (component.nodes.len(), component.nodes[0]));
    components
}

/// Returns the nodes that are left when those that nothing leads to are taken away, again and again: in rising order.
fn peel(graph: &Graph) -> Vec<u32> {
    let node_count = graph.node_count() as u32;
    let mut degrees = vec![0u32; node_count as usize];
    for node in 0..node_count {
        graph.each_from(node, |to, _| degrees[to as usize] += 1);
    }
    let mut open = Vec::new();
    let mut peeled = 0;
    for root in 0..node_count {
        if degrees[root as usize] != 0 {
            continue;
        }
        // What has been taken away is told by a degree that no node has.
        degrees[root as usize] = u32::MAX;
        open.push(root);
        while let Some(node) = open.pop() {
            peeled += 1;
            graph.each_from(node, |to, _| {
                let degree = &mut degrees[to as usize];
                *degree -= 1;
                if *degree == 0 {
                    *degree = u32::MAX;
                    open.push(to);
                }
            });
        }
    }
    if peeled == node_count {
        return Vec::new();
    }
    (0..node_count)
        .filter(|node| degrees[*node as usize] != u32::MAX)
        .collect()
}

impl Component {
    /// Returns the part of `graph` that these nodes are, which are in rising order.
    fn of(graph: &Graph, nodes: Vec<u32>) -> Self {
        let mut numbers = vec![u32::MAX; graph.node_count()];
        for (number, node) in (0..).zip(&nodes) {
            numbers[*node as usize] = number;
        }
        let mut edges = Vec::new();
        for (from, node) in (0..).zip(&nodes) {
            graph.each_from(*node, |to, kind| match numbers[to as usize] {
                u32::MAX => {}
                to => edges.push(Edge { from, to, kind }),
            });
        }
        Self::new(nodes, &edges)
    }

    pub(super) fn new(nodes: Vec<u32>, edges: &[Edge]) -> Self {
        let turn = |edge: &Edge| Edge {
            from: edge.to,
            to: edge.from,
            kind: edge.kind,
        };
        let back: Vec<Edge> = edges.iter().map(turn).collect();
        Self {
            forward: Edges::new(nodes.len(), edges),
            back: Edges::new(nodes.len(), &back),
            nodes,
        }
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the components by edges of these kinds, in an order against that of the edges between them.
    pub(super) fn all_components(&self, kinds: Kinds) -> Vec<Vec<u32>> {
        kosaraju_scc(View { component: self, kinds })
    }

    /// Returns the components by edges of these kinds, each of more than one node.
    pub(super) fn components(&self, kinds: Kinds) -> Vec<Vec<u32>> {
        let mut components = self.all_components(kinds);
        components.retain(|nodes| nodes.len() > 1);
        components
    }

    /// Returns the components of walks by edges of kinds `kinds` and anti-dependencies, in which no two of the latter follow each
    /// other. A node is twice a node of this component, and one more after an anti-dependency.
    pub(super) fn layered_components(&self, kinds: Kinds) -> Vec<Vec<u32>> {
        let view = Layered { component: self, kinds };
        let mut components = kosaraju_scc(view);
        components.retain(|nodes| nodes.len() > 1);
        components
    }

    /// Returns each of `parts` as a component of its own.
    fn parts(&self, parts: &[Vec<u32>]) -> Vec<Self> {
        const NONE: (u32, u32) = (u32::MAX, 0);
        let mut places = vec![NONE; self.nodes.len()];
        let mut sorted: Vec<Vec<u32>> = parts.to_vec();
        for (part, nodes) in (0..).zip(&mut sorted) {
            nodes.sort_unstable();
            for (number, node) in (0..).zip(nodes.iter()) {
                places[*node as usize] = (part, number);
            }
        }
        let component = |(part, nodes): (u32, &Vec<u32>)| {
            let mut edges = Vec::new();
            for (from, node) in (0..).zip(nodes) {
                for (to, kind) in self.forward.from(*node) {
                    let (to_part, to) = places[to as usize];
                    if to_part == part {
                        edges.push(Edge { from, to, kind });
                    }
                }
            }
            let nodes = nodes.iter().map(|node| self.nodes[*node as usize]).collect();
            Self::new(nodes, &edges)
        };
        (0..).zip(&sorted).map(component).collect()
    }
}

/// A component by edges of some kinds, as petgraph sees it.
#[derive(Clone, Copy)]
struct View<'c> {
    component: &'c Component,
    kinds: Kinds,
}

/// The same, where two anti-dependencies may not follow each other.
#[derive(Clone, Copy)]
struct Layered<'c> {
    component: &'c Component,
    kinds: Kinds,
}

/// Which nodes have been visited.
#[derive(Clone, Debug)]
pub(super) struct Visited(Vec<bool>);

impl VisitMap<u32> for Visited {
    fn visit(&mut self, node: u32) -> bool {
        !std::mem::replace(&mut self.0[node as usize], true)
    }

    fn is_visited(&self, node: &u32) -> bool {
        self.0[*node as usize]
    }

    fn unvisit(&mut self, node: u32) -> bool {
        std::mem::replace(&mut self.0[node as usize], false)
    }
}

macro_rules! is_graph {
    ($view:ident, $per_node:expr) => {
        impl GraphBase for $view<'_> {
            type EdgeId = u32;
            type NodeId = u32;
        }

        impl GraphRef for $view<'_> {}

        impl Visitable for $view<'_> {
            type Map = Visited;

            fn visit_map(&self) -> Visited {
                Visited(vec![false; $per_node * self.component.node_count()])
            }

            fn reset_map(&self, map: &mut Visited) {
                map.0.fill(false);
            }
        }

        impl IntoNodeIdentifiers for $view<'_> {
            type NodeIdentifiers = std::ops::Range<u32>;

            fn node_identifiers(self) -> std::ops::Range<u32> {
                0..($per_node * self.component.node_count()) as u32
            }
        }

        impl<'c> IntoNeighbors for $view<'c> {
            type Neighbors = Neighbors<'c>;

            fn neighbors(self, node: u32) -> Neighbors<'c> {
                self.neighbors_directed(node, Direction::Outgoing)
            }
        }
    };
}

is_graph!(View, 1);
is_graph!(Layered, 2);

impl<'c> IntoNeighborsDirected for View<'c> {
    type NeighborsDirected = Neighbors<'c>;

    fn neighbors_directed(self, node: u32, direction: Direction) -> Neighbors<'c> {
        let walk = Walk::Plain;
        Neighbors::new(self.component, node, direction, self.kinds, walk)
    }
}

impl<'c> IntoNeighborsDirected for Layered<'c> {
    type NeighborsDirected = Neighbors<'c>;

    fn neighbors_directed(self, node: u32, direction: Direction) -> Neighbors<'c> {
        let walk = match direction {
            Direction::Outgoing => Walk::Out(node % 2),
            Direction::Incoming => Walk::In(node % 2),
        };
        Neighbors::new(self.component, node / 2, direction, self.kinds, walk)
    }
}

#[derive(Clone, Copy, Debug)]
enum Walk {
    Plain,
    /// From this layer on.
    Out(u32),
    /// Back from this layer.
    In(u32),
}

/// The nodes that edges lead to.
#[derive(Clone, Debug)]
struct Neighbors<'c> {
    targets: super::graph::Targets<'c>,
    kinds: Kinds,
    walk: Walk,
    /// Another node that the last edge leads to.
    held: Option<u32>,
}

impl<'c> Neighbors<'c> {
    fn new(component: &'c Component, node: u32, direction: Direction, kinds: Kinds, walk: Walk) -> Self {
        let edges = match direction {
            Direction::Outgoing => &component.forward,
            Direction::Incoming => &component.back,
        };
        Self {
            targets: edges.from(node),
            kinds,
            walk,
            held: None,
        }
    }
}

impl Iterator for Neighbors<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        loop {
            let (node, kind) = self.targets.next()?;
            let is_dependency = self.kinds.has(kind);
            match self.walk {
                Walk::Plain if is_dependency => return Some(node),
                Walk::Plain => {}
                Walk::Out(layer) | Walk::In(layer) if kind == Kind::On => return Some(2 * node + layer),
                Walk::Out(_) if is_dependency => return Some(2 * node),
                Walk::Out(0) if kind == Kind::Rw => return Some(2 * node + 1),
                Walk::In(0) if is_dependency => {
                    self.held = Some(2 * node + 1);
                    return Some(2 * node);
                }
                Walk::In(1) if kind == Kind::Rw => return Some(2 * node),
                Walk::Out(_) | Walk::In(_) => {}
            }
        }
    }
}
