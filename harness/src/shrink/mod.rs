//! From what breaks a claim to the least of it that still does.
//!
//! [`ddmin`] is the engine: it knows nothing of what it leaves out, and asks for each part whether that still fails.
//! [`shrink_history`] asks it about the operations of a history, and judges each part; [`ShrunkFolder`] keeps the best so far.

pub mod ddmin;
mod folder;
mod history;
mod operations;
pub mod run;

pub use self::{
    ddmin::{Minimized, Thoroughness, minimize},
    folder::{Again, ShrunkFolder},
    history::{ShrinkBudget, Shrunk, Smaller, shrink_history},
};
