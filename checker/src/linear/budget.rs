//! What a search may cost, and the meter that holds it to that.

use std::fmt;

/// How often the caller is asked whether to stop: once in so many steps, which are about a millisecond.
const POLL_STEPS: u64 = 4096;

/// What a search may cost. The checker has no clock: a caller who wants to bound the time gives `stop`.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// How many steps it may take. One tries one call in one state, and takes some tens of nanoseconds, or as long as the
    /// model's step where the state is large.
    pub steps: u64,
    /// How many bytes it may hold at a time, by its own count, which is near what the allocator hands out.
    pub memory_bytes: usize,
    /// Asked every few thousand steps whether to give up.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
    /// How to search.
    pub strategy: Strategy,
}

/// How to search. The verdict is the same, where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Depth first while that goes well, then layer by layer.
    #[default]
    Both,
    /// Depth first: soon through where there is a way, but it remembers all that it has met.
    Dive,
    /// Layer by layer: remembers the present layer alone.
    Sweep,
}

impl Default for Budget<'_> {
    /// Some tens of seconds at the worst, as a step was seen to take up to two microseconds; and a gibibyte.
    fn default() -> Self {
        Self {
            steps: 20_000_000,
            memory_bytes: 1 << 30,
            stop: None,
            strategy: Strategy::Both,
        }
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("steps", &self.steps)
            .field("memory_bytes", &self.memory_bytes)
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}

/// A budget ran out, or part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exhausted {
    /// All the steps were taken.
    Steps,
    /// What there is to remember does not fit.
    Memory,
    /// The caller said so.
    Stopped,
}

/// What is left of a budget.
pub(super) struct Meter<'a> {
    budget: Budget<'a>,
    steps: u64,
    /// Where the present stage of the search has to give way to the next.
    limit: u64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(budget: &Budget<'a>) -> Self {
        Self {
            budget: *budget,
            steps: 0,
            limit: budget.steps,
        }
    }

    pub(super) fn strategy(&self) -> Strategy {
        self.budget.strategy
    }

    /// Allows at most `steps` from here on, within what is left of the budget.
    pub(super) fn allow(&mut self, steps: u64) {
        self.limit = self.steps.saturating_add(steps).min(self.budget.steps);
    }

    /// Returns how many steps have been taken.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns how many steps there are left.
    pub(super) fn left(&self) -> u64 {
        self.budget.steps.saturating_sub(self.steps)
    }

    /// Returns whether there is nothing left for a further stage.
    pub(super) fn is_spent(&self) -> bool {
        self.steps >= self.budget.steps
    }

    /// Counts work that is done anyway.
    pub(super) fn spend(&mut self, steps: u64) {
        self.steps = self.steps.saturating_add(steps);
    }

    pub(super) fn step(&mut self) -> Result<(), Exhausted> {
        if self.steps >= self.limit {
            return Err(Exhausted::Steps);
        }
        self.steps += 1;
        match self.budget.stop {
            Some(stop) if self.steps.is_multiple_of(POLL_STEPS) && stop() => Err(Exhausted::Stopped),
            _ => Ok(()),
        }
    }

    /// Checks that `bytes`, which is all that the search holds, fit.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Exhausted> {
        if bytes > self.budget.memory_bytes {
            Err(Exhausted::Memory)
        } else {
            Ok(())
        }
    }
}
