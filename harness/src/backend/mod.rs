//! The clusters that a run can be made on.

mod processes;
mod simulated;

pub use self::{
    processes::{Passing, ProcessCluster, ProcessOptions},
    simulated::{SimulatedCluster, SimulatedOptions},
};
