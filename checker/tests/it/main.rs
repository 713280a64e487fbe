//! The checker from outside, in the four ways that a checker is tested: litmus histories, hierarchy, differential,
//! injection. Besides, events and text.

mod blocks;
mod causal;
mod causal_store;
mod claims;
mod collections;
mod compared;
mod corpora;
mod differential;
mod events;
mod fast;
mod formats;
mod hierarchy;
mod injection;
mod isolation;
mod jepsen;
mod language;
mod linear;
mod lines;
mod litmus;
mod naive;
mod naive_causal;
mod naive_collections;
mod naive_registers;
mod parts;
mod registers;
mod registers_large;
mod replica_report;
mod replicas;
mod scatter;
mod sibling_order;
mod store;
mod tangle;
mod timeline;
mod values;
