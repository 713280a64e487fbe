//! A set in which an addition wins over a removal that had not seen it.
//!
//! An element is there while one of the dots of its additions is (Bieniusa, Zawirski, Preguiça, Shapiro, Baquero,
//! Balegas, Duarte, *An Optimized Conflict-free Replicated Set*, 2012): a removal takes away the dots that its client
//! saw, and what keeps them from coming back is the context of the whole set, so no element leaves a tombstone.
//!
//! Deviation: in the paper a removal happens at a replica that has seen what it removes. Here it carries the context of
//! a client that may have read from others, and its origin may lag. Taking that context into the set's own, as siblings
//! do, would lose elements: the client saw them all and meant to remove one, but the origin would claim to have seen
//! the rest too, and drop them when they arrive. Removing only what is here would lose the removal. So what the client
//! had seen beyond this copy is kept with the element, in `awaited`, and cuts its dots down as they arrive; then it
//! goes. Riak's sets defer such removals too, by context instead of by element.
//!
//! ```text
//! A: e by A1, f by A2          B: nothing          client reads A≤2 from A, removes e at B
//! B: seen nothing, e awaits A≤2                    and when A's cell arrives: f by A2, seen A≤2
//! ```
//!
//! Merging is a join, since each pair of element and dot goes only from unknown to live to removed: a dot is unknown
//! beyond the context unless awaited, and one within it that the element lacks was removed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, Sink};
use crate::{Actor, Context, Dot, Value, WallTime};

/// Elements in a set, at most, and likewise removals that await what they remove.
pub const ELEMENTS_MAX: usize = 16 * 1024;

/// A set of values: additions win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddWinsSet {
    context: Context,
    /// Each element's dots: one, or several where it was added concurrently. All covered by `context`.
    elements: BTreeMap<Value, BTreeSet<Dot>>,
    /// For an element, dots that have been removed before they were seen here. All beyond `context`.
    awaited: BTreeMap<Value, Context>,
    /// The latest removal seen. It says something only while there is no element; see `Siblings`.
    deleted_at: Option<WallTime>,
}

impl AddWinsSet {
    /// The cell of a set that nothing was ever added to.
    pub fn new() -> AddWinsSet {
        AddWinsSet::default()
    }

    /// Adds `element` at its origin. `actor` must be the origin's own.
    ///
    /// The new dot takes the place of those that the element has here: whoever sees it has seen them.
    pub fn add(&mut self, actor: Actor, element: Value) -> Dot {
        let mut seen = self.context.clone();
        if let Some(awaited) = self.awaited.get(&element) {
            seen.merge(awaited);
        }
        let dot = seen.next(actor);
        self.context.add(dot);
        self.elements.insert(element, BTreeSet::from([dot]));
        self.trim();
        dot
    }

    /// Removes what the client had seen of `element`. An addition that it had not seen keeps the element.
    ///
    /// `deleted_at` is read from the wall clock of the node that does it.
    pub fn remove(&mut self, element: &Value, client_context: &Context, deleted_at: WallTime) {
        if let Some(dots) = self.elements.get_mut(element) {
            dots.retain(|dot| !client_context.covers(dot));
        }
        self.awaited.entry(element.clone()).or_default().merge(client_context);
        self.deleted_at = self.deleted_at.max(Some(deleted_at));
        self.trim();
    }

    /// Takes in what another copy has seen; true if anything changed.
    pub fn merge(&mut self, other: &AddWinsSet) -> bool {
        let joined = self.joined(other);
        let changed = joined != *self;
        *self = joined;
        changed
    }

    /// As [`AddWinsSet::merge`], but what either copy has removed and the other holds stays:
    /// [`crate::Plant::RemovedElementKept`].
    pub(crate) fn merge_keeping_elements(&mut self, other: &AddWinsSet) -> bool {
        let mut joined = self.joined(other);
        for (element, dots) in self.elements.iter().chain(&other.elements) {
            joined.elements.entry(element.clone()).or_default().extend(dots);
        }
        let changed = joined != *self;
        *self = joined;
        changed
    }

