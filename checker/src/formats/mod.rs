//! Histories in the formats of other tools.

pub mod awdit;
pub mod plume;
