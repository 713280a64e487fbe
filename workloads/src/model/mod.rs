//! Models: what a store of any kind was to be, and whether a record of it bears that out.
//!
//! Claims of our own store follow from its settings; a model is asked for by name, or taken from what the record is of.
//! [`judge_model`] asks the checker about everything that the model promises.

mod consistency;
mod judge;
mod kind;
mod promises;
pub(crate) mod transactions;

pub use self::{
    consistency::Consistency,
    judge::{Question, Record, judge_model},
    kind::Model,
};
