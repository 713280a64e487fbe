//! Predicting how stale reads are, and how long reads and writes take, from the delays of messages alone.
//!
//! Bailis, Venkataraman, Franklin, Hellerstein and Stoica, *Probabilistically Bounded Staleness for Practical Partial Quorums*
//! (VLDB 2012): the model WARS, named after its four one-way delays, drawn many times over. It knows no hints, no anti-entropy, no
//! failures but lost messages, and no queues, so that what it says of staleness some time after a write is an upper bound.
//!
//! [`Model`] says what is drawn, [`Model::trials`] draws a block of it, and [`Prediction`] is what many blocks amount to. Blocks are
//! numbered, and what comes of each depends on the seed and its number alone, so that any number of threads gives the same answer.

mod delays;
mod distribution;
mod elementary;
mod expression;
mod histogram;
mod model;
mod needs;
mod prediction;
mod trials;
mod versions;

pub use self::{
    delays::{DataCenters, DelaysError},
    distribution::{Distribution, Part, Shape},
    expression::ExpressionError,
    histogram::{HistogramError, LegSamples},
    model::{Legs, Model, ModelError, Placement, Repair},
    needs::{Candidate, Miss, Needs, Ruling, recommend},
    prediction::{Estimate, Prediction, Quantiles},
    trials::{BLOCK_TRIALS, Quorum, Trials},
    versions::{monotonic_reads_exponent, within_versions},
};
