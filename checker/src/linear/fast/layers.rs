//! Whether elements can lie in layers: of any two, one inside the other's time or both apart.
//!
//! A stack's element lies beneath all that come after it until these are gone. With a lifetime for each element, from its push to its
//! pop, a stack explains a history exactly if no two lifetimes cross. A lifetime contains the element's *core* and lies in its
//! *reach*, from the start of its push to the end of its pop; those without a core live for an instant and cross nobody.
//!
//! ```text
//!   reach   |---- push ----|                       |--- pop ---|
//!   core                   |·······················|
//! ```
//!
//! - **Apart.** Where no core is at some moment, lifetimes cut there are still not crossing, on either side: so the two sides can be
//!   judged apart, without regard to the moment's own place.
//! - **Together.** Where the cores leave no moment free from L to R, one lifetime must contain all others (of lifetimes that touch
//!   and don't cross, one is the greatest). Such a *root* has a reach that begins before L and ends after R. Any element with
//!   such a reach will do: with lifetimes that don't cross, cut all others to what their cores span, which leaves them uncrossed, and
//!   let this one go around. Then the others are judged without it.
//!
//! So: cut where no core is, take away any root, go on; where nothing can be cut and nothing is a root, no lifetimes exist. Elements in order of
//! their cores' starts keep every group contiguous, and from left to right L never falls, so that an element whose reach begins
//! before L is marked once. With trees for the furthest reach, the last core end, and how many cores cover a place, each step
//! takes O(log n), and there are at most two steps an element.
//!
//! The idea of decreasing a history by a value that must be harmless is that of Lee and Mathur (*Efficient
//! decrease-and-conquer linearizability monitoring*, 2024); this way to find one is our own.

use super::{
    emptiness,
    moment::{Moment, Span},
};

/// An element with a core.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) reach: Span,
    pub(super) core: Span,
}

/// Returns nothing if the layers can lie without crossing, else a few of them that can't.
pub(super) fn crossing(layers: &[Layer]) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..layers.len()).collect();
    order.sort_unstable_by_key(|it| layers[*it].core.start);
    let sorted: Vec<Layer> = order.iter().map(|it| layers[*it]).collect();
    let chain = Solver::new(&sorted).solve()?;
    Some(chain.into_iter().map(|it| order[it]).collect())
}

struct Solver<'l> {
    /// In order of the cores' starts.
    layers: &'l [Layer],
    /// Where cores start and end, in places: place i is between the i-th of all these moments and the next.
    starts: Vec<usize>,
    ends: Vec<usize>,
    /// In order of the reaches' starts; those before `next` are in `roots`.
    by_reach: Vec<usize>,
    next: usize,
    /// Of those left: how far the reach goes, if it is known to begin early enough; where the core ends.
    roots: Latest,
    last: Latest,
    is_gone: Vec<bool>,
    cover: Cover,
}

impl<'l> Solver<'l> {
    fn new(layers: &'l [Layer]) -> Self {
        let mut edges: Vec<(Moment, usize, bool)> = Vec::with_capacity(2 * layers.len());
        for (number, layer) in layers.iter().enumerate() {
            edges.push((layer.core.start, number, true));
            edges.push((layer.core.end, number, false));
        }
        edges.sort_unstable();
        let (mut starts, mut ends) = (vec![0; layers.len()], vec![0; layers.len()]);
        let mut depths = Vec::with_capacity(edges.len());
        let mut depth = 0;
        for (number, is_start) in edges.iter().map(|(_, number, is_start)| (*number, *is_start)) {
            if is_start {
                starts[number] = depths.len();
                depth += 1;
            } else {
                ends[number] = depths.len();
                depth -= 1;
            }
            depths.push(depth);
        }
        let mut by_reach: Vec<usize> = (0..layers.len()).collect();
        by_reach.sort_unstable_by_key(|it| layers[*it].reach.start);
        Self {
            layers,
            starts,
            ends,
            by_reach,
            next: 0,
            roots: Latest::new(vec![Moment::FIRST; layers.len()]),
            last: Latest::new(layers.iter().map(|layer| layer.core.end).collect()),
            is_gone: vec![false; layers.len()],
            cover: Cover::new(&depths),
        }
    }

    fn solve(mut self) -> Option<Vec<usize>> {
        let mut groups = vec![(0, self.layers.len())];
        while let Some((mut from, to)) = groups.pop() {
            while from < to && self.is_gone[from] {
                from += 1;
            }
            if from == to {
                continue;
            }
            let first = self.layers[from].core.start;
            let (last, last_number) = self.last.of(from, to);
            if let Some(gap) = self.cover.first_free(self.starts[from], self.ends[last_number]) {
                let middle = self.starts.partition_point(|start| *start <= gap);
                groups.push((middle, to));
                groups.push((from, middle));
                continue;
            }
            while let Some(number) = self.by_reach.get(self.next).copied() {
                if self.layers[number].reach.start >= first {
                    break;
                }
                self.roots.set(number, self.layers[number].reach.end);
                self.next += 1;
            }
            let (end, root) = self.roots.of(from, to);
            if end <= last {
                return Some(self.chain(
                    from,
                    to,
                    Span {
                        start: first,
                        end: last,
                    },
                ));
            }
            self.remove(root);
            groups.push((from, to));
        }
        None
    }

