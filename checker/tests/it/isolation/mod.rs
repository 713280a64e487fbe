//! Transactions on lists and registers, judged by their dependencies.

mod corpora;
mod differential;
mod hierarchy;
mod litmus;
mod naive;
mod notation;
mod orders;
mod reading;
mod simulators;
mod stores;
mod views;
mod weak;
