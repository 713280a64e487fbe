//! Delta debugging: few of the items of something that fails, which fail by themselves.
//!
//! Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input* (IEEE TSE 28(2), 2002), Figure 5: blocks of a half,
//! a quarter, and so on are tried alone, then left out. Its result is 1-minimal: without any one of its items it does not fail.
//! That is not the smallest there is. Asked to be thorough, [`minimize`] leaves out two at a time, and begins again from the whole
//! without an item that was kept, which leads to another of the minimal parts (as in the enumeration of minimal unsatisfiable
//! subsets: Liffiton and others, *Fast, flexible MUS enumeration*, Constraints 21, 2016).
//!
//! Pure: no clock, no chance. The same items and answers give the same result; when to stop is the caller's to say. What was
//! asked once is not asked again, as an answer may take a whole run. Whoever wants the best part so far whatever happens next
//! takes it where it is found: `still_fails` is about to return true of it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// How far [`minimize`] goes beyond a 1-minimal part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thoroughness {
    /// Up to how many items two are left out at a time: of `n` items there are `n (n - 1) / 2` pairs.
    pub pair_items_max: usize,
    /// How often it may begin again.
    pub restarts_max: usize,
}

impl Thoroughness {
    /// Not at all.
    pub const ONE_MINIMAL: Thoroughness = Thoroughness {
        pair_items_max: 0,
        restarts_max: 0,
    };
}

/// Pairs of parts that a person may look at; starts enough to leave out each item of such a part in turn.
impl Default for Thoroughness {
    fn default() -> Self {
        Self {
            pair_items_max: 40,
            restarts_max: 64,
        }
    }
}

/// What is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimized<T> {
    /// The items that still fail, in the order in which they were given.
    pub items: Vec<T>,
    /// How many different parts were tried.
    pub tried: u64,
    /// Whether it is known that no item can be left out alone.
    pub is_one_minimal: bool,
    /// Whether it was told to stop before it was done.
    pub is_stopped: bool,
}

/// Returns a part of `items`, in their order, that still fails and, unless `stop` came first, of which no item can be left out;
/// it looks for a smaller one than the first as far as `thoroughness` goes.
///
/// `items` fail; that is not tried. `still_fails` says whether a part does, and is asked once of each part. `stop` is asked before
/// each of those questions.
pub fn minimize<T: Clone>(
    items: Vec<T>,
    thoroughness: Thoroughness,
    still_fails: &mut dyn FnMut(&[T]) -> bool,
    stop: &dyn Fn() -> bool,
) -> Minimized<T> {
    let mut trial = Trial::new(items, still_fails, stop);
    let all = trial.all();
    let (kept, is_one_minimal) = trial.reduce(all);
    let mut best = (trial.without_pairs(kept, thoroughness), is_one_minimal);
    let mut left = thoroughness.restarts_max;
    'again: while best.1 && left > 0 {
        for spared in best.0.clone() {
            if left == 0 {
                break 'again;
            }
            left -= 1;
            let Some(other) = trial.without_item(spared, thoroughness) else {
                continue;
            };
            if other.len() < best.0.len() {
                best.0 = other;
                continue 'again;
            }
        }
        break;
    }
    trial.finish(&best.0, best.1)
}

/// The items, and what is known of their parts. A part is the places of its items, rising.
struct Trial<'a, T> {
    items: Vec<T>,
    still_fails: &'a mut dyn FnMut(&[T]) -> bool,
    stop: &'a dyn Fn() -> bool,
    /// What was answered, by a digest of the part: of a million parts two share one with a chance of 10^-26.
    answers: HashMap<u128, bool>,
    is_stopped: bool,
}

