//! How checks are carried out: as the checker has it.

pub(crate) use quorate_checker::execute::map;
pub use quorate_checker::execute::{Execute, InOrder};
