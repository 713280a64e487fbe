//! Judges histories of replicated stores: history in, verdict with evidence out.
//!
//! A pure library: no input or output, no clock, no threads, no chance. Its caller records [`Event`]s, pushes them in
//! the order of real time into a [`HistoryBuilder`], and asks each check in [`checks`] what it finds in the
//! [`History`]. A [`Finding`] counts what was tested and what was violated, and its [`Witness`] is a violation that
//! stands alone: the fewest ops that still break the claim, and words for them.
//!
//! [`checks`] judges registers; [`siblings`], [`sets`] and [`counters`] judge histories of these, in the same way.
//!
//! Histories of other stores are read by [`formats`] into a [`Transcript`] of calls, whatever they call: [`linear`] judges it
//! against any sequential [`linear::Model`], [`jepsen`] as Jepsen's own checkers do, [`causal`] as sessions of transactions, and
//! [`register_history`] makes a [`History`] of one of registers. [`timeline`] draws any witness.
//!
//! ```
//! use quorate_checker::{Context, FaultSpan, checks, text};
//!
//! let history = text::parse(
//!     "p3 reads 41 although 57 had been acknowledged 51 ms before.
//!
//!         2900..2950    p1  write k17 41   node=n4
//!         3100..3150    p1  write k17 57   node=n4
//!         3201..3204    p3  read k17 -> 41 node=n2
//!     ",
//! )?;
//! let fault = FaultSpan { label: "n2 isolated".into(), start_ns: 3_000_000_000, end_ns: None };
//! let context = Context { faults: vec![fault], ..Context::default() };
//!
//! let finding = checks::fresh_reads(&history, &context);
//! assert_eq!((finding.tested, finding.count), (1, 1));
//! let witness = finding.witness.expect("a violation has evidence");
//! assert_eq!(witness.ops.len(), 3);
//! assert_eq!(
//!     witness.text,
//!     "p3 read k17 through n2 (3.201 s to 3.204 s) and got 41, although p1's write of 57 through n4 had been \
//!      acknowledged at 3.150 s, 51 ms before the read began, and 41 had been written before 57's write began. \
//!      Faults meanwhile: n2 isolated (from 3.000 s on)."
//! );
//! # Ok::<(), quorate_checker::text::TextError>(())
//! ```

pub mod causal;
pub mod checks;
pub mod cluster;
mod collections;
pub mod counters;
mod counts;
mod cycles;
mod datum;
mod evidence;
pub mod execute;
pub mod formats;
mod history;
pub mod isolation;
pub mod jepsen;
pub mod linear;
pub mod sets;
pub mod siblings;
mod swar;
pub mod text;
mod transcript;

pub use counts::{Counts, OutcomeCounts, Spans};
pub use datum::{Datum, EdnError, Forms};
pub use evidence::{Context, Crash, Doubt, FaultSpan, Finding, Witness, WitnessOp, timeline};
pub use history::{
    Action, Event, EventKind, EventRef, Function, History, HistoryBuilder, HistoryError, Irregularity, KeyId,
    LineError, NodeId, Observation, Op, Outcome, Phase, Position, Process, ProcessId, ProcessRef, ValueId, ValueRef,
    Version, VersionId, VersionRef,
};
pub use transcript::{
    Call, Entry, EntryError, Keying, NotRegisters, Transcript, TranscriptBuilder, TranscriptError, register_history,
    register_transcript,
};
