//! The checker from outside, in the four ways that a checker is tested: litmus histories, hierarchy, differential,
//! injection. Besides, events and text.

mod causal;
mod causal_store;
mod claims;
mod collections;
mod corpora;
mod differential;
mod events;
mod hierarchy;
mod injection;
mod language;
mod litmus;
mod naive;
mod naive_causal;
mod naive_collections;
mod replicas;
mod scatter;
mod sibling_order;
mod store;
mod values;
