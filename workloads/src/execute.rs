//! How checks are carried out: this crate says what there is to do, its caller where and when.

use quorate_checker::Finding;

/// One check of one part of a record. It depends on no other, and gives the same whenever and wherever it is carried out.
pub type Unit<'a> = Box<dyn Fn() -> Finding + Send + Sync + 'a>;

/// Carries out checks.
pub trait Execute {
    /// Carries out all `units`, in whatever order, and returns what they found in theirs.
    fn execute(&self, units: &[Unit<'_>]) -> Vec<Finding>;

    /// Into how many parts there is a point in cutting a record, so that none is left waiting.
    fn part_count(&self) -> usize;
}

/// Carries them out one after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder;

impl Execute for InOrder {
    fn execute(&self, units: &[Unit<'_>]) -> Vec<Finding> {
        units.iter().map(|unit| unit()).collect()
    }

    fn part_count(&self) -> usize {
        1
    }
}
