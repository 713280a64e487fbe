//! Something about each of many nodes, in order of identity.
//!
//! A sorted list and not a tree: nodes come seldom, and in every round much of what is known of all is walked over. The
//! identities lie together, so that finding one among thousands touches little memory.

use crate::NodeId;

/// A value for each of some nodes.
#[derive(Debug)]
pub(super) struct Roster<T> {
    nodes: Vec<NodeId>,
    values: Vec<T>,
}

impl<T> Roster<T> {
    pub(super) fn new() -> Roster<T> {
        Roster {
            nodes: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where the node is in the order, or where it would be.
    pub(super) fn place(&self, node: NodeId) -> Result<usize, usize> {
        self.nodes.binary_search(&node)
    }

    pub(super) fn get(&self, node: NodeId) -> Option<&T> {
        Some(&self.values[self.place(node).ok()?])
    }

    pub(super) fn get_mut(&mut self, node: NodeId) -> Option<&mut T> {
        let at = self.place(node).ok()?;
        Some(&mut self.values[at])
    }

    /// The value at a place.
    pub(super) fn at(&self, place: usize) -> &T {
        &self.values[place]
    }

    /// The value at a place, to be changed.
    pub(super) fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self.values[place]
    }

    /// Puts a node that is not there where [`Roster::place`] says.
    pub(super) fn insert_at(&mut self, place: usize, node: NodeId, value: T) {
        self.nodes.insert(place, node);
        self.values.insert(place, value);
        let around = &self.nodes[place.saturating_sub(1)..(place + 2).min(self.nodes.len())];
        assert!(around.is_sorted_by(|one, next| one < next), "each node once, in order");
    }

    pub(super) fn remove(&mut self, node: NodeId) {
        if let Ok(at) = self.place(node) {
            self.nodes.remove(at);
            self.values.remove(at);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &T)> {
        self.nodes.iter().copied().zip(&self.values)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (NodeId, &mut T)> {
        self.nodes.iter().copied().zip(&mut self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_in_order_whatever_the_order_in_which_they_came() {
        let mut roster = Roster::new();
        for id in [5, 1, 9, 3, 7] {
            let place = roster.place(NodeId(id)).expect_err("it is not there yet");
            roster.insert_at(place, NodeId(id), id * 10);
        }
        roster.remove(NodeId(3));
        roster.remove(NodeId(4));
        *roster.get_mut(NodeId(9)).unwrap() += 1;
        let all: Vec<_> = roster.iter().map(|(node, value)| (node.0, *value)).collect();
        assert_eq!(all, [(1, 10), (5, 50), (7, 70), (9, 91)]);
        assert_eq!((roster.get(NodeId(7)), roster.get(NodeId(3))), (Some(&70), None));
        assert_eq!((roster.place(NodeId(7)), roster.len()), (Ok(2), 4));
    }
}