    /// Drops what nothing awaits any more, and elements without dots.
    fn trim(&mut self) {
        self.elements.retain(|_, dots| !dots.is_empty());
        self.awaited.retain(|_, awaited| {
            *awaited = awaited.beyond(&self.context);
            !awaited.is_empty()
        });
    }

    /// Whether merging `other` would change nothing.
    pub fn covers(&self, other: &AddWinsSet) -> bool {
        self.joined(other) == *self
    }

    /// What both copies together have seen. A dot stays if both have it, or one has it and the other never heard of it.
    fn joined(&self, other: &AddWinsSet) -> AddWinsSet {
        let mut joined = self.clone();
        joined.context.merge(&other.context);
        joined.elements = self.unknown_or_held_by(other);
        for (element, dots) in other.unknown_or_held_by(self) {
            joined.elements.entry(element).or_default().extend(dots);
        }
        for (element, awaited) in &other.awaited {
            joined.awaited.entry(element.clone()).or_default().merge(awaited);
        }
        joined.deleted_at = self.deleted_at.max(other.deleted_at);
        joined.trim();
        joined
    }

    fn unknown_or_held_by(&self, other: &AddWinsSet) -> BTreeMap<Value, BTreeSet<Dot>> {
        let staying = |(element, dots): (&Value, &BTreeSet<Dot>)| {
            let stays = |dot: &&Dot| other.holds(element, dot) || !other.has_removed(element, dot);
            (element.clone(), dots.iter().filter(stays).copied().collect())
        };
        self.elements.iter().map(staying).collect()
    }

    fn holds(&self, element: &Value, dot: &Dot) -> bool {
        self.elements.get(element).is_some_and(|dots| dots.contains(dot))
    }

    /// Of a dot that it does not hold.
    fn has_removed(&self, element: &Value, dot: &Dot) -> bool {
        self.context.covers(dot) || self.awaited.get(element).is_some_and(|awaited| awaited.covers(dot))
    }

    /// What has been seen of the set: what a client is given with a read.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The elements, in order.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.elements.keys()
    }

    /// Whether `element` is in the set.
    pub fn contains(&self, element: &Value) -> bool {
        self.elements.contains_key(element)
    }

    /// When the last removal was, while there is no element. Also `None` where nothing was ever removed.
    pub fn deleted_at(&self) -> Option<WallTime> {
        self.deleted_at.filter(|_| self.elements.is_empty())
    }

    /// Whether removals are kept that came before what they remove.
    pub fn awaits_anything(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Whether every element is one that a value can be and has dots that were seen, each of them for it alone, what is
    /// awaited was not seen, and the counts are within their limits.
    pub fn is_valid(&self) -> bool {
        self.context.is_valid()
            && self.elements.len() <= ELEMENTS_MAX
            && self.awaited.len() <= ELEMENTS_MAX
            && self.elements.keys().chain(self.awaited.keys()).all(Value::is_valid)
            && self.elements.values().all(|dots| !dots.is_empty())
            && self.has_valid_dots()
            && self.awaited.values().all(|awaited| self.is_awaitable(awaited))
    }

    fn has_valid_dots(&self) -> bool {
        let mut given = BTreeSet::new();
        let mut dots = self.elements.values().flatten();
        dots.all(|dot| dot.n > 0 && self.context.covers(dot) && given.insert(dot))
    }

    fn is_awaitable(&self, awaited: &Context) -> bool {
        awaited.is_valid() && !awaited.is_empty() && awaited.iter().all(|(actor, n)| n > self.context.count(actor))
    }
}

