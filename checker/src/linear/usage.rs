//! Which of the calls that need never happen have been made use of.
//!
//! Equal ones are interchangeable, so that only their number counts, class by class; and of two configurations alike in all
//! else the one that has used no more of any class has every future of the other.

use rustc_hash::FxHashMap;

/// A usage's number.
pub(super) type UsageId = u32;

/// A class of equal ops.
pub(super) type ClassId = u32;

/// So many ops of each class.
type Counts = Box<[(ClassId, u32)]>;

/// All usages that a search has met.
pub(super) struct Usages {
    usages: Vec<Counts>,
    ids: FxHashMap<Counts, UsageId>,
    own_bytes: usize,
}

impl Usages {
    /// Nothing used.
    pub(super) const NONE: UsageId = 0;

    pub(super) fn new() -> Self {
        Self {
            usages: vec![Box::default()],
            ids: FxHashMap::from_iter([(Box::default(), Self::NONE)]),
            own_bytes: 0,
        }
    }

    /// Returns how many ops of `class` are used in `usage`.
    pub(super) fn count(&self, usage: UsageId, class: ClassId) -> u32 {
        let counts = &self.usages[usage as usize];
        counts
            .binary_search_by_key(&class, |it| it.0)
            .map_or(0, |place| counts[place].1)
    }

    /// Returns `usage` with one more of `class`.
    pub(super) fn with(&mut self, usage: UsageId, class: ClassId) -> UsageId {
        let mut counts = self.usages[usage as usize].to_vec();
        match counts.binary_search_by_key(&class, |it| it.0) {
            Ok(place) => counts[place].1 += 1,
            Err(place) => counts.insert(place, (class, 1)),
        }
        self.intern(counts.into())
    }

    /// Returns `usage` without the classes that are not `live`.
    pub(super) fn only(&mut self, usage: UsageId, live: impl Fn(ClassId) -> bool) -> UsageId {
        let counts = &self.usages[usage as usize];
        if counts.iter().all(|(class, _)| live(*class)) {
            return usage;
        }
        let kept = counts.iter().copied().filter(|(class, _)| live(*class)).collect();
        self.intern(kept)
    }

    /// Returns whether `a` uses no more than `b` of any class.
    pub(super) fn is_within(&self, a: UsageId, b: UsageId) -> bool {
        if a == b || a == Self::NONE {
            return true;
        }
        let mut more = self.usages[b as usize].iter();
        let counts = &self.usages[a as usize];
        let mut covered = |(class, count): &(ClassId, u32)| {
            more.find(|it| it.0 >= *class)
                .is_some_and(|it| it.0 == *class && it.1 >= *count)
        };
        counts.iter().all(&mut covered)
    }

    /// Returns how many bytes all this takes.
    pub(super) fn bytes(&self) -> usize {
        self.own_bytes + self.ids.capacity() * (size_of::<(Counts, UsageId)>() + 2) + self.usages.capacity() * 16
    }

    fn intern(&mut self, counts: Counts) -> UsageId {
        if let Some(id) = self.ids.get(&counts) {
            return *id;
        }
        let id = self.usages.len() as UsageId;
        self.own_bytes += 2 * (size_of_val(&*counts) + size_of::<usize>());
        self.ids.insert(counts.clone(), id);
        self.usages.push(counts);
        id
    }
}
