//! Siblings that are none: of two values in one reading, one had overwritten the other.
//!
//! Siblings are exactly the writes that did not know of each other (Preguiça, Baquero et al., *Dotted Version Vectors*,
//! 2012). Where a version vector is truncated, or a clock counts for a whole client or node, the store no longer tells
//! descent from concurrency and keeps what it should have dropped (Dynamo, SOSP 2007, section 6.2):
//!
//! ```text
//!   |- write 1 -|   |- write 2, having seen 1 -|      |- read: [1,2] -|
//! ```
//!
//! That the newer is in the same reading shows that its write took effect where the reading was made. A value twice in
//! one reading is a sibling of itself, and none either: values are written once.

use rustc_hash::FxHashMap;

use super::{
    kind::Kind,
    model::{Collection, Reading, for_each},
    violation::{Violation, tell},
};
use crate::{
    evidence::{Context, Finding, Tally},
    history::{History, Op},
};

/// How many steps of descent are followed for one key. A valid history takes few: a value that is still there had been
/// seen by nobody, or by those under way, and then there is nothing to follow.
const STEPS_MAX: usize = 2_000_000;

/// Finds reads and looks that have a value together with one that had overwritten it, or a value twice.
pub(crate) fn false_siblings(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for_each(history, Kind::Siblings, &mut tally, |key, collection, tally| {
        let mut descent = Descent {
            collection,
            known: FxHashMap::default(),
            steps_left: STEPS_MAX,
        };
        for reading in collection
            .readings()
            .filter(|it| it.items.len() > 1 || it.twice.is_some())
        {
            tally.test(1);
            if let Some((ops, violation)) = find(collection, &mut descent, reading) {
                tally.violate(ops, violation);
            }
        }
        if descent.steps_left == 0 {
            let why = format!("whether siblings descend from each other takes more than {STEPS_MAX} steps");
            tally.doubt(history, key, &why);
        }
    });
    tally.finish(history, context, tell)
}

fn find<'h>(
    collection: &Collection<'h>,
    descent: &mut Descent<'_, 'h>,
    reading: &Reading<'h>,
) -> Option<(Vec<&'h Op>, Violation<'h>)> {
    let read = reading.op;
    if let Some(item) = reading.twice {
        let value = collection.items[item].value;
        return Some((vec![read], Violation::Twice { value, read }));
    }
    let pairs = reading
        .items
        .iter()
        .flat_map(|older| reading.items.iter().map(|newer| (*older, *newer)));
    let (older, newer) = pairs
        .filter(|(older, newer)| older != newer)
        .find(|(older, newer)| descent.descends(*newer, *older))?;
    let chain = descent.chain(newer, older);
    let ops = chain.iter().copied().chain([read]).collect();
    let value = collection.items[older].value;
    Some((ops, Violation::FalseSibling { value, chain, read }))
}

/// Which items overwrote which, found step by step and remembered.
struct Descent<'c, 'h> {
    collection: &'c Collection<'h>,
    known: FxHashMap<(usize, usize), bool>,
    steps_left: usize,
}

impl<'h> Descent<'_, 'h> {
    /// Returns whether the write of `newer` saw `older`, directly or by way of what it saw; no, where steps run out.
    fn descends(&mut self, newer: usize, older: usize) -> bool {
        let items = &self.collection.items;
        let began = items[newer].write.map(|write| write.start);
        if items[newer].seen.is_empty() || began < Some(items[older].gone_from) {
            return false; // The common case: it saw nothing, or nobody had seen the older yet.
        }
        if let Some(known) = self.known.get(&(newer, older)) {
            return *known;
        }
        let found = !self.chain(newer, older).is_empty();
        self.known.insert((newer, older), found);
        found
    }

    /// Returns the writes by way of which `newer` overwrote `older`, from the one that saw it to that of `newer`, the
    /// fewest there are; none if it did not.
    fn chain(&mut self, newer: usize, older: usize) -> Vec<&'h Op> {
        let items = &self.collection.items;
        // Whatever descends from the older began no earlier than the first that saw it.
        let can_descend = |item: usize| {
            let write = items[item].write;
            write.filter(|write| write.start >= items[older].gone_from)
        };
        let mut met = FxHashMap::from_iter([(newer, newer)]);
        let mut queue = Vec::from_iter(can_descend(newer).map(|_| newer));
        let mut next = 0;
        while next < queue.len() && self.steps_left > 0 {
            let item = queue[next];
            next += 1;
            self.steps_left -= 1;
            if items[item].seen.contains(&older) {
                return self.way(item, newer, &met);
            }
            for &seen in &items[item].seen {
                if can_descend(seen).is_some() && !met.contains_key(&seen) {
                    met.insert(seen, item);
                    queue.push(seen);
                }
            }
        }
        Vec::new()
    }

    fn way(&self, from: usize, newer: usize, met: &FxHashMap<usize, usize>) -> Vec<&'h Op> {
        let mut way = Vec::new();
        let mut item = from;
        loop {
            way.extend(self.collection.items[item].write);
            if item == newer {
                return way;
            }
            item = met[&item];
        }
    }
}
