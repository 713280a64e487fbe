//! Transcripts: what was asked of a store of any kind, and what it answered.
//!
//! A [`History`](crate::History) is of keys that are read and written, with all that our own store tells of them. A
//! transcript is of anything else that a client may call: locks, queues, counters, accounts. Entries come in as a format
//! gives them; a builder pairs them into calls; models judge the calls.

mod builder;
mod call;
mod draft;
mod entry;
mod registers;

pub use builder::{TranscriptBuilder, TranscriptError};
pub use call::{Call, Keying, Transcript};
pub(crate) use draft::Draft;
pub use entry::{Entry, EntryError};
pub use registers::{NotRegisters, register_history, register_transcript};
