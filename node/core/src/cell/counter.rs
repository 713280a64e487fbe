//! A counter that goes up and down at any owner and loses no update.
//!
//! Each actor keeps its own tally and alone changes it; the value is the sum of all (the PN-counter of Shapiro,
//! Preguiça, Baquero, Zawirski, *A Comprehensive Study of Convergent and Commutative Replicated Data Types*, 2011,
//! section 3.1.3). An actor that lost its tally and went on under the same name would count from zero beneath what
//! others still hold, and they would ignore it: hence births, see [`Actor`].

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Deserialize, Serialize};

use super::{
    canonical::{Canonical, Sink},
    dot::{ACTORS_MAX, DOT_NUMBER_MAX},
};
use crate::{Actor, Dot};

/// Why a counter can't be changed by so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CounterError {
    /// The actor's sum of additions or of subtractions, or the number of its updates, would pass its limit. The
    /// counter is as it was. A new birth of the actor has room again.
    #[error("the tally of {0} is full")]
    TallyFull(Actor),
}

/// What one actor has contributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// How many updates it has applied.
    pub n: u64,
    /// The sum of what they added.
    pub added: u64,
    /// The sum of what they subtracted.
    pub subtracted: u64,
}

impl Tally {
    fn plus(self, delta: i64) -> Option<Tally> {
        let size = delta.unsigned_abs();
        let (added, subtracted) = if delta < 0 { (0, size) } else { (size, 0) };
        let tally = Tally {
            n: self.n.checked_add(1)?,
            added: self.added.checked_add(added)?,
            subtracted: self.subtracted.checked_add(subtracted)?,
        };
        (tally.n <= DOT_NUMBER_MAX).then_some(tally)
    }

    /// The one with more updates. Of as many, which no honest actor tells differently, the greater of each sum.
    fn joined(self, other: Tally) -> Tally {
        if self.n != other.n {
            return if self.n > other.n { self } else { other };
        }
        Tally {
            n: self.n,
            added: self.added.max(other.added),
            subtracted: self.subtracted.max(other.subtracted),
        }
    }
}

/// A sum of what actors have contributed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counter {
    tallies: BTreeMap<Actor, Tally>,
}

impl Counter {
    /// The cell of a counter that was never changed: zero.
    pub fn new() -> Counter {
        Counter::default()
    }

    /// Changes the counter by `delta` at its origin. `actor` must be the origin's own.
    ///
    /// # Errors
    /// [`CounterError::TallyFull`] if the actor's tally can't hold it; nothing has changed then.
    pub fn add(&mut self, actor: Actor, delta: i64) -> Result<Dot, CounterError> {
        let tally = self.tallies.get(&actor).copied().unwrap_or_default();
        let tally = tally.plus(delta).ok_or(CounterError::TallyFull(actor))?;
        self.tallies.insert(actor, tally);
        Ok(Dot { actor, n: tally.n })
    }

    /// Takes in what another copy holds; true if anything changed.
    pub fn merge(&mut self, other: &Counter) -> bool {
        let mut changed = false;
        for (actor, theirs) in &other.tallies {
            changed |= self.merge_tally(*actor, *theirs);
        }
        changed
    }

    /// As [`Counter::merge`], but what a later share says is added to what is known: [`crate::Plant::CounterMergeAdds`].
    pub(crate) fn merge_adding(&mut self, other: &Counter) -> bool {
        let mut changed = false;
        for (actor, theirs) in &other.tallies {
            let known = self.tallies.get(actor).copied().unwrap_or_default();
            if theirs.n > known.n {
                let tally = Tally {
                    n: theirs.n,
                    added: theirs.added.saturating_add(known.added),
                    subtracted: theirs.subtracted.saturating_add(known.subtracted),
                };
                self.tallies.insert(*actor, tally);
                changed = true;
            }
        }
        changed
    }

    fn merge_tally(&mut self, actor: Actor, theirs: Tally) -> bool {
        match self.tallies.entry(actor) {
            Entry::Vacant(entry) => {
                entry.insert(theirs);
                true
            }
            Entry::Occupied(mut entry) => {
                let joined = entry.get().joined(theirs);
                joined != entry.insert(joined)
            }
        }
    }

    /// Whether merging `other` would change nothing.
    pub fn covers(&self, other: &Counter) -> bool {
        let covers = |(actor, theirs): (&Actor, &Tally)| {
            let ours = self.tallies.get(actor);
            ours.is_some_and(|ours| ours.joined(*theirs) == *ours)
        };
        other.tallies.iter().all(covers)
    }

