//! The threads that judge: checks of some keys each, side by side.
//!
//! A check that panics is caught where it runs and ends as a reason not to know; what it had to say goes into the report in
//! the place of the screen. The same checks find the same on any number of threads.

use std::{
    cell::Cell,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use quorate_workloads::Execute;
use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IntoParallelIterator, ParallelIterator},
};

use crate::parallel::guarded;

/// How many parts of a record there are for each thread: so that one which is slow keeps the others from idling.
const PARTS_PER_THREAD: usize = 4;

/// Threads for checks.
#[derive(Debug)]
pub struct Workers {
    /// None for one thread, which is the caller's.
    pool: Option<ThreadPool>,
    jobs: usize,
    counter: Option<Arc<Counter>>,
}

/// How far checks have come, for whoever looks on.
#[derive(Debug, Default)]
pub struct Counter {
    known: AtomicUsize,
    done: AtomicUsize,
}

impl Counter {
    /// How many checks have ended.
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// How many there are that are known of: what others find may bring more.
    pub fn known(&self) -> usize {
        self.known.load(Ordering::Relaxed)
    }
}

impl Workers {
    /// As many as there are jobs to be done at a time; at least one.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(jobs: usize) -> anyhow::Result<Workers> {
        let jobs = jobs.max(1);
        let pool = match jobs {
            1 => None,
            jobs => {
                let name = |number| format!("check-{number}");
                Some(ThreadPoolBuilder::new().num_threads(jobs).thread_name(name).build()?)
            }
        };
        Ok(Workers {
            pool,
            jobs,
            counter: None,
        })
    }

    /// The same, which count what they do.
    #[must_use]
    pub fn counted(self, counter: Arc<Counter>) -> Workers {
        Workers {
            counter: Some(counter),
            ..self
        }
    }

    /// As many as this machine has processors for.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn of_machine() -> anyhow::Result<Workers> {
        Workers::new(processors())
    }
}

/// How many things to do at a time: so many as are asked for, or else as there are processors.
pub fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(processors, usize::from)
}

/// How many processors this process may use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Execute for Workers {
    fn execute(&self, count: usize, unit: &(dyn Fn(usize) + Sync)) -> Vec<Result<(), String>> {
        let guarded = |number: usize| {
            IS_CHECKING.set(true);
            let end = guarded(|| unit(number));
            IS_CHECKING.set(false);
            if let Some(counter) = &self.counter {
                counter.done.fetch_add(1, Ordering::Relaxed);
            }
            end
        };
        if let Some(counter) = &self.counter {
            counter.known.fetch_add(count, Ordering::Relaxed);
        }
        hush_checks();
        match &self.pool {
            None => (0..count).map(guarded).collect(),
            Some(pool) => pool.install(|| (0..count).into_par_iter().map(guarded).collect()),
        }
    }

    fn part_count(&self) -> usize {
        match self.jobs {
            1 => 1,
            jobs => jobs * PARTS_PER_THREAD,
        }
    }
}

thread_local! {
    /// Whether this thread carries out a check.
    static IS_CHECKING: Cell<bool> = const { Cell::new(false) };
}

/// From here on a panic of a check prints nothing: it is caught, and told in the report. Any other prints what it did.
fn hush_checks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_CHECKING.get() {
                print(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_panics_takes_no_other_with_it() {
        for jobs in [1, 2, 3] {
            let counter = Arc::new(Counter::default());
            let workers = Workers::new(jobs).expect("threads").counted(Arc::clone(&counter));
            let done = AtomicUsize::new(0);
            let ends = workers.execute(100, &|number| {
                assert!(number != 41, "number {number} is broken");
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.load(Ordering::Relaxed), 99);
            assert_eq!(
                (counter.done(), counter.known()),
                (100, 100),
                "one that panics has ended too"
            );
            let broken: Vec<_> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
            assert_eq!(broken, ["number 41 is broken"]);
            assert!(ends[41].is_err());
        }
    }
}