impl<'a, T: Clone> Trial<'a, T> {
    fn new(items: Vec<T>, still_fails: &'a mut dyn FnMut(&[T]) -> bool, stop: &'a dyn Fn() -> bool) -> Self {
        Self {
            items,
            still_fails,
            stop,
            answers: HashMap::new(),
            is_stopped: false,
        }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.items.len()).collect()
    }

    fn finish(self, kept: &[usize], is_one_minimal: bool) -> Minimized<T> {
        Minimized {
            items: kept.iter().map(|place| self.items[*place].clone()).collect(),
            tried: self.answers.len() as u64,
            is_one_minimal,
            is_stopped: self.is_stopped,
        }
    }

    /// Returns whether `part` fails; once it is told to stop, nothing does.
    fn fails(&mut self, part: &[usize]) -> bool {
        let digest = digest(part);
        if let Some(answer) = self.answers.get(&digest) {
            return *answer;
        }
        self.is_stopped = self.is_stopped || (self.stop)();
        if self.is_stopped {
            return false;
        }
        let items: Vec<T> = part.iter().map(|place| self.items[*place].clone()).collect();
        let answer = (self.still_fails)(&items);
        self.answers.insert(digest, answer);
        answer
    }

    /// Returns a part of `part` that fails, and whether it is known to be 1-minimal.
    fn reduce(&mut self, part: Vec<usize>) -> (Vec<usize>, bool) {
        if part.is_empty() || self.fails(&[]) {
            return (Vec::new(), true);
        }
        let mut part = part;
        let mut blocks = 2.min(part.len());
        while part.len() > 1 && !self.is_stopped {
            if let Some(alone) = self.block_alone(&part, blocks) {
                part = alone;
                blocks = 2;
            } else if let Some(rest) = self.without_block(&part, blocks) {
                part = rest;
                blocks = (blocks - 1).max(2);
            } else if blocks < part.len() {
                blocks = (2 * blocks).min(part.len());
            } else {
                break;
            }
            blocks = blocks.min(part.len());
        }
        (part, !self.is_stopped)
    }

    fn block_alone(&mut self, part: &[usize], blocks: usize) -> Option<Vec<usize>> {
        let mut alone = cuts(part.len(), blocks).map(|(from, to)| part[from..to].to_vec());
        alone.find(|block| self.fails(block))
    }

    /// Leaves out one block, the last ones first: what nothing else depends on comes late.
    fn without_block(&mut self, part: &[usize], blocks: usize) -> Option<Vec<usize>> {
        let rests = cuts(part.len(), blocks).map(|(from, to)| [&part[..from], &part[to..]].concat());
        rests.rev().find(|rest| self.fails(rest))
    }

    /// Leaves out two items at a time as long as that fails, and then what can be left out alone again.
    fn without_pairs(&mut self, part: Vec<usize>, thoroughness: Thoroughness) -> Vec<usize> {
        let mut part = part;
        while part.len() <= thoroughness.pair_items_max && !self.is_stopped {
            let pairs = (1..part.len())
                .rev()
                .flat_map(|later| (0..later).map(move |first| (first, later)));
            let mut rests = pairs.map(|(first, later)| {
                let rest = part.iter().enumerate().filter(|(at, _)| *at != first && *at != later);
                rest.map(|(_, place)| *place).collect::<Vec<_>>()
            });
            let Some(rest) = rests.find(|rest| self.fails(rest)) else {
                break;
            };
            part = self.reduce(rest).0;
        }
        part
    }

    /// Returns a minimal part without this item, if there is any.
    fn without_item(&mut self, spared: usize, thoroughness: Thoroughness) -> Option<Vec<usize>> {
        let mut rest = self.all();
        rest.retain(|place| *place != spared);
        if !self.fails(&rest) {
            return None;
        }
        let (kept, is_one_minimal) = self.reduce(rest);
        is_one_minimal.then(|| self.without_pairs(kept, thoroughness))
    }
}

/// Cuts `count` into so many blocks that differ by one at most: where each begins and ends.
fn cuts(count: usize, blocks: usize) -> impl DoubleEndedIterator<Item = (usize, usize)> {
    (0..blocks).map(move |block| (block * count / blocks, (block + 1) * count / blocks))
}

