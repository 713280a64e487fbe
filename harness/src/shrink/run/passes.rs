//! What is left out, in which order.

use std::{collections::BTreeSet, time::Duration};

use quorate_sim::split_seed;

use super::{
    Patience, Shrinker,
    cut::{shorter, weaker},
};
use crate::{
    fault::Place,
    operations::key_name,
    plan::PlannedFault,
    shrink::{Thoroughness, minimize},
    tape::{Ask, Tape},
};

/// How long the load goes on after the last operation, if it can be less than it was: long enough to give up a request and
/// a link.
const AFTER: Duration = Duration::from_millis(1500);

/// How long nothing may happen, tried in this order.
const GAPS: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_millis(1500),
];

/// Under how many other rings a cluster with a node less is tried.
const RINGS: u64 = 6;

/// Few operations are left out two at a time, where none can go alone.
const PAIRS: Thoroughness = Thoroughness {
    pair_items_max: 12,
    restarts_max: 0,
};

/// How many rounds there are at most: each begins only if the one before it left something out.
const ROUNDS_MAX: usize = 8;

/// What a round is measured by: that some of it became less.
type Size = (usize, usize, usize, usize, usize, Duration);

impl Shrinker<'_> {
    /// Leaves out what can be left out, until nothing more can.
    pub(super) fn exhaust(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.size();
            self.witness();
            self.tail();
            self.faults();
            self.clients();
            self.keys();
            self.asks();
            self.steps();
            self.nodes();
            self.weaken();
            self.time();
            let is_less = self.size() < before;
            if self.is_over() || (!is_less && self.patience == Patience::Great) {
                return;
            }
            if !is_less {
                self.patience = Patience::Great;
            }
        }
    }

    fn size(&self) -> Size {
        let scenario = &self.best.header.scenario;
        let damage = |planned: &PlannedFault| planned.cuts(scenario.place_count()) + planned.fault.nodes().len();
        (
            self.best.asks.len(),
            scenario.plan.len(),
            scenario.place_count(),
            scenario.plan.iter().map(damage).sum(),
            scenario.concurrency + scenario.keys,
            scenario.time,
        )
    }

    /// The part of `items` with which the tape that `build` makes of it still fails.
    fn minimize<T: Clone>(&mut self, items: Vec<T>, thoroughness: Thoroughness, build: &dyn Fn(&Tape, &[T]) -> Tape) {
        let stop = self.stop;
        let mut still_fails = |part: &[T]| {
            let candidate = build(&self.best, part);
            self.accepts(candidate)
        };
        minimize(items, thoroughness, &mut still_fails, stop);
    }

    /// Only the keys that the verdict speaks of: most often no other has a part in it.
    fn witness(&mut self) {
        let is_blamed = |ask: &&Ask| ask.action.keys().any(|key| self.witness_keys.contains(&key_name(key)));
        let asks: Vec<Ask> = self.best.asks.iter().filter(is_blamed).cloned().collect();
        if !asks.is_empty() {
            let candidate = self.best.with_asks(asks);
            self.accept_if_other(candidate);
        }
    }

    /// Nothing after the operation that it takes: the shortest beginning that fails, found by halves.
    fn tail(&mut self) {
        let (mut fails, mut does_not) = (self.best.asks.len(), 0);
        while fails > does_not + (fails / 50).max(1) && !self.is_over() {
            let middle = usize::midpoint(fails, does_not);
            let candidate = self.best.prefix(middle, AFTER);
            if self.accepts(candidate) {
                fails = middle;
            } else {
                does_not = middle;
            }
        }
    }

    fn faults(&mut self) {
        let plan = self.best.header.scenario.plan.clone();
        self.minimize(plan, Thoroughness::ONE_MINIMAL, &|best, part| {
            best.with_plan(part.to_vec())
        });
    }

    fn clients(&mut self) {
        let all: BTreeSet<usize> = self.best.asks.iter().map(|ask| ask.client).collect();
        self.minimize(all.into_iter().collect(), Thoroughness::ONE_MINIMAL, &|best, part| {
            let asks = best.asks.iter().filter(|ask| part.contains(&ask.client));
            best.with_asks(asks.cloned().collect())
        });
        let renumbered = self.best.renumbered_clients();
        self.accept_if_other(renumbered);
    }

    fn keys(&mut self) {
        let all: BTreeSet<usize> = self.best.asks.iter().flat_map(|ask| ask.action.keys()).collect();
        self.minimize(all.into_iter().collect(), Thoroughness::ONE_MINIMAL, &|best, part| {
            best.with_keys(part)
        });
        let (renumbered, used) = (self.best.renumbered_keys(), self.best.with_used_keys());
        if !self.accept_if_other(renumbered) {
            self.accept_if_other(used);
        }
    }

    fn asks(&mut self) {
        let asks = self.best.asks.clone();
        let thoroughness = match self.patience {
            Patience::Usual => Thoroughness::ONE_MINIMAL,
            Patience::Great => PAIRS,
        };
        self.minimize(asks, thoroughness, &|best, part| best.with_asks(part.to_vec()));
    }

    /// Of transactions, only the steps that it takes.
    fn steps(&mut self) {
        let steps_of = |(place, ask): (usize, &Ask)| {
            let count = ask.action.keys().count();
            (0..count).map(move |step| (place, step)).filter(move |_| count > 1)
        };
        let steps: Vec<(usize, usize)> = self.best.asks.iter().enumerate().flat_map(steps_of).collect();
        if steps.is_empty() {
            return;
        }
        let (whole, all) = (self.best.clone(), BTreeSet::from_iter(steps.iter().copied()));
        self.minimize(steps, Thoroughness::ONE_MINIMAL, &|_, part| {
            let kept: BTreeSet<(usize, usize)> = part.iter().copied().collect();
            whole.without_steps(&|step| all.contains(&step) && !kept.contains(&step))
        });
    }

    fn nodes(&mut self) {
        let mut place = self.best.header.scenario.place_count();
        while place > 0 && !self.is_over() {
            place -= 1;
            let Some(fewer) = self.best.without_node(Place(place)) else {
                return;
            };
            if self.accepts(fewer.clone()) {
                continue;
            }
            let seed = |number: u64| split_seed(fewer.header.seed, &format!("ring {number}"));
            let _ = (0..RINGS).any(|number| self.accepts(fewer.with_other_ring(seed(number))));
        }
    }

    /// Each fault breaks as little as it has to, and for as short a time.
    fn weaken(&mut self) {
        for place in 0..self.best.header.scenario.plan.len() {
            let nodes = self.best.header.scenario.place_count();
            while !self.is_over() {
                let tries = weaker(&self.best.header.scenario.plan[place], nodes);
                if !self.accept_first(place, tries) {
                    break;
                }
            }
            while !self.is_over() && !self.best.header.scenario.plan[place].fault.is_lasting() {
                let tries = shorter(&self.best.header.scenario.plan[place]);
                if !self.accept_first(place, tries) {
                    break;
                }
            }
        }
    }

    fn accept_first(&mut self, place: usize, tries: Vec<PlannedFault>) -> bool {
        tries.into_iter().any(|fault| {
            let mut plan = self.best.header.scenario.plan.clone();
            plan[place] = fault;
            let candidate = self.best.with_plan(plan);
            self.accepts(candidate)
        })
    }

    fn time(&mut self) {
        for longest in GAPS {
            let candidate = self.best.with_gaps(longest);
            if self.accept_if_other(candidate) {
                break;
            }
        }
        for after in [Duration::from_millis(10), AFTER] {
            let candidate = self.best.ending(after);
            if self.accept_if_other(candidate) {
                break;
            }
        }
    }

    fn accept_if_other(&mut self, candidate: Tape) -> bool {
        let is_other = candidate.header.scenario != self.best.header.scenario || candidate.asks != self.best.asks;
        is_other && self.accepts(candidate)
    }
}
