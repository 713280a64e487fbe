//! Who runs the cells of a matrix: the simulator, or real processes.

use std::ops::ControlFlow;

use super::measure::{RunMeasure, measure};
use crate::{interrupt::Interrupted, parallel::in_order, run_folder::Backend, scenario::Scenario, workers::Workers};

/// A run that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is run.
    pub scenario: &'a Scenario,
    /// With which seed.
    pub seed: u64,
}

/// What is told of runs that were asked for, by their place among them.
#[derive(Debug)]
pub enum Told<'a> {
    /// One goes on, and has come this far.
    GoesOn(usize, &'a str),
    /// One has ended.
    Ended(usize, Box<RunMeasure>),
}

/// Whoever runs cells.
pub trait Runner {
    /// What they are run on.
    fn backend(&self) -> Backend;

    /// Runs each of these once, and tells how they end in their order. Breaks if the user wants no more: what has not ended by
    /// then does not count.
    ///
    /// # Errors
    /// If nothing can be run. A run that fails by itself is told as one that has ended.
    fn run(&mut self, asked: &[Asked<'_>], tell: &mut dyn FnMut(Told<'_>)) -> anyhow::Result<ControlFlow<()>>;
}

/// Runs them in virtual time.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// How many at a time.
    pub jobs: usize,
    /// Whether the user wants no more.
    pub interrupted: Interrupted,
}

impl Runner for Simulated {
    fn backend(&self) -> Backend {
        Backend::Simulated
    }

    fn run(&mut self, asked: &[Asked<'_>], tell: &mut dyn FnMut(Told<'_>)) -> anyhow::Result<ControlFlow<()>> {
        let judge = Workers::new(1)?;
        let work = |number: u64| {
            let Asked { scenario, seed } = asked[number as usize];
            measure(scenario, seed, &judge)
        };
        let mut ended = ControlFlow::Continue(());
        in_order(self.jobs, asked.len() as u64, &work, &mut |number, measured| {
            let at = number as usize;
            let measured = measured.unwrap_or_else(|why| RunMeasure::failed(asked[at].seed, &why));
            tell(Told::Ended(at, Box::new(measured)));
            if self.interrupted.is_so() {
                ended = ControlFlow::Break(());
            }
            ended
        });
        Ok(ended)
    }
}
