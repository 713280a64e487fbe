//! Many seeds of one scenario in virtual time, side by side, and what came of each.
//!
//! What comes of a seed depends on it alone, and seeds are taken in their order: any number of threads gives the same
//! answer, unless time is what ends it. A seed whose simulation fails or panics has failed, and stops no other.

mod corpus;
mod seed_run;
mod seeds;
mod sizes;

pub use self::{
    corpus::{Corpus, Explored, Kept, Reached, Swarm},
    seed_run::SeedRun,
    seeds::Seeds,
    sizes::draw_sizes,
};

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use crate::{
    coverage::Coverage,
    exit::Exit,
    parallel::{Done, in_order},
};

/// What ends a sweep before its last seed, and how many seeds run at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many threads.
    pub jobs: usize,
    /// After how many failed seeds it ends.
    pub failed_max: Option<u64>,
    /// When it ends.
    pub deadline: Option<Instant>,
}

/// How many seeds there were, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All of them.
    pub seeds: u64,
    /// Every claim held.
    pub valid: u64,
    /// Nothing tested something that is claimed.
    pub vacuous: u64,
    /// A claim was violated or could not be judged, or there was no verdict.
    pub failed: u64,
    /// How long they were in their own time.
    pub virtual_time: Duration,
    /// What clients asked.
    pub ops: u64,
}

impl Totals {
    fn add(&mut self, run: &SeedRun) {
        self.seeds += 1;
        match run.exit {
            Exit::Valid => self.valid += 1,
            Exit::Vacuous => self.vacuous += 1,
            _ => self.failed += 1,
        }
        self.virtual_time += run.virtual_time;
        self.ops += run.ops;
    }
}

/// What came of a sweep.
#[derive(Clone, Debug)]
pub struct Swept {
    /// Of all seeds.
    pub totals: Totals,
    /// The seeds that failed.
    pub failed: Vec<SeedRun>,
}

impl Swept {
    /// How the process ends: with the gravest of what failed. Seeds that prove nothing decide only where no other was valid.
    pub fn exit(&self) -> Exit {
        let vacuous = (self.totals.valid == 0 && self.totals.vacuous > 0).then_some(Exit::Vacuous);
        Exit::gravest(self.failed.iter().map(|run| run.exit).chain(vacuous))
    }
}

/// Runs each of `seeds` by `run`, and shows what came of each to `watch`, in their order, with all that came before.
pub fn sweep(
    seeds: &Seeds,
    limits: Limits,
    run: &(dyn Fn(u64) -> SeedRun + Sync),
    watch: &mut dyn FnMut(&SeedRun, Totals),
) -> Swept {
    let mut swept = Swept {
        totals: Totals::default(),
        failed: Vec::new(),
    };
    let work = |number| run(seeds.at(number));
    in_order(limits.jobs, seeds.count(), &work, &mut |number, done: Done<SeedRun>| {
        let run = done.unwrap_or_else(|why| SeedRun::failure(seeds.at(number), why));
        swept.totals.add(&run);
        watch(&run, swept.totals);
        if run.is_failed() {
            // What was reached has been shown: all that fails in a long night fits into memory.
            let coverage = Coverage::default();
            swept.failed.push(SeedRun { coverage, ..run });
        }
        let enough = limits.failed_max.is_some_and(|most| swept.totals.failed >= most);
        let late = limits.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if enough || late {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    swept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> SeedRun {
        assert!(seed != 13, "an invariant is broken");
        let exit = match seed {
            7 | 19 => Exit::Invalid,
            8 => Exit::Vacuous,
            _ => Exit::Valid,
        };
        SeedRun {
            exit,
            ops: seed,
            ..SeedRun::failure(seed, String::new())
        }
    }

    fn swept(jobs: usize, failed_max: Option<u64>) -> Swept {
        let limits = Limits {
            jobs,
            failed_max,
            deadline: None,
        };
        sweep(&Seeds::new(Vec::new(), 1, 20), limits, &run, &mut |_, _| {})
    }

    #[test]
    fn a_seed_that_panics_has_failed_and_stops_no_other() {
        for jobs in [1, 2, 3] {
            let swept = swept(jobs, None);
            let Totals {
                seeds,
                valid,
                vacuous,
                failed,
                ..
            } = swept.totals;
            assert_eq!((seeds, valid, vacuous, failed), (20, 16, 1, 3));
            let failed: Vec<_> = swept.failed.iter().map(|run| (run.seed, run.exit)).collect();
            assert_eq!(failed, [(7, Exit::Invalid), (13, Exit::Failure), (19, Exit::Invalid)]);
            let why = swept.failed[1].error.as_deref();
            assert_eq!(why, Some("an invariant is broken"));
            assert_eq!(swept.exit(), Exit::Invalid);
        }
    }

    #[test]
    fn it_ends_when_enough_have_failed_or_the_time_is_over() {
        for jobs in [1, 2, 3] {
            let swept = swept(jobs, Some(2));
            assert_eq!((swept.totals.seeds, swept.totals.failed), (13, 2));
        }
        let limits = Limits {
            jobs: 2,
            failed_max: None,
            deadline: Some(Instant::now()),
        };
        let swept = sweep(&Seeds::new(Vec::new(), 1, u64::MAX), limits, &run, &mut |_, _| {});
        assert_eq!(swept.totals.seeds, 1);
    }

    #[test]
    fn what_proves_nothing_decides_only_where_nothing_was_proved() {
        let of = |first, count| {
            let limits = Limits {
                jobs: 1,
                failed_max: None,
                deadline: None,
            };
            sweep(&Seeds::new(Vec::new(), first, count), limits, &run, &mut |_, _| {}).exit()
        };
        assert_eq!(of(8, 1), Exit::Vacuous);
        assert_eq!(of(8, 2), Exit::Valid);
        assert_eq!(of(7, 2), Exit::Invalid);
        assert_eq!(of(13, 1), Exit::Failure);
    }
}
