//! Whole files at once, in the order of real time whatever order they are in.

use super::{
    error::{ReadError, Refusal},
    format::Format,
    reader::Reader,
    sink::Sink,
};
use crate::transcript::{Entry, Transcript, TranscriptBuilder, TranscriptError};

/// A sink that keeps all entries, each with its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    entries: Vec<(u64, Entry)>,
}

impl Collected {
    /// Returns a sink without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns all entries in the order of real time, each with its line: that of their indices if all have one, or else the file's.
    pub fn into_entries(mut self) -> Vec<(u64, Entry)> {
        if self.entries.iter().all(|(_, entry)| entry.index.is_some()) {
            self.entries.sort_by_key(|(_, entry)| entry.index);
        }
        self.entries
    }

    /// Returns the transcript of all entries.
    ///
    /// # Errors
    /// They are not one's.
    pub fn into_transcript(self) -> Result<Transcript, ReadError> {
        let mut builder = TranscriptBuilder::new();
        for (line, entry) in self.into_entries() {
            builder
                .take(line, entry)
                .map_err(|why| ReadError::Refused { line, why })?;
        }
        Ok(builder.finish())
    }
}

impl Sink for Collected {
    fn take(&mut self, line: u64, entry: Entry) -> Result<(), Refusal> {
        self.entries.push((line, entry));
        Ok(())
    }
}

/// Reads a whole file into a transcript.
///
/// # Errors
/// It is not of the format, or its entries are not a transcript's.
pub fn read_transcript(format: Format, bytes: &[u8]) -> Result<Transcript, ReadError> {
    let mut builder = TranscriptBuilder::new();
    match read(format, bytes, &mut builder) {
        Ok(()) => Ok(builder.finish()),
        Err(ReadError::Refused {
            why: Refusal::Transcript(TranscriptError::OutOfOrder { .. }),
            ..
        }) => {
            let mut entries = Collected::new();
            read(format, bytes, &mut entries)?;
            entries.into_transcript()
        }
        Err(error) => Err(error),
    }
}

fn read(format: Format, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ReadError> {
    let mut reader = Reader::new(format);
    reader.feed(bytes, sink)?;
    reader.finish(sink)
}
