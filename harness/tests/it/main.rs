//! What the harness is made of, and the command that it makes, tested from outside.

mod archives;
mod arrows;
mod bad_input;
mod command;
mod corpora;
mod determinism;
mod fixes;
mod gossip;
mod interrupted;
mod judging;
mod node_verbs;
mod plants;
mod processes;
mod quic;
mod real_faults;
mod regressions;
mod replays;
mod shrink_histories;
mod shrink_runs;
mod simulated;
mod suites;
mod sweeps;
mod switch;
mod transactions;
