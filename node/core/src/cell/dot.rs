//! Names for updates, and what a copy or a client has seen of them.
//!
//! An update to a key is applied by one owner, its *origin*, to that owner's own copy, and named by a dot: who, and its
//! how-manieth. The whole resulting cell then goes to the other owners. So an actor's dots have no gaps in its own
//! copy, nor in any copy that descends from it, and one number for each actor says exactly which of them were seen: a
//! version vector. Dots name single updates and contexts name the past of one (Preguiça, Baquero, Almeida, Fonte,
//! Gonçalves, *Efficient Causality Tracking in Distributed Storage Systems with Dotted Version Vectors*, PODC 2012).
//!
//! Contexts that come back from clients are trusted, as in Riak: one that claims dots of the future hides what will be
//! written under them. They are for the key that they were read from, and for no other.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Generation, NodeId, capped};

/// Actors in one context, at most. An owner adds one each time that it starts a key afresh, so this is hundreds of
/// losses for each owner, and 28 KiB in all.
pub const ACTORS_MAX: usize = 1024;

/// Actors in a context that a client may send at all: those of eight replicas, merged by a read. Beyond
/// [`ACTORS_MAX`] it is told that this can't be; beyond this, it is not listened to.
const DECODED_ACTORS_MAX: usize = 8 * ACTORS_MAX;

/// The highest number that a valid dot has. No actor gives as many, and there is room above it for one more.
pub const DOT_NUMBER_MAX: u64 = 1 << 62;

/// Who gives dots to a key: an owner, in one of its lives as an actor of that key.
///
/// A node that finds no copy of a key starts a new birth for it: it can't know whether it never had one or has lost
/// it, and if it lost one, then counting from the start again would give dots that its lost self gave to other values.
/// Others would take the new value for one that they had seen and seen replaced, and drop it (kv679 in Riak; X4 to X6
/// in CLAIMS.md). A birth has to be above all earlier ones of its node and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The owner.
    pub node: NodeId,
    /// The owner's generation at the birth.
    pub generation: Generation,
    /// Which birth of that generation.
    pub birth: u64,
}

impl fmt::Display for Actor {
    /// Fixed width, so that the order of the texts is the order of the actors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}-{:016x}", self.node, self.generation.0, self.birth)
    }
}

/// One update: the `n`th of `actor` to a key, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who gave it.
    pub actor: Actor,
    /// Which of the actor's updates to the key.
    pub n: u64,
}

impl fmt::Display for Dot {
    /// Fixed width, so that the order of the texts is the order of the dots.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.actor, self.n)
    }
}

/// What has been seen of a key: all of each actor's dots up to a number. A version vector.
///
/// Clients are given one with a read and hand it back with a write, which then replaces what they had seen and no
/// more. It is opaque to them but for one thing: contexts of the same key may be merged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Context(BTreeMap<Actor, u64>);

impl Context {
    /// The context of someone who has seen nothing.
    pub fn new() -> Context {
        Context::default()
    }

    /// As `Deserialize`, but for contexts that come from clients: their actors are counted as they come in.
    pub(crate) fn deserialize_capped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Context, D::Error> {
        capped::map::<DECODED_ACTORS_MAX, _, _, _>(deserializer).map(Context)
    }

    /// Takes in a dot, and with it all that its actor gave before.
    ///
    /// Right only for one who has seen all those: the actor itself, or a copy that descends from the actor's. A client
    /// that adds the dot of its own write to the context of an earlier read claims to have seen what others wrote
    /// between, and hides it.
    pub fn add(&mut self, dot: Dot) {
        let seen = self.0.entry(dot.actor).or_default();
        *seen = dot.n.max(*seen);
    }

    /// Takes in all that `other` has seen.
    pub fn merge(&mut self, other: &Context) {
        for (actor, n) in other.iter() {
            self.add(Dot { actor, n });
        }
    }

    /// How many of the actor's dots have been seen.
    pub fn count(&self, actor: Actor) -> u64 {
        self.0.get(&actor).copied().unwrap_or(0)
    }

    /// Whether the dot has been seen.
    pub fn covers(&self, dot: &Dot) -> bool {
        dot.n <= self.count(dot.actor)
    }

    /// Whether all that `other` has seen has been seen here. True of equal contexts.
    pub fn dominates(&self, other: &Context) -> bool {
        other.iter().all(|(actor, n)| n <= self.count(actor))
    }

    /// The dot that `actor` gives next, above all of its that have been seen here. Takes note of nothing.
    pub fn next(&self, actor: Actor) -> Dot {
        let n = self.count(actor).saturating_add(1);
        Dot { actor, n }
    }

    /// What has been seen here and not by `other`: for each actor of whom that is so, the number reached here.
    pub(super) fn beyond(&self, other: &Context) -> Context {
        let news = self.iter().filter(|(actor, n)| *n > other.count(*actor));
        Context(news.collect())
    }

