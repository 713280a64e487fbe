//! The clusters that a run can be made on.

mod simulated;

pub use self::simulated::SimulatedCluster;
