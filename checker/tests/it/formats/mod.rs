//! Files in, entries out, and back: every format from outside.

mod accepted;
mod broken;
mod corpora;
mod fuzz;

use quorate_checker::{
    Entry,
    formats::{Format, ReadError, Reader, Refusal, Sink},
};

/// What a file reads as.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    /// Entries, each with its line.
    pub(crate) entries: Vec<(u64, Entry)>,
    pub(crate) torn: Option<u64>,
    pub(crate) error: Option<ReadError>,
}

impl Sink for File {
    fn take(&mut self, line: u64, entry: Entry) -> Result<(), Refusal> {
        self.entries.push((line, entry));
        Ok(())
    }
}

impl File {
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }
}

/// Reads a file, fed in blocks of these lengths, again and again.
pub(crate) fn read_in_blocks(format: Format, bytes: &[u8], lengths: &[usize]) -> File {
    let mut reader = Reader::new(format);
    let mut file = File::default();
    let mut rest = bytes;
    let mut lengths = lengths.iter().copied().cycle();
    let mut outcome = Ok(());
    while !rest.is_empty() && outcome.is_ok() {
        let (block, after) = rest.split_at(lengths.next().unwrap_or(rest.len()).min(rest.len()));
        outcome = reader.feed(block, &mut file);
        rest = after;
    }
    file.error = outcome.and_then(|()| reader.finish(&mut file)).err();
    file.torn = reader.torn();
    file
}

/// Reads a file at once.
pub(crate) fn read(format: Format, bytes: &[u8]) -> File {
    read_in_blocks(format, bytes, &[])
}
