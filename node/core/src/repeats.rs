//! Updates that come a second time on one link: they are applied once, and answered once.
//!
//! A cell that comes twice merges to the same; an update does not: an increment counts twice, and what is added again
//! after it was removed is there again. QUIC delivers each byte once, but what frames messages above it may not, and a
//! node must not count on its peers' being without fault. Ids are each asker's own, and rise with its requests. What was
//! sent on a link that is gone does not come any more, so nothing has to be remembered beyond it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{NodeId, RequestId};

/// Updates remembered of each peer. A link that keeps order needs one; this is room for all that a peer sends in seconds.
const REMEMBERED_MAX: usize = 16_384;

/// The updates that have come on the links that are up.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    seen: BTreeMap<NodeId, BTreeSet<RequestId>>,
}

impl Repeats {
    /// Notes an update, and returns whether it is surely there for the first time. One that is older than all that is
    /// remembered may not be: dropped unanswered, its outcome is unknown to who asked.
    pub(crate) fn is_first(&mut self, peer: NodeId, id: RequestId) -> bool {
        let seen = self.seen.entry(peer).or_default();
        if seen.len() < REMEMBERED_MAX {
            return seen.insert(id);
        }
        let is_first = seen.first().is_some_and(|oldest| *oldest < id) && seen.insert(id);
        if is_first {
            seen.pop_first();
        }
        is_first
    }

    /// The link with a peer is gone, and with it all that was under way on it.
    pub(crate) fn forget(&mut self, peer: NodeId) {
        self.seen.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_first_once_on_each_link_in_whatever_order() {
        let (mut repeats, a, b) = (Repeats::default(), NodeId(1), NodeId(2));
        let mut is_first = |peer, id| repeats.is_first(peer, RequestId(id));
        assert_eq!(
            [7, 3, 7, 3, 9].map(|id| is_first(a, id)),
            [true, true, false, false, true]
        );
        assert!(is_first(b, 7));
        repeats.forget(a);
        assert!(repeats.is_first(a, RequestId(7)) && !repeats.is_first(b, RequestId(7)));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_counts_as_a_repeat() {
        let (mut repeats, peer) = (Repeats::default(), NodeId(1));
        let ids = 10..10 + REMEMBERED_MAX as u64;
        assert!(ids.into_iter().all(|id| repeats.is_first(peer, RequestId(id))));
        assert!(!repeats.is_first(peer, RequestId(5)));
        assert!(repeats.is_first(peer, RequestId(1 << 40)));
        assert!(
            !repeats.is_first(peer, RequestId(10)),
            "it was forgotten for the newest"
        );
        assert_eq!(repeats.seen[&peer].len(), REMEMBERED_MAX);
    }
}
