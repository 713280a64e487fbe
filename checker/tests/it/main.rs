//! The checker from outside, in the four ways that a checker is tested: litmus histories, hierarchy, differential,
//! injection. Besides, events and text.

mod causal;
mod causal_store;
mod claims;
mod collections;
mod corpora;
mod differential;
mod events;
mod formats;
mod hierarchy;
mod injection;
mod language;
mod lines;
mod linear;
mod litmus;
mod naive;
mod naive_causal;
mod naive_collections;
mod naive_registers;
mod parts;
mod registers;
mod replicas;
mod scatter;
mod sibling_order;
mod store;
mod values;
