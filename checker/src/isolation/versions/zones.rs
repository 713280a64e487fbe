//! What real time alone says of the order of versions.
//!
//! A version's zone (Gibbons and Korach, *Testing shared memories*, 1997) runs from the earliest end of what wrote or read it to the latest
//! beginning of it. If one version was met by something that ended before something began that met another, the one comes
//! first in every order that keeps real time. A store whose order does leaves hardly any two versions open beside these.

use std::ops::Range;

use super::problem::Problem;
use crate::{
    execute::{Execute, map_ranges},
    isolation::txns::{NONE, Txns},
};

/// A version, and what bounds its zone.
#[derive(Clone, Copy, Debug)]
struct Zone {
    version: u32,
    end: u32,
    start: u32,
}

impl Zone {
    /// Whether this version comes before the other by real time.
    fn is_before(&self, other: &Self) -> bool {
        self.end < other.start
    }

    /// By when its latest beginning was.
    fn begun(&self) -> (u32, u32) {
        (self.start, self.version)
    }
}

impl Problem {
    /// Adds what follows from real time of versions each by itself.
    pub(super) fn add_zones(&mut self, txns: &Txns, execute: &dyn Execute) {
        let known = map_ranges(execute, self.key_count(), |keys| self.zones(txns, keys));
        self.known.extend(known.into_iter().flatten());
    }

    /// Returns what has to come before what, by the zones of these keys.
    fn zones(&self, txns: &Txns, keys: Range<u32>) -> Vec<(u32, u32)> {
        let (mut zones, mut ended, mut frontier, mut pairs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for key in keys {
            zones.clear();
            zones.extend(self.versions_of(key).map(|version| self.zone(txns, version)));
            ended.clear();
            ended.extend(zones.iter().copied().filter(|zone| zone.end != NONE));
            ended.sort_unstable_by_key(|zone| zone.end);
            zones.sort_unstable_by_key(Zone::begun);
            order(&zones, &ended, &mut frontier, &mut pairs);
        }
        let mut known = Vec::new();
        for (first, then) in pairs {
            // A transaction is one node here.
            self.each_edge(first, then, |from, to| {
                if !self.is_told_by_time(from, to) {
                    known.push((from, to));
                }
            });
        }
        known
    }

    fn zone(&self, txns: &Txns, version: u32) -> Zone {
        let writer = txns.txn(self.txns[self.versions[version as usize].writer as usize]);
        let mut zone = Zone {
            version,
            end: writer.end,
            start: writer.start,
        };
        for reader in self.readers.of(version) {
            let reader = txns.txn(self.txns[*reader as usize]);
            zone.end = zone.end.min(reader.end);
            zone.start = zone.start.max(reader.start);
        }
        zone
    }
}

/// Adds pairs of versions of one key, the first of which comes before the other, from which all others follow. They are given by
/// their latest beginnings, and by their earliest ends.
fn order(begun: &[Zone], ended: &[Zone], frontier: &mut Vec<Zone>, pairs: &mut Vec<(u32, u32)>) {
    // Those that have ended and that no other lies behind which has ended too.
    frontier.clear();
    let mut ended = ended.iter().peekable();
    for then in begun {
        while let Some(first) = ended.next_if(|first| first.is_before(then)) {
            let mut is_behind = false;
            frontier.retain(|before| {
                let is_over = before.is_before(first);
                if first.is_before(before) {
                    pairs.push((first.version, before.version));
                    is_behind |= !is_over;
                }
                // Of those that began earlier than `then` this is known already.
                if is_over && first.begun() >= then.begun() {
                    pairs.push((before.version, first.version));
                }
                !is_over
            });
            if !is_behind {
                frontier.push(*first);
            }
        }
        let others = frontier.iter().filter(|before| before.version != then.version);
        pairs.extend(others.map(|before| (before.version, then.version)));
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// What follows from the pairs is all that real time says, and nothing else.
    #[test]
    fn all_follows_from_the_pairs() {
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(1);
        for round in 0..2_000 {
            let count = 1 + round % 9;
            let zones: Vec<Zone> = (0..count)
                .map(|version| Zone {
                    version,
                    end: random.random_range(1..30),
                    start: random.random_range(0..30),
                })
                .collect();
            let (mut begun, mut ended) = (zones.clone(), zones.clone());
            begun.sort_unstable_by_key(Zone::begun);
            ended.sort_unstable_by_key(|zone| zone.end);
            let mut pairs = Vec::new();
            order(&begun, &ended, &mut Vec::new(), &mut pairs);
            let mut is_before = vec![vec![false; count as usize]; count as usize];
            for (first, then) in pairs {
                assert!(zones[first as usize].is_before(&zones[then as usize]), "{zones:?}");
                is_before[first as usize][then as usize] = true;
            }
            for by in 0..count as usize {
                for first in 0..count as usize {
                    for then in 0..count as usize {
                        is_before[first][then] |= is_before[first][by] && is_before[by][then];
                    }
                }
            }
            for first in &zones {
                for then in zones.iter().filter(|then| then.version != first.version) {
                    let follows = is_before[first.version as usize][then.version as usize];
                    assert!(follows || !first.is_before(then), "{first:?} {then:?} of {zones:?}");
                }
            }
        }
    }
}
