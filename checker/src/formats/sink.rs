//! Where entries go that are read.

use super::error::Refusal;
use crate::transcript::{Entry, TranscriptBuilder};

/// Takes entries in the order in which a file has them.
pub trait Sink {
    /// Takes an entry, which begins on this line.
    ///
    /// # Errors
    /// It can't be taken; reading ends there.
    fn take(&mut self, line: u64, entry: Entry) -> Result<(), Refusal>;
}

impl<F: FnMut(u64, Entry) -> Result<(), Refusal>> Sink for F {
    fn take(&mut self, line: u64, entry: Entry) -> Result<(), Refusal> {
        self(line, entry)
    }
}

impl Sink for TranscriptBuilder {
    fn take(&mut self, _line: u64, entry: Entry) -> Result<(), Refusal> {
        Ok(self.push(entry)?)
    }
}
