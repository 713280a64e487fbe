//! Linearizability of objects that are more than a register.

pub mod fast;
