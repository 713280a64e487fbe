//! The objects of Jepsen's workloads, as Knossos (`knossos.model`) and Porcupine's models have them.

mod mutex;
mod register;

pub use mutex::{Mutex, MutexOp};
pub use register::{Register, RegisterOp};

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::transcript::Call;

/// Returns the mark of something that is told apart from others by its value.
fn mark(of: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Says that an object has no such function.
fn unknown_function(object: &str, call: &Call) -> String {
    format!("a {object} has no {:?}", call.function)
}
