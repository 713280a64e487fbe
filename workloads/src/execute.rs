//! How checks are carried out: as the checker has it.

pub use quorate_checker::execute::{Execute, InOrder};
pub(crate) use quorate_checker::execute::{both, map};
