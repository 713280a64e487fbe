//! From what breaks a claim to the least of it that still does.
//!
//! [`ddmin`] is the engine: it knows nothing of what it leaves out, and asks for each part whether that still fails.

pub mod ddmin;
pub mod run;

pub use self::ddmin::{Minimized, Thoroughness, minimize, minimize_further};
