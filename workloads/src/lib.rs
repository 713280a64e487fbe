//! What clients do, and what must then hold.
//!
//! A workload draws what its clients do from a seed; [`claims`] says, from the store's settings, which promises they may
//! rely on and why; [`judge`] asks the checker whether the record bears them out. Pure: the harness runs clients, keeps
//! time and writes files.

mod claims;
mod judge;
mod register;
mod settings;

pub use self::{
    claims::{Claim, Expectation, claims},
    judge::{ClaimReport, ClaimVerdict, Judgement, RunFacts, Verdict, judge},
    register::{Action, RegisterLoad, RegisterOptions},
    settings::{ReadRepair, Settings, SettingsError},
};