impl Canonical for AddWinsSet {
    fn write(&self, sink: &mut impl Sink) {
        self.context.write(sink);
        self.elements.write(sink);
        self.awaited.write(sink);
        self.deleted_at.write(sink);
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_pcg::Pcg64Mcg;

    use super::{
        super::{
            DOT_NUMBER_MAX,
            tests::{actor, any_context, any_dot_within, any_wall_time, context, value},
        },
        *,
    };

    impl AddWinsSet {
        /// Any that is valid, reachable by honest updates or not, from so few that equal ones are common.
        pub(in super::super) fn any(rng: &mut Pcg64Mcg) -> AddWinsSet {
            let context = any_context(rng);
            let count = rng.random_range(0..5);
            let dots: BTreeSet<Dot> = (0..count).filter_map(|_| any_dot_within(&context, rng)).collect();
            let mut elements: BTreeMap<Value, BTreeSet<Dot>> = BTreeMap::new();
            for dot in dots {
                elements.entry(value(rng.random_range(0..3))).or_default().insert(dot);
            }
            let awaited = (0..rng.random_range(0..3))
                .map(|name| (value(name), any_context(rng)))
                .collect();
            let deleted_at = any_wall_time(rng);
            let mut set = AddWinsSet {
                context,
                elements,
                awaited,
                deleted_at,
            };
            set.trim();
            set
        }
    }

    fn of_one() -> AddWinsSet {
        let mut set = AddWinsSet::new();
        set.add(actor(1), value(1));
        set
    }

    #[test]
    fn dots_are_seen_and_each_is_for_one_element() {
        let set = of_one();
        assert!(set.is_valid());
        assert!(
            !AddWinsSet {
                context: Context::new(),
                ..set.clone()
            }
            .is_valid()
        );
        let bare = BTreeMap::from([(value(1), BTreeSet::new())]);
        assert!(
            !AddWinsSet {
                elements: bare,
                ..set.clone()
            }
            .is_valid()
        );
        let mut shared = set.clone();
        shared.elements.insert(value(2), set.elements[&value(1)].clone());
        assert!(!shared.is_valid());
    }

    #[test]
    fn what_is_awaited_was_not_seen() {
        let awaiting = |awaited: Context| AddWinsSet {
            awaited: BTreeMap::from([(value(1), awaited)]),
            ..of_one()
        };
        assert!(awaiting(context(&[(actor(1), 2)])).is_valid());
        assert!(!awaiting(context(&[(actor(1), 1)])).is_valid());
        assert!(!awaiting(Context::new()).is_valid());
        assert!(!awaiting(context(&[(actor(1), u64::MAX)])).is_valid());
    }

    #[test]
    fn an_addition_is_above_removals_of_what_its_actor_seems_to_have_lost() {
        let mut set = AddWinsSet::new();
        set.remove(&value(1), &context(&[(actor(1), 7)]), WallTime::from_nanos(1));
        assert_eq!(set.add(actor(1), value(1)).n, 8);
        assert!(set.contains(&value(1)) && set.awaited.is_empty() && set.is_valid());
    }

    #[test]
    fn counts_have_limits() {
        let names = |count: usize| (0..count).map(|name| Value(name.to_string().into()));
        let of_elements = |count: usize| {
            let dots = (1..).map(|n| BTreeSet::from([Dot { actor: actor(1), n }]));
            AddWinsSet {
                context: context(&[(actor(1), DOT_NUMBER_MAX)]),
                elements: names(count).zip(dots).collect(),
                ..AddWinsSet::new()
            }
        };
        let of_awaited = |count: usize| AddWinsSet {
            awaited: names(count).map(|name| (name, context(&[(actor(1), 1)]))).collect(),
            ..AddWinsSet::new()
        };
        for (count, is_valid) in [(ELEMENTS_MAX, true), (ELEMENTS_MAX + 1, false)] {
            assert_eq!(of_elements(count).is_valid(), is_valid);
            assert_eq!(of_awaited(count).is_valid(), is_valid);
        }
    }
}