    fn remove(&mut self, number: usize) {
        self.is_gone[number] = true;
        self.roots.set(number, Moment::FIRST);
        self.last.set(number, Moment::FIRST);
        self.cover.uncover(self.starts[number], self.ends[number]);
    }

    /// Returns the fewest that together leave no moment free in all of a group's time, so that none of them is a root either.
    fn chain(&self, from: usize, to: usize, span: Span) -> Vec<usize> {
        let left = (from..to).filter(|number| !self.is_gone[*number]);
        let cores: Vec<(Span, usize)> = left.map(|number| (self.layers[number].core, number)).collect();
        emptiness::cover(&cores, span)
    }
}

/// A tree that knows the latest moment in each range, and of whom it is.
struct Latest {
    moments: Vec<Moment>,
    /// Nodes of a heap: whose moment is the latest below.
    best: Vec<u32>,
    width: usize,
}

impl Latest {
    fn new(moments: Vec<Moment>) -> Self {
        let width = moments.len().next_power_of_two();
        let mut tree = Self {
            best: vec![u32::MAX; 2 * width],
            moments,
            width,
        };
        for number in 0..tree.moments.len() {
            tree.best[width + number] = number as u32;
        }
        for node in (1..width).rev() {
            tree.best[node] = tree.later(tree.best[2 * node], tree.best[2 * node + 1]);
        }
        tree
    }

    fn later(&self, a: u32, b: u32) -> u32 {
        match (self.moments.get(a as usize), self.moments.get(b as usize)) {
            (Some(left), Some(right)) if right > left => b,
            (None, _) => b,
            _ => a,
        }
    }

    fn set(&mut self, number: usize, moment: Moment) {
        self.moments[number] = moment;
        let mut node = (self.width + number) / 2;
        while node >= 1 {
            self.best[node] = self.later(self.best[2 * node], self.best[2 * node + 1]);
            node /= 2;
        }
    }

    /// Returns the latest of a range that is not empty, and whose it is.
    fn of(&self, from: usize, to: usize) -> (Moment, usize) {
        let (mut left, mut right) = (from + self.width, to + self.width);
        let mut best = u32::MAX;
        while left < right {
            if left % 2 == 1 {
                best = self.later(best, self.best[left]);
                left += 1;
            }
            if right % 2 == 1 {
                right -= 1;
                best = self.later(best, self.best[right]);
            }
            left /= 2;
            right /= 2;
        }
        let number = best as usize;
        (self.moments[number], number)
    }
}

/// A tree that knows how many cores cover each place.
struct Cover {
    /// Nodes of a heap: the least count below, as far as it is not noted above; and what is noted for all below.
    least: Vec<i32>,
    noted: Vec<i32>,
    width: usize,
}

impl Cover {
    fn new(depths: &[i32]) -> Self {
        let width = depths.len().next_power_of_two();
        let mut least = vec![i32::MAX; 2 * width];
        least[width..width + depths.len()].copy_from_slice(depths);
        for node in (1..width).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Self {
            least,
            noted: vec![0; 2 * width],
            width,
        }
    }

    /// Takes a core from the places `from..to`.
    fn uncover(&mut self, from: usize, to: usize) {
        let (mut left, mut right) = (from + self.width, to + self.width);
        while left < right {
            if left % 2 == 1 {
                self.note(left);
                left += 1;
            }
            if right % 2 == 1 {
                right -= 1;
                self.note(right);
            }
            left /= 2;
            right /= 2;
        }
        for edge in [from + self.width, to - 1 + self.width] {
            let mut node = edge / 2;
            while node >= 1 {
                let below = self.least[2 * node].min(self.least[2 * node + 1]);
                self.least[node] = below.saturating_add(self.noted[node]);
                node /= 2;
            }
        }
    }

    fn note(&mut self, node: usize) {
        self.least[node] = self.least[node].saturating_sub(1);
        self.noted[node] -= 1;
    }

    /// Returns the first of the places `from..to` that no core covers.
    fn first_free(&self, from: usize, to: usize) -> Option<usize> {
        // Nodes still to be looked at, the leftmost last, each with what is noted above it, and its own range.
        let mut nodes = vec![(1, 0, 0, self.width)];
        while let Some((node, above, low, high)) = nodes.pop() {
            if high <= from || to <= low || self.least[node].saturating_add(above) > 0 {
                continue;
            }
            if high - low == 1 {
                return Some(low);
            }
            let (middle, above) = (low + (high - low) / 2, above + self.noted[node]);
            nodes.push((2 * node + 1, above, middle, high));
            nodes.push((2 * node, above, low, middle));
        }
        None
    }
}
