//! N x R x W x write path x faults: each a cell, run many times, and what each choice costs and breaks in one table.
//!
//! A [`Spec`] says which cells there are; [`run`] runs each over several seeds, in virtual time and under load that does not wait
//! ([`measure`]), and goes on with those that can't be told apart from their neighbours as long as there is time; [`CellReport`] is
//! what the runs of one amount to, each figure with how sure it is. [`compare`] says what differs between two tables beyond that, and
//! [`html`] draws one.

mod compare;
mod figures;
mod html;
mod measure;
mod meter;
mod predicted;
mod report;
mod run;
mod sketch;
mod spec;
mod svg;

pub use self::{
    compare::{Difference, compare},
    figures::{CellReport, ClaimCell, FIGURES, FaultCell, Figure, LateReads, Meaning},
    html::html,
    measure::{RunMeasure, measure},
    meter::{Legs, Meter, Traffic},
    predicted::{Band, Predicted},
    report::MatrixReport,
    run::{Plan, run},
    sketch::Sketch,
    spec::{Cell, Spec, SpecError},
};
