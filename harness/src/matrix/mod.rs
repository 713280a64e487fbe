//! N x R x W x write path x faults: each a cell, run many times, and what each choice costs and breaks in one table.
//!
//! A [`Spec`] says which cells there are; [`run`] has a [`Runner`] run each over several seeds, in virtual time ([`Simulated`]) or on
//! real processes ([`Processes`]), under load that does not wait, and goes on with those that can't be told apart from their neighbours
//! as long as there is time; [`CellReport`] is what the runs of one amount to, each figure with how sure it is. [`compare`] says what
//! differs between two tables beyond that, and [`html`] draws one.

mod compare;
mod figures;
mod html;
mod measure;
mod meter;
mod predicted;
mod processes;
mod report;
mod run;
mod runner;
mod sketch;
mod spec;
mod svg;

pub use self::{
    compare::{Difference, compare},
    figures::{CellReport, ClaimCell, FIGURES, FaultCell, Figure, LateReads, Meaning},
    html::html,
    measure::{Datagrams, RunMeasure, measure},
    meter::{Legs, Meter, Traffic},
    predicted::{Band, Predicted},
    processes::Processes,
    report::MatrixReport,
    run::{Far, Plan, run},
    runner::{Asked, Runner, Simulated, Told},
    sketch::Sketch,
    spec::{Cell, Spec, SpecError},
};
