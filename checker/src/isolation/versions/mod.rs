//! Orders of versions of registers: whether there is one that explains what was read, and if not, why.
//!
//! What transactions read tells who read from whom, and says nothing of which of two writes of a key came first. A history is
//! serializable, or a history of snapshots, if some order of the versions of each key leaves its dependencies without the cycles that
//! are ruled out: a choice for each two writers of a key, with dependencies that follow from it (Papadimitriou's polygraphs, JACM 1979).
//! To decide it is hard in general (NP-complete) and nearly always easy: a serial execution in an order that real time suggests
//! ([`guess`]) leaves few reads that contradict it, and only for those are choices made, doubted and learnt from ([`search`]), as
//! Cobra (Tan et al., OSDI 2020) and PolySI (Huang et al., VLDB 2023) do it with a solver: here each choice is a variable that comes
//! into being when it is first needed, and its theory is a topological order that is kept up ([`topology`]).
//!
//! What has no order is cut down to a few transactions, and shown choice by choice ([`cases`]).

mod cases;
mod guess;
mod lines;
mod moments;
mod problem;
mod search;
mod topology;
mod zones;

pub(super) use cases::{Proof, prove, weakest_first};
pub(super) use problem::{Level, Problem};
pub(super) use search::{Answer, decide};
