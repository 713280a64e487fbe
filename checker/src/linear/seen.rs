//! Configurations that need not be looked at again: those met before, and those that one met before is at least as good as.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::{
    space::Config,
    usage::{UsageId, Usages},
};

/// How many usages of otherwise equal configurations are compared; what is beyond is only found again if it is the same.
/// Comparing all would make a step take longer and longer, and few are ever comparable.
const COMPARED_COUNT_MAX: usize = 32;

/// A set of configurations.
pub(super) struct Seen<const W: usize> {
    /// Each configuration, here without its usage, and the usage with which it was met last.
    met: FxHashMap<Config<W>, Met>,
    /// Those with which it was met before.
    more: Vec<Met>,
}

/// One meeting.
#[derive(Clone, Copy)]
struct Met {
    usage: UsageId,
    /// The place of the one before, plus one.
    before: u32,
}

impl<const W: usize> Seen<W> {
    pub(super) fn new() -> Self {
        Self {
            met: FxHashMap::default(),
            more: Vec::new(),
        }
    }

    /// Returns whether one more will make the table grow.
    pub(super) fn is_full(&self) -> bool {
        self.met.len() == self.met.capacity()
    }

    pub(super) fn clear(&mut self) {
        self.met.clear();
        self.more.clear();
    }

    /// Adds `config`, and returns whether there is a point in going on from it.
    pub(super) fn insert(&mut self, config: &Config<W>, usages: &Usages) -> bool {
        let usage = config.usage;
        let key = Config {
            usage: Usages::NONE,
            ..*config
        };
        let last = match self.met.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Met { usage, before: 0 });
                return true;
            }
            Entry::Occupied(place) => place.into_mut(),
        };
        let (mut known, mut compared) = (*last, 0);
        loop {
            let is_near = compared < COMPARED_COUNT_MAX;
            if known.usage == usage || is_near && usages.is_within(known.usage, usage) {
                return false;
            }
            compared += 1;
            let Some(place) = known.before.checked_sub(1) else {
                break;
            };
            known = self.more[place as usize];
        }
        self.more.push(*last);
        *last = Met {
            usage,
            before: self.more.len() as u32,
        };
        true
    }

    /// Returns how many bytes this takes, or will with one more.
    pub(super) fn bytes(&self) -> usize {
        // A full table is copied into one of twice its size, and for that time both are there.
        let places = self.met.capacity() * if self.is_full() { 3 } else { 1 };
        places * (size_of::<(Config<W>, Met)>() + 2) + self.more.capacity() * size_of::<Met>()
    }
}