fn digest(part: &[usize]) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        part.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeSet};

    use super::*;

    const ONE: Thoroughness = Thoroughness::ONE_MINIMAL;

    /// Never stops.
    fn on() -> bool {
        false
    }

    fn holds(part: &[u32], all: &[u32]) -> bool {
        all.iter().all(|item| part.contains(item))
    }

    /// Numbers that look drawn.
    fn mixed(seed: u64) -> u64 {
        let x = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    #[test]
    fn what_is_to_blame_is_left_in_its_order() {
        let result = minimize(
            (0..1000).collect(),
            ONE,
            &mut |part| holds(part, &[17, 400, 401, 999]),
            &on,
        );
        assert_eq!(result.items, [17, 400, 401, 999]);
        assert!(result.is_one_minimal && !result.is_stopped);
        assert!(result.tried < 250, "{} of a thousand items", result.tried);
    }

    #[test]
    fn nothing_one_and_all_are_minimal_too() {
        let none = minimize(vec![1, 2, 3], ONE, &mut |_| true, &on);
        assert_eq!(
            (none.items.as_slice(), none.tried, none.is_one_minimal),
            (&[][..], 1, true)
        );
        assert!(minimize(Vec::<u32>::new(), ONE, &mut |_| false, &on).items.is_empty());
        assert_eq!(minimize(vec![7], ONE, &mut |part| part.len() == 1, &on).items, [7]);
        let all = minimize((0..9).collect(), ONE, &mut |part: &[u32]| part.len() == 9, &on);
        assert_eq!((all.items.len(), all.is_one_minimal), (9, true));
    }

    #[test]
    fn no_part_is_asked_about_twice() {
        let mut asked = BTreeSet::new();
        let mut still_fails = |part: &[u32]| {
            assert!(asked.insert(part.to_vec()), "{part:?} once more");
            part.iter().filter(|item| *item % 3 == 0).count() >= 4
        };
        let result = minimize((0..30).collect(), Thoroughness::default(), &mut still_fails, &on);
        assert_eq!(result.items.len(), 4);
        assert_eq!(result.tried, asked.len() as u64);
    }

    /// Whenever it is stopped, what it has fails; and with more time it is never larger.
    #[test]
    fn it_can_be_stopped_at_any_time() {
        let still_fails = |part: &[u32]| holds(part, &[3, 30, 55]);
        let mut last = 64;
        let mut limit = 0;
        loop {
            let asked = Cell::new(0);
            let mut counted = |part: &[u32]| {
                asked.set(asked.get() + 1);
                still_fails(part)
            };
            let result = minimize((0..64).collect(), ONE, &mut counted, &|| asked.get() == limit);
            assert!(still_fails(&result.items) && result.items.len() <= last);
            assert_eq!(result.is_one_minimal, !result.is_stopped, "limit {limit}");
            last = result.items.len();
            if !result.is_stopped {
                break;
            }
            assert_eq!(result.tried, limit);
            limit += 1;
        }
        assert_eq!(last, 3);
    }

    /// A part may be minimal only because two items need each other.
    #[test]
    fn pairs_are_left_out_together() {
        let still_fails =
            |part: &[u32]| holds(part, &[1, 2]) && part.contains(&5) == part.contains(&6) && part.len() >= 2;
        let start = vec![1, 2, 5, 6];
        let further = minimize(start, Thoroughness::default(), &mut |part| still_fails(part), &on);
        assert_eq!(further.items, [1, 2]);
        let pinned = |part: &[u32]| holds(part, &[1, 2, 5, 6]) || part == [1, 2];
        let start = vec![1, 5, 2, 6];
        let further = minimize(start, Thoroughness::default(), &mut |part| pinned(part), &on);
        assert_eq!(further.items, [1, 2]);
    }

    /// Of two ways to fail the one that halving finds is the larger; to begin again without one of its items finds the other.
    #[test]
    fn beginning_again_finds_the_smaller_of_two_ways_to_fail() {
        let still_fails = |part: &[u32]| holds(part, &[0, 1, 2, 3, 4]) || holds(part, &[9, 30]);
        let first = minimize((0..32).collect(), ONE, &mut |part| still_fails(part), &on);
        assert_eq!(first.items.len(), 5);
        let further = minimize(
            (0..32).collect(),
            Thoroughness::default(),
            &mut |part| still_fails(part),
            &on,
        );
        assert_eq!(further.items, [9, 30]);
        assert!(further.is_one_minimal);
    }

    /// Of drawn sets of ways to fail: the result fails, is 1-minimal, and is most often of the least size.
    #[test]
    fn results_are_one_minimal_and_most_often_the_smallest() {
        let (mut smallest, mut count) = (0, 0);
        for seed in 0..200 {
            let draw = |number: u64| mixed(seed * 1000 + number);
            let ways: Vec<Vec<u32>> = (0..1 + draw(0) % 4)
                .map(|way| {
                    let items: BTreeSet<u32> = (0..1 + draw(way + 10) % 6)
                        .map(|item| (draw(100 + way * 10 + item) % 20) as u32)
                        .collect();
                    items.into_iter().collect()
                })
                .collect();
            let still_fails = |part: &[u32]| ways.iter().any(|way| holds(part, way));
            let result = minimize(
                (0..20).collect(),
                Thoroughness::default(),
                &mut |part| still_fails(part),
                &on,
            );
            assert!(still_fails(&result.items));
            for at in 0..result.items.len() {
                let mut rest = result.items.clone();
                rest.remove(at);
                assert!(!still_fails(&rest), "{:?} without item {at}", result.items);
            }
            count += 1;
            smallest += usize::from(ways.iter().map(Vec::len).min() == Some(result.items.len()));
        }
        assert!(smallest * 100 >= count * 95, "{smallest} of {count}");
    }
}
