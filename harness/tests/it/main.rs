//! What the harness is made of, and the command that it makes, tested from outside.

mod arrows;
mod bad_input;
mod command;
mod corpora;
mod judging;
mod node_verbs;
mod processes;
mod quic;
mod regressions;
mod shrinking;
mod simulated;
mod switch;
