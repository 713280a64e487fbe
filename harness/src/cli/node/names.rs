//! What people call nodes, as one of them has heard.

use quorate_core::{MemberStatus, NodeId, Standing, Status};

/// What a node that is not known is called.
const UNKNOWN: &str = "?";

/// The members that a node knows of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a>(pub(super) &'a Status);

impl<'a> Names<'a> {
    pub(super) fn member(self, node: NodeId) -> Option<&'a MemberStatus> {
        self.0.members.iter().find(|member| member.node == node)
    }

    pub(super) fn name(self, node: NodeId) -> &'a str {
        let member = self.member(node);
        member.and_then(|member| member.name.as_deref()).unwrap_or(UNKNOWN)
    }

    /// Its name and its id.
    pub(super) fn full(self, node: NodeId) -> String {
        format!("{} ({node})", self.name(node))
    }

    pub(super) fn address(self, node: NodeId) -> String {
        let address = self.member(node).and_then(|member| member.address);
        address.map_or_else(|| UNKNOWN.to_owned(), |address| address.to_string())
    }

    /// What it is to the cluster.
    pub(super) fn standing(self, node: NodeId) -> &'static str {
        let member = self.member(node);
        member
            .and_then(|member| member.standing)
            .map_or(UNKNOWN, Standing::name)
    }

    /// Whether its signs of life arrive.
    pub(super) fn state(self, node: NodeId) -> &'static str {
        match self.member(node) {
            Some(member) if member.up => "up",
            Some(_) => "down",
            None => UNKNOWN,
        }
    }

    /// Whether the asked node has a link to it.
    pub(super) fn link(self, node: NodeId) -> &'static str {
        match self.member(node) {
            _ if node == self.0.node => "self",
            Some(member) if member.linked => "linked",
            _ => "no link",
        }
    }
}
