//! The search for linearizations, in the four ways that a checker is tested, and on public histories.

mod corpora;
mod differential;
mod grounds;
mod injection;
mod litmus;
mod naive;
mod notation;
mod objects;
