//! The readers, for those who try to break them; no part of what this crate offers.
//!
//! The fuzz targets (`fuzz/`) and the replay of their corpus (`tests/it/formats/fuzz.rs`) call [`read`], which asserts what has
//! to hold whatever the bytes.

use super::{
    collected::Collected,
    error::ReadError,
    format::Format,
    reader::Reader,
    sink::Sink,
    write::{write_edn, write_jsonl},
};
use crate::transcript::{Entry, Transcript, TranscriptBuilder};

/// What became of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Entries that were read.
    pub entry_count: usize,
    /// Why no more were.
    pub error: Option<String>,
}

/// Reads what it can of a file of these bytes.
///
/// # Panics
/// If it matters how the file is cut into blocks, or an entry that was read is not read back from what is written of it, or a
/// transcript is not the same as that of its own entries.
pub fn read(format: Format, bytes: &[u8]) -> Outcome {
    let (entries, error) = read_in_blocks(format, bytes, bytes.len().max(1));
    // Any block length has to do; these depend on nothing but the bytes.
    let length = 1 + bytes
        .iter()
        .fold(bytes.len(), |sum, byte| sum.wrapping_mul(31) ^ usize::from(*byte))
        % 64;
    let (blocks_entries, blocks_error) = read_in_blocks(format, bytes, length);
    assert_eq!(blocks_error, error, "blocks of {length}: {}", bytes.escape_ascii());
    assert_eq!(blocks_entries, entries, "blocks of {length}: {}", bytes.escape_ascii());
    for (_, entry) in &entries {
        check_written(entry);
    }
    check_transcript(&entries);
    Outcome {
        entry_count: entries.len(),
        error: error.map(|error| error.to_string()),
    }
}

type Entries = Vec<(u64, Entry)>;

fn read_in_blocks(format: Format, bytes: &[u8], length: usize) -> (Entries, Option<ReadError>) {
    let mut entries = Entries::new();
    let mut sink = |line, entry| {
        entries.push((line, entry));
        Ok(())
    };
    let error = feed(format, bytes, length, &mut sink).err();
    (entries, error)
}

fn feed(format: Format, bytes: &[u8], length: usize, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let mut reader = Reader::new(format);
    for block in bytes.chunks(length) {
        reader.feed(block, sink)?;
    }
    reader.finish(sink)
}

fn check_written(entry: &Entry) {
    let edn = write_edn(entry);
    assert_eq!(read_line(Format::Edn, &edn).as_ref(), Some(entry), "{edn}");
    // What JSON can't say is lost the first time, and nothing the second.
    let once = read_line(Format::Jsonl, &write_jsonl(entry));
    let twice = once
        .as_ref()
        .and_then(|once| read_line(Format::Jsonl, &write_jsonl(once)));
    assert!(once.is_some() && once == twice, "{edn}");
}

fn read_line(format: Format, line: &str) -> Option<Entry> {
    let (mut entries, error) = read_in_blocks(format, line.as_bytes(), line.len());
    assert_eq!(error, None, "{line}");
    entries.pop().map(|(_, entry)| entry)
}

fn check_transcript(entries: &Entries) {
    let mut collected = Collected::new();
    for (line, entry) in entries {
        collected.take(*line, entry.clone()).expect("it takes all");
    }
    let Ok(transcript) = collected.into_transcript() else {
        return;
    };
    // Numbers made up for some may be those that others have.
    let is_all_or_none = |has: fn(&Entry) -> bool| {
        let count = entries.iter().filter(|(_, entry)| has(entry)).count();
        count == 0 || count == entries.len()
    };
    if is_all_or_none(|entry| entry.index.is_some()) && is_all_or_none(|entry| entry.process.is_some()) {
        // Places shift where others than clients stood between.
        assert_eq!(entries_again(&transcript).entries(), transcript.entries());
    }
}

fn entries_again(transcript: &Transcript) -> Transcript {
    let mut builder = TranscriptBuilder::new();
    for entry in transcript.entries() {
        builder.push(entry).expect("it is a transcript's");
    }
    builder.finish()
}
