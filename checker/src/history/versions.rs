//! Versions, packed: the texts of many in one, the numbers in a row.

use std::{cmp::Ordering, mem};

use super::{
    borrowed::VersionRef,
    order::{Order, OrderLost, hash},
};

/// Which versions have an order: those of one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VersionForm {
    Number,
    Text,
}

impl From<VersionRef<'_>> for VersionForm {
    fn from(version: VersionRef<'_>) -> Self {
        match version {
            VersionRef::Integer(_) => Self::Number,
            VersionRef::Text(_) => Self::Text,
        }
    }
}

/// Versions in a row, all of the form of the first.
#[derive(Debug)]
pub(super) enum Versions {
    Numbers(Vec<u64>),
    Texts {
        all: String,
        /// Where each ends.
        ends: Vec<usize>,
    },
}

impl Default for Versions {
    fn default() -> Self {
        Self::Numbers(Vec::new())
    }
}

impl Versions {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts { ends, .. } => ends.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> VersionRef<'_> {
        match self {
            Self::Numbers(numbers) => VersionRef::Integer(numbers[index]),
            Self::Texts { all, ends } => {
                let start = index.checked_sub(1).map_or(0, |before| ends[before]);
                VersionRef::Text(&all[start..ends[index]])
            }
        }
    }

    /// Appends all of `others`.
    ///
    /// # Panics
    /// If they are of another form than those that are there.
    pub(super) fn append(&mut self, others: Self) {
        if self.len() == 0 {
            *self = others;
            return;
        }
        match (self, others) {
            (_, others) if others.len() == 0 => {}
            (Self::Numbers(numbers), Self::Numbers(others)) => numbers.extend(others),
            (
                Self::Texts { all, ends },
                Self::Texts {
                    all: text,
                    ends: others,
                },
            ) => {
                ends.extend(others.iter().map(|end| all.len() + end));
                all.push_str(&text);
            }
            _ => panic!("the builder refuses versions of two forms"),
        }
    }

    /// Appends `version`.
    ///
    /// # Panics
    /// If it is of another form than those that are there.
    pub(super) fn push(&mut self, version: VersionRef<'_>) {
        if let (VersionRef::Text(_), 0) = (version, self.len()) {
            *self = Self::Texts {
                all: String::new(),
                ends: Vec::new(),
            };
        }
        match (self, version) {
            (Self::Numbers(numbers), VersionRef::Integer(number)) => numbers.push(number),
            (Self::Texts { all, ends }, VersionRef::Text(text)) => {
                all.push_str(text);
                ends.push(all.len());
            }
            _ => panic!("the builder refuses versions of two forms"),
        }
    }
}

/// The distinct versions of one key, numbered as they were met.
#[derive(Debug)]
pub(super) struct MetVersions {
    items: Versions,
    order: Order,
}

impl MetVersions {
    pub(super) fn new() -> Self {
        Self {
            items: Versions::default(),
            order: Order::AsMet,
        }
    }

    /// Returns the index of `version`, which is new if it was never met.
    pub(super) fn intern(&mut self, version: VersionRef<'_>) -> usize {
        let Self { items, order } = self;
        let count = items.len();
        let compare = |index: usize| items.get(index).cmp(&version);
        let found = order.find_or_add(count, compare).unwrap_or_else(|OrderLost| {
            let is = |index: usize| compare(index) == Ordering::Equal;
            order.find_or_add_hashed(count, hash(version), is, |index| hash(items.get(index)))
        });
        found.unwrap_or_else(|| {
            items.push(version);
            count
        })
    }

    /// Reads the last version: see [`Draft::fetch`](super::of_key::Draft::fetch).
    #[inline]
    pub(super) fn fetch(&self) -> usize {
        let last = match &self.items {
            Versions::Numbers(numbers) => numbers.last().map_or(0, |last| *last as usize),
            Versions::Texts { all, ends } => {
                let last = all.as_bytes().last().map_or(0, |last| usize::from(*last));
                last ^ ends.last().copied().unwrap_or_default()
            }
        };
        last ^ self.order.fetch()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Appends the versions to `sorted` in their own order, and returns by index which of them each is there; nothing if
    /// they were met in that order.
    pub(super) fn sort_into(&mut self, sorted: &mut Versions) -> Option<Vec<u32>> {
        let Self { items, order } = mem::replace(self, Self::new());
        let compare = |a: usize, b: usize| items.get(a).cmp(&items.get(b));
        let Some(order) = order.into_sorted(items.len(), compare) else {
            (0..items.len()).for_each(|index| sorted.push(items.get(index)));
            return None;
        };
        let mut ranks = vec![0; order.len()];
        for (rank, index) in (0..).zip(order) {
            ranks[index as usize] = rank;
            sorted.push(items.get(index as usize));
        }
        Some(ranks)
    }
}
