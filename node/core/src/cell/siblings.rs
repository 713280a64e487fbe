//! A register that keeps concurrent values side by side until a client that has seen them writes again.
//!
//! Each value lies under the dot of its write; one context says which writes have been seen (Preguiça et al., PODC
//! 2012, with one context for all values as in Almeida, Baquero, Gonçalves, Preguiça, Fonte, *Scalable and Accurate
//! Causality Tracking for Eventually Consistent Stores*, DAIS 2014). A dot that the context covers and that has no
//! value was replaced or deleted. That is how a deletion is remembered: nothing but the context is left of it.
//!
//! ```text
//! client X reads nothing, writes x to A      A: {A1: x}          seen A≤1
//! client Y reads nothing, writes y to A      A: {A1: x, A2: y}   seen A≤2   siblings: Y had not seen A1
//! client X reads x and y, writes z to B      B: {B1: z}          seen A≤2 B≤1, though B never held x or y
//! ```
//!
//! In the last line B takes in the client's context, and when A's cell arrives drops x and y as replaced. That is right
//! however much B has missed: all values that a cell's context covers were either in that cell, so that the client saw
//! them, or already replaced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, Sink};
use crate::{Actor, Context, Dot, Value, WallTime};

/// Values side by side, at most: the default of `object.siblings.maximum` in Riak. More of them mean clients that write
/// without having read.
pub const SIBLINGS_MAX: usize = 100;

/// The values of a key that no later write has replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Siblings {
    context: Context,
    live: BTreeMap<Dot, Value>,
    /// The latest deletion seen. It says something only while nothing is live, and is kept all the same: what a merge
    /// keeps may only grow.
    deleted_at: Option<WallTime>,
}

impl Siblings {
    /// The cell of a key that was never written.
    pub fn new() -> Siblings {
        Siblings::default()
    }

    /// Writes `value` at its origin, in place of all that the client had seen. `actor` must be the origin's own.
    pub fn put(&mut self, actor: Actor, client_context: &Context, value: Value) -> Dot {
        self.replace(client_context);
        let dot = self.context.next(actor);
        self.context.add(dot);
        self.live.insert(dot, value);
        dot
    }

    /// Deletes all that the client had seen. What it had not seen stays.
    ///
    /// `deleted_at` is read from the wall clock of the node that does it.
    pub fn delete(&mut self, client_context: &Context, deleted_at: WallTime) {
        self.replace(client_context);
        self.deleted_at = self.deleted_at.max(Some(deleted_at));
    }

    fn replace(&mut self, client_context: &Context) {
        self.live.retain(|dot, _| !client_context.covers(dot));
        self.context.merge(client_context);
    }

    /// Takes in what another copy has seen; true if anything changed.
    pub fn merge(&mut self, other: &Siblings) -> bool {
        let joined = self.joined(other);
        let changed = joined != *self;
        *self = joined;
        changed
    }

    /// Cuts what has been seen down to the newest `actors_max` actors, and those that live values need.
    ///
    /// A store that does so after each write is what S20 in CLAIMS.md is about; see [`Context::truncated`].
    pub fn truncate_context(&mut self, actors_max: usize) {
        self.context = self.context.truncated(actors_max);
        self.context.merge(&self.live.keys().copied().collect());
    }

    /// Whether merging `other` would change nothing.
    pub fn covers(&self, other: &Siblings) -> bool {
        self.joined(other) == *self
    }

    /// What both copies together have seen. A value stays if both have it, or one has it and the other never saw it.
    fn joined(&self, other: &Siblings) -> Siblings {
        let mut context = self.context.clone();
        context.merge(&other.context);
        let mut live = self.unseen_or_held_by(other);
        for (dot, value) in other.unseen_or_held_by(self) {
            keep_greater(&mut live, dot, value);
        }
        let deleted_at = self.deleted_at.max(other.deleted_at);
        Siblings {
            context,
            live,
            deleted_at,
        }
    }

    fn unseen_or_held_by(&self, other: &Siblings) -> BTreeMap<Dot, Value> {
        let stays = |dot: &Dot| other.live.contains_key(dot) || !other.context.covers(dot);
        let staying = self.live.iter().filter(|(dot, _)| stays(dot));
        staying.map(|(dot, value)| (*dot, value.clone())).collect()
    }

    /// What has been seen of the key: what a client is given with a read.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The values, in the order of their dots. More than one are concurrent.
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&Dot, &Value)> {
        self.live.iter()
    }

    /// When the last value was deleted, while there is none. Also `None` where nothing was ever deleted.
    pub fn deleted_at(&self) -> Option<WallTime> {
        self.deleted_at.filter(|_| self.live.is_empty())
    }

    /// Whether every value is one that a value can be and has been seen, and the counts are within their limits.
    pub fn is_valid(&self) -> bool {
        let is_valid = |(dot, value): (&Dot, &Value)| dot.n > 0 && self.context.covers(dot) && value.is_valid();
        self.context.is_valid() && self.live.len() <= SIBLINGS_MAX && self.live.iter().all(is_valid)
    }
}

/// Two values under one dot mean that an actor gave it twice, which none may; whichever arrives first, one is kept.
fn keep_greater(live: &mut BTreeMap<Dot, Value>, dot: Dot, value: Value) {
    let kept = live.entry(dot).or_insert_with(|| value.clone());
    if *kept < value {
        *kept = value;
    }
}

impl Canonical for Siblings {
    fn write(&self, sink: &mut impl Sink) {
        self.context.write(sink);
        self.live.write(sink);
        self.deleted_at.write(sink);
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_pcg::Pcg64Mcg;

    use super::{
        super::tests::{actor, any_context, any_dot_within, any_wall_time, context, value},
        *,
    };

    impl Siblings {
        /// Any that is valid, reachable by honest updates or not, from so few that equal ones are common.
        pub(in super::super) fn any(rng: &mut Pcg64Mcg) -> Siblings {
            let context = any_context(rng);
            let count = rng.random_range(0..4);
            let dots = (0..count)
                .filter_map(|_| any_dot_within(&context, rng))
                .collect::<Vec<_>>();
            let live = dots
                .into_iter()
                .map(|dot| (dot, value(rng.random_range(0..2))))
                .collect();
            let deleted_at = any_wall_time(rng);
            Siblings {
                context,
                live,
                deleted_at,
            }
        }
    }

    #[test]
    fn a_value_that_was_not_seen_is_no_value() {
        let mut siblings = Siblings::new();
        let dot = siblings.put(actor(1), &Context::new(), value(1));
        assert!(siblings.is_valid());
        let unseen = Siblings {
            context: Context::new(),
            ..siblings.clone()
        };
        assert!(!unseen.is_valid());
        let uncounted = BTreeMap::from([(Dot { n: 0, ..dot }, value(1))]);
        assert!(
            !Siblings {
                live: uncounted,
                ..siblings
            }
            .is_valid()
        );
    }

    #[test]
    fn a_context_beyond_its_limits_makes_no_valid_cell() {
        for n in [0, u64::MAX] {
            let mut siblings = Siblings::new();
            siblings.put(actor(1), &context(&[(actor(1), n), (actor(2), n)]), value(1));
            assert!(!siblings.is_valid(), "{n}");
            assert!(!siblings.merge(&siblings.clone()));
        }
    }
}
