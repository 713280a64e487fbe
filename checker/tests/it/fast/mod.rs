//! The near-linear ways from outside: against a search through all orders, on litmus histories, and in the large.

mod differential;
mod injection;
mod litmus;
mod naive;
mod scatter;
mod trial;
