//! Spawns replicas as real processes, breaks what is between and under them, records every operation, and judges the
//! record.
//!
//! The same interpreter drives a cluster of processes and a simulated one through the same scenario into the same
//! history; the checker, which knows of neither, decides.

mod about;
pub mod amount;
pub mod archive;
pub mod backend;
mod blocks;
pub mod checking;
pub mod ci;
pub mod cli;
pub mod cluster;
pub mod coverage;
pub mod doctor;
pub mod duration;
pub mod exit;
pub mod fault;
pub mod fault_log;
pub mod fix;
pub mod fsync;
pub mod gossip;
pub mod grid;
pub mod history_file;
pub mod input;
pub mod interpreter;
pub mod interrupt;
pub mod judging;
pub mod latency;
pub mod level;
pub mod load;
pub mod matrix;
pub mod members;
pub mod moves;
pub mod nemesis;
pub mod operations;
pub mod parallel;
pub mod plan;
pub mod predict;
pub mod program;
pub mod rate;
pub mod record;
pub mod replay;
pub mod replay_log;
pub mod report;
pub mod run_folder;
pub mod runs;
pub mod scenario;
pub mod script;
pub mod serve;
pub mod shell;
pub mod shrink;
pub mod simulation;
pub mod size;
pub mod suite;
pub mod sweep;
pub mod switch;
pub mod tape;
pub mod threshold;
pub mod told;
pub mod tombstones;
pub mod transaction;
pub mod trial;
pub mod txns_file;
pub mod utc;
pub mod whole_file;
pub mod workers;
