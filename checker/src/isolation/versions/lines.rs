//! The versions of each key in a line, by the places of those who wrote them: kept up where something moves.
//!
//! A line is sorted once. Afterwards a version changes places with its neighbours for as long as they are the wrong way round, and so
//! do these: what it takes is how far things move, and not how long the line is. Two versions that stand next to each other may
//! contradict what was read as soon as either of them, or who read the first, has moved: the first is open then.

use super::{problem::Problem, topology::Topology};
use crate::execute::{Execute, map_ranges};

/// Lines of versions, and which of these are to be looked at with the next.
#[derive(Debug)]
pub(super) struct Lines {
    /// Key by key.
    line: Vec<u32>,
    /// By version, where in the line it is.
    at: Vec<u32>,
    /// By place in the line, whether it is the last of its key.
    is_last: Vec<bool>,
    open: Vec<u32>,
    is_open: Vec<bool>,
}

impl Lines {
    /// Those are open for which `is_open` says so of them and the next of their key.
    pub(super) fn new(
        problem: &Problem,
        topology: &Topology,
        execute: &dyn Execute,
        is_open: impl Fn(u32, u32) -> bool + Sync,
    ) -> Self {
        let count = problem.versions.len();
        let lines = map_ranges(execute, problem.key_count(), |keys| {
            let (mut line, mut open, mut sorted) = (Vec::new(), Vec::new(), Vec::new());
            for key in keys {
                let place = |version: u32| topology.place(problem.commit(problem.versions[version as usize].writer));
                sorted.extend(problem.versions_of(key).map(|version| (place(version), version)));
                sorted.sort_unstable();
                let pairs = sorted.windows(2).map(|pair| (pair[0].1, pair[1].1));
                open.extend(
                    pairs
                        .filter(|(first, then)| is_open(*first, *then))
                        .map(|(first, _)| first),
                );
                line.extend(sorted.drain(..).map(|(_, version)| version));
            }
            (line, open)
        });
        let (mut line, mut open) = (Vec::with_capacity(count), Vec::new());
        for (of_part, open_there) in lines {
            line.extend(of_part);
            open.extend(open_there);
        }
        open.reverse();
        let (mut is_last, mut at) = (vec![false; count], vec![0; count]);
        // The versions of a key are next to each other, whether in line or not.
        let keys = (0..problem.key_count() as u32).map(|key| problem.versions_of(key));
        keys.filter(|versions| !versions.is_empty())
            .for_each(|versions| is_last[versions.end as usize - 1] = true);
        (0..)
            .zip(&line)
            .for_each(|(place, version): (u32, &u32)| at[*version as usize] = place);
        let mut lines = Self {
            open: Vec::new(),
            is_open: vec![false; count],
            line,
            at,
            is_last,
        };
        open.into_iter().for_each(|version| lines.open(version));
        lines
    }

    /// Returns one that is open, and is no more then.
    pub(super) fn next_open(&mut self) -> Option<u32> {
        let version = self.open.pop()?;
        self.is_open[version as usize] = false;
        Some(version)
    }

    pub(super) fn open(&mut self, version: u32) {
        if !std::mem::replace(&mut self.is_open[version as usize], true) {
            self.open.push(version);
        }
    }

    /// Opens a version and the one before it.
    pub(super) fn open_around(&mut self, version: u32) {
        self.open(version);
        if let Some(before) = self.before(version) {
            self.open(before);
        }
    }

    /// Returns the next version of the same key.
    pub(super) fn after(&self, version: u32) -> Option<u32> {
        let at = self.at[version as usize] as usize;
        (!self.is_last[at]).then(|| self.line[at + 1])
    }

    fn before(&self, version: u32) -> Option<u32> {
        let at = (self.at[version as usize] as usize).checked_sub(1)?;
        (!self.is_last[at]).then(|| self.line[at])
    }

    /// Puts a version where it belongs that has moved, and whatever that shows to be in the wrong place; returns how many changed
    /// places.
    pub(super) fn settle(&mut self, version: u32, place: impl Fn(u32) -> u32) -> u64 {
        let mut steps = 0;
        let mut unsettled = vec![version];
        while let Some(version) = unsettled.pop() {
            let is_wrong = |first: u32, then: u32| place(first) > place(then);
            let (first, then) = match (self.before(version), self.after(version)) {
                (Some(before), _) if is_wrong(before, version) => (before, version),
                (_, Some(after)) if is_wrong(version, after) => (version, after),
                _ => continue,
            };
            self.swap(first, then);
            steps += 1;
            unsettled.extend([first, then]);
        }
        steps
    }

    /// Has two neighbours change places, and opens all who have another neighbour then.
    fn swap(&mut self, first: u32, then: u32) {
        let [left, right] = [first, then].map(|version| self.at[version as usize]);
        (self.line[left as usize], self.line[right as usize]) = (then, first);
        (self.at[then as usize], self.at[first as usize]) = (left, right);
        self.open_around(then);
        self.open(first);
    }
}
