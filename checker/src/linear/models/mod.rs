//! The objects of Jepsen's workloads, as Knossos (`knossos.model`) and Porcupine's models have them.

mod counter;
mod kv;
mod mutex;
mod queue;
mod register;
mod registers;
mod set;

pub use counter::{Counter, CounterOp};
pub use kv::{Kv, KvOp};
pub use mutex::{Mutex, MutexOp};
pub use queue::{Queue, QueueOp, QueueOrder};
pub use register::{Register, RegisterOp};
pub use registers::{Registers, RegistersOp};
pub use set::{Set, SetOp};

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::transcript::Call;

/// Returns the mark of something that is told apart from others by its value.
fn mark(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = FxHasher::default();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Says that an object has no such function.
fn unknown_function(object: &str, call: &Call) -> String {
    format!("a {object} has no {:?}", call.function)
}