    /// Forgets all but the `max` actors of the newest births, by generation, birth and node.
    ///
    /// Here only to show what it breaks. *Dynamo* (section 4.4) drops the oldest pair of a clock beyond ten, and says
    /// that descent is then derived wrongly: a value that was replaced is taken for a sibling of what replaced it, and
    /// one that was deleted comes back (S20 in CLAIMS.md).
    pub fn truncated(&self, max: usize) -> Context {
        let mut entries: Vec<(Actor, u64)> = self.iter().collect();
        entries.sort_by_key(|(actor, _)| Reverse((actor.generation, actor.birth, actor.node)));
        entries.truncate(max);
        Context(entries.into_iter().collect())
    }

    /// Each actor, in order, and how many of its dots have been seen.
    pub fn iter(&self) -> impl Iterator<Item = (Actor, u64)> + '_ {
        self.0.iter().map(|(actor, n)| (*actor, *n))
    }

    /// How many actors it speaks of.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing has been seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is within its limits, and says of no actor that none of its dots were seen: that goes without saying,
    /// and equal contexts would differ.
    pub fn is_valid(&self) -> bool {
        self.len() <= ACTORS_MAX && self.0.values().all(|n| (1..=DOT_NUMBER_MAX).contains(n))
    }
}

impl FromIterator<Dot> for Context {
    /// The context of one who has seen these dots and all that their actors gave before.
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Context {
        let mut context = Context::new();
        dots.into_iter().for_each(|dot| context.add(dot));
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(node: u64, generation: u32, birth: u64) -> Actor {
        Actor {
            node: NodeId(node),
            generation: Generation(generation),
            birth,
        }
    }

    fn context(entries: &[(Actor, u64)]) -> Context {
        entries.iter().map(|(actor, n)| Dot { actor: *actor, n: *n }).collect()
    }

    #[test]
    fn texts_of_dots_sort_as_the_dots_do() {
        let rising = [
            Dot {
                actor: actor(0, 0, 0),
                n: 1,
            },
            Dot {
                actor: actor(0, 0, 0),
                n: 16,
            },
            Dot {
                actor: actor(0, 0, 2),
                n: 1,
            },
            Dot {
                actor: actor(0, 0, 16),
                n: 1,
            },
            Dot {
                actor: actor(0, 10, 0),
                n: 1,
            },
            Dot {
                actor: actor(255, 0, 0),
                n: 1,
            },
        ];
        assert!(rising.is_sorted());
        assert!(rising.map(|dot| dot.to_string()).is_sorted());
        assert_eq!(actor(1, 2, 3).to_string(), "0000000000000001-00000002-0000000000000003");
    }

    #[test]
    fn the_next_dot_is_the_first_that_is_not_covered() {
        let a = actor(1, 1, 1);
        let mut seen = Context::new();
        assert!(seen.is_empty());
        for n in 1..=3 {
            let dot = seen.next(a);
            assert_eq!(dot, Dot { actor: a, n });
            assert!(!seen.covers(&dot));
            seen.add(dot);
            assert!(seen.covers(&dot));
        }
        assert_eq!(seen.len(), 1);
        assert_eq!(seen.next(actor(1, 1, 2)).n, 1, "a new birth counts from the start");
    }

    #[test]
    fn a_merge_dominates_both_and_concurrent_contexts_dominate_neither() {
        let (a, b) = (actor(1, 1, 1), actor(2, 1, 1));
        let (left, right) = (context(&[(a, 2), (b, 1)]), context(&[(a, 1), (b, 3)]));
        assert!(!left.dominates(&right) && !right.dominates(&left));
        let mut both = left.clone();
        both.merge(&right);
        assert_eq!(both, context(&[(a, 2), (b, 3)]));
        assert!(both.dominates(&left) && both.dominates(&right) && both.dominates(&both));
        assert_eq!(both.beyond(&left), context(&[(b, 3)]));
    }

    #[test]
    fn truncation_keeps_the_newest_births() {
        let (old, middle, new) = (actor(9, 1, 5), actor(1, 2, 1), actor(2, 2, 1));
        let full = context(&[(old, 7), (middle, 1), (new, 2)]);
        assert_eq!(full.truncated(2), context(&[(middle, 1), (new, 2)]));
        assert_eq!(full.truncated(1), context(&[(new, 2)]));
        assert_eq!(full.truncated(10), full);
        assert!(full.truncated(0).is_empty());
    }

    #[test]
    fn limits_are_inclusive() {
        let many = |count: u64| {
            (0..count).map(|birth| Dot {
                actor: actor(1, 1, birth),
                n: 1,
            })
        };
        let max = u64::try_from(ACTORS_MAX).unwrap();
        assert!(many(max).collect::<Context>().is_valid());
        assert!(!many(max + 1).collect::<Context>().is_valid());
        assert!(context(&[(actor(1, 1, 1), DOT_NUMBER_MAX)]).is_valid());
        assert!(!context(&[(actor(1, 1, 1), DOT_NUMBER_MAX + 1)]).is_valid());
        assert!(!context(&[(actor(1, 1, 1), 0)]).is_valid());
        assert_eq!(context(&[(actor(1, 1, 1), u64::MAX)]).next(actor(1, 1, 1)).n, u64::MAX);
    }
}
