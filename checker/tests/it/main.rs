//! The checker from outside, in the four ways that a checker is tested: litmus histories, hierarchy, differential,
//! injection. Besides, events and text.

mod claims;
mod collections;
mod differential;
mod events;
mod fast;
mod hierarchy;
mod injection;
mod language;
mod litmus;
mod naive;
mod naive_collections;
mod replicas;
mod scatter;
mod store;