    /// What it stands at.
    pub fn value(&self) -> i128 {
        let net = |tally: &Tally| i128::from(tally.added) - i128::from(tally.subtracted);
        self.tallies.values().map(net).sum()
    }

    /// What each actor has contributed, in the order of the actors.
    pub fn tallies(&self) -> impl ExactSizeIterator<Item = (&Actor, &Tally)> {
        self.tallies.iter()
    }

    /// Whether every tally has updates, and numbers are within their limits.
    pub fn is_valid(&self) -> bool {
        let is_valid = |tally: &Tally| (1..=DOT_NUMBER_MAX).contains(&tally.n);
        self.tallies.len() <= ACTORS_MAX && self.tallies.values().all(is_valid)
    }
}

impl Canonical for Tally {
    fn write(&self, sink: &mut impl Sink) {
        self.n.write(sink);
        self.added.write(sink);
        self.subtracted.write(sink);
    }
}

impl Canonical for Counter {
    fn write(&self, sink: &mut impl Sink) {
        self.tallies.write(sink);
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_pcg::Pcg64Mcg;

    use super::{
        super::tests::{actor, any_context},
        *,
    };

    impl Counter {
        /// Any that is valid, reachable by honest updates or not, from so few that equal ones are common.
        pub(in super::super) fn any(rng: &mut Pcg64Mcg) -> Counter {
            let counts = any_context(rng);
            let mut any_tally = |n| Tally {
                n,
                added: rng.random_range(0..3),
                subtracted: rng.random_range(0..2),
            };
            let tallies = counts.iter().map(|(actor, n)| (actor, any_tally(n))).collect();
            Counter { tallies }
        }

        fn of(actor: Actor, n: u64, added: u64, subtracted: u64) -> Counter {
            let tally = Tally { n, added, subtracted };
            Counter {
                tallies: BTreeMap::from([(actor, tally)]),
            }
        }
    }

    #[test]
    fn a_tally_that_is_full_is_left_as_it_was() {
        let a = actor(1);
        let full = Err(CounterError::TallyFull(a));
        let cases = [
            (Counter::of(a, 1, u64::MAX - 1, 0), 2, full),
            (Counter::of(a, 1, u64::MAX - 1, 0), 1, Ok(Dot { actor: a, n: 2 })),
            (Counter::of(a, 1, 0, u64::MAX), -1, full),
            (Counter::of(a, 1, 0, 1 << 63), i64::MIN, full),
            (
                Counter::of(a, 1, 0, (1 << 63) - 1),
                i64::MIN,
                Ok(Dot { actor: a, n: 2 }),
            ),
            (Counter::of(a, DOT_NUMBER_MAX, 0, 0), 0, full),
        ];
        for (before, delta, expected) in cases {
            let mut counter = before.clone();
            assert_eq!(counter.add(a, delta), expected, "{before:?} {delta}");
            let change = if expected.is_ok() { i128::from(delta) } else { 0 };
            assert_eq!(counter.value(), before.value() + change);
            assert!(counter.is_valid());
        }
    }

    #[test]
    fn sums_of_full_tallies_do_not_overflow() {
        let mut counter = Counter::of(actor(1), 1, u64::MAX, 0);
        counter.merge(&Counter::of(actor(2), 1, u64::MAX, 0));
        assert_eq!(counter.value(), 2 * i128::from(u64::MAX));
        assert_eq!(Counter::of(actor(1), 1, 0, u64::MAX).value(), -i128::from(u64::MAX));
    }

    #[test]
    fn numbers_have_limits() {
        assert!(Counter::of(actor(1), DOT_NUMBER_MAX, 0, 0).is_valid());
        assert!(!Counter::of(actor(1), DOT_NUMBER_MAX + 1, 0, 0).is_valid());
        assert!(!Counter::of(actor(1), 0, 1, 0).is_valid());
        let tally = Tally {
            n: 1,
            ..Tally::default()
        };
        let of_actors = |count: usize| Counter {
            tallies: (1..).map(|node| (actor(node), tally)).take(count).collect(),
        };
        assert!(of_actors(ACTORS_MAX).is_valid());
        assert!(!of_actors(ACTORS_MAX + 1).is_valid());
    }
}
