//! What the harness is made of, and the command that it makes, tested from outside.

mod archives;
mod arrows;
mod bad_input;
mod ci;
mod command;
mod corpora;
mod determinism;
mod fixes;
mod gossip;
mod html;
mod judging;
mod matrices;
mod node_verbs;
mod plants;
mod processes;
mod quic;
mod regressions;
mod replays;
mod serve;
mod shrink_histories;
mod shrink_runs;
mod simulated;
mod suites;
mod sweeps;
mod switch;
mod transactions;
