//! What clients do, and what must then hold.
//!
//! A workload draws what its clients do from a seed; [`claims`] says, from the store's settings, which promises they may
//! rely on and why; [`judge`] asks the checker whether the record bears them out. Pure: the harness runs clients, keeps
//! time and writes files.

mod action;
mod cas;
mod claims;
mod counter;
mod deletes;
mod execute;
mod figure;
mod judge;
mod keys;
mod memory;
mod model;
pub mod pbs;
mod property;
mod register;
mod set;
mod settings;
mod siblings;
mod tested;
mod transactions;
mod txn;
mod workload;

pub use self::{
    action::{Action, Step},
    claims::{Claim, Expectation, claims},
    execute::{Execute, InOrder},
    figure::Figure,
    judge::{
        BESIDE_THE_HISTORY, ChangeOfMembers, ClaimReport, ClaimVerdict, Judgement, RemovalOfLiving, RunFacts, Verdict,
        judge, judge_briefly,
    },
    model::{Consistency, Model, Question, Record, judge_model},
    property::Property,
    settings::{Clock, Quorums, ReadRepair, Settings, SettingsError, Tombstones, WritePath},
    tested::{Exercise, Floor, Stress, Tested, floors},
    transactions::{TxnRecord, judge_transactions},
    workload::{ActionLoad, LoadOptions, Workload},
};
