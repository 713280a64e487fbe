//! What clients do, and what must then hold.
//!
//! A workload draws what its clients do from a seed; [`claims`] says, from the store's settings, which promises they may
//! rely on and why; [`judge`] asks the checker whether the record bears them out. Pure: the harness runs clients, keeps
//! time and writes files.

mod action;
mod claims;
mod counter;
mod deletes;
mod judge;
mod keys;
mod memory;
mod pieces;
mod register;
mod set;
mod settings;
mod siblings;
mod workload;

pub use self::{
    action::Action,
    claims::{Claim, Expectation, claims},
    judge::{ClaimReport, ClaimVerdict, Judgement, RunFacts, Verdict, judge, judge_by},
    pieces::{InOrder, Workers},
    settings::{Clock, Quorums, ReadRepair, Settings, SettingsError, Tombstones, WritePath},
    workload::{ActionLoad, LoadOptions, Workload},
};
