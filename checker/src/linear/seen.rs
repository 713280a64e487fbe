//! Configurations that need not be looked at again: those met before, and those that one met before is at least as good as.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::{
    space::{Config, Node, Spared},
    usage::{UsageId, Usages},
};

/// How many usages of otherwise equal configurations are compared; what is beyond is only found again if it is the same.
/// Comparing all would make a step take longer and longer, and few are ever comparable.
const COMPARED_COUNT_MAX: usize = 32;

/// A set of nodes. One that is known for having been come by in a way that spares some of its successors does not stand for
/// one that was come by otherwise.
pub(super) struct Seen<const W: usize> {
    /// For each configuration, here without its usage, how it was met last.
    met: FxHashMap<Config<W>, Met>,
    /// How it was met before, and before that.
    more: Vec<Met>,
}

/// One meeting.
#[derive(Clone, Copy)]
struct Met {
    usage: UsageId,
    /// The place of the one before, plus one.
    before: u32,
    spared: Spared,
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

    /// Adds `node`, and returns whether there is a point in going on from it. If another way to it was known, none of its
    /// successors is spared any more.
    pub(super) fn insert(&mut self, node: &mut Node<W>, usages: &Usages) -> bool {
        let (usage, spared) = (node.config.usage, node.spared());
        let key = Config {
            usage: Usages::NONE,
            ..node.config
        };
        let first = match self.met.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Met {
                    usage,
                    before: 0,
                    spared,
                });
                return true;
            }
            Entry::Occupied(place) => place.into_mut(),
        };
        let more = &mut self.more;
        let (mut known, mut at, mut compared) = (*first, None, 0);
        loop {
            let stands = known.spared == Spared::NONE || known.spared == spared;
            let is_near = compared < COMPARED_COUNT_MAX;
            if stands && (known.usage == usage || is_near && usages.is_within(known.usage, usage)) {
                return false;
            }
            if known.usage == usage {
                let its = at.map_or(first, |place: usize| &mut more[place]);
                its.spared = Spared::NONE;
                node.spare_none();
                return true;
            }
            compared += 1;
            let Some(place) = known.before.checked_sub(1) else {
                break;
            };
            known = more[place as usize];
            at = Some(place as usize);
        }
        more.push(*first);
        *first = Met {
            usage,
            before: more.len() as u32,
            spared,
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
