//! Linearizability of any object that a sequential model describes, by search: calls in, [`Finding`](crate::Finding) out.
//!
//! A history is linearizable if each call can be given one instant between its start and its end so that the calls, in the
//! order of these instants, are what the model allows (Herlihy and Wing, *Linearizability*, TOPLAS 1990). To find such an
//! order is NP-complete; the search here is made for what histories of stores are like, has a [`Budget`], and ends in
//! `unknown` where that is not enough. Where values are written once there are better ways than a search.
//!
//! - [`Model`] says what an object does; [`models`] has those of Jepsen's workloads, and [`ModelKind`] their names.
//! - [`check`] judges a transcript as one object; [`Grounds`] says which of its calls show by themselves that it is not one.

mod budget;
mod check;
mod decide;
pub mod fast;
mod grounds;
mod kind;
mod model;
pub mod models;
mod registers;
mod search;
mod seen;
mod shrink;
mod space;
mod states;
mod tell;
mod timeline;
mod usage;

pub use budget::{Budget, Strategy};
pub use check::{check, is_linearizable};
pub use decide::decide;
pub use grounds::Grounds;
pub use kind::{ModelKind, Nil, Options, check_kind};
pub use model::{Marks, Model, Parsed};
pub use registers::registers;
pub use search::Verdict;
