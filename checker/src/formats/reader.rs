//! The reader: from bytes to entries, in whatever blocks the bytes come.
//!
//! It holds what is incomplete, from the beginning of an op that goes on beyond the bytes that there are. What is held is looked at again
//! only when it has doubled, so that a file is read in linear time even a byte at a time.

use super::{
    columns::{Columns, Dialect},
    edn,
    error::ReadError,
    format::Format,
    json,
    maelstrom::Maelstrom,
    part::{LineByLine, Output, Parse, Part},
    sink::Sink,
    txn_text::{Awdit, Plume},
};

/// Reads one file of a format.
#[derive(Debug)]
pub struct Reader {
    parser: Box<dyn Parse>,
    held: Vec<u8>,
    /// How much has to be held before there is a point in looking at it again.
    enough: usize,
    line: u64,
    entry_count: u64,
    torn: Option<u64>,
}

impl Reader {
    /// The longest op that is read: far longer than any that a test makes, and far shorter than what would fill the memory
    /// where a file is no history at all.
    pub const OP_BYTES_MAX: usize = 1 << 28;

    /// Bytes are looked at in pieces of this size, so that a whole file that is fed at once is not copied at once.
    const PIECE_BYTES: usize = 1 << 18;

    /// Returns a reader at the beginning of a file.
    pub fn new(format: Format) -> Self {
        let parser: Box<dyn Parse> = match format {
            Format::Jsonl => Box::new(LineByLine(json::Objects::default())),
            Format::Json => Box::new(json::Array::default()),
            Format::Edn | Format::KvLog => Box::new(edn::Ops::default()),
            Format::HistoryTxt => Box::new(LineByLine(Columns(Dialect::HistoryTxt))),
            Format::EtcdLog => Box::new(LineByLine(Columns(Dialect::EtcdLog))),
            Format::Maelstrom => Box::new(LineByLine(Maelstrom::default())),
            Format::Awdit => Box::new(LineByLine(Awdit::default())),
            Format::Plume => Box::new(LineByLine(Plume::default())),
        };
        Self {
            parser,
            held: Vec::new(),
            enough: BYTE_ORDER_MARK.len(),
            line: 1,
            entry_count: 0,
            torn: None,
        }
    }

    /// Takes the file's next bytes, and gives `sink` the entries that are complete.
    ///
    /// # Errors
    /// The file is not of the format, or the sink takes no more. The reader is of no further use.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ReadError> {
        for piece in bytes.chunks(Self::PIECE_BYTES) {
            self.held.extend_from_slice(piece);
            if self.held.len() >= self.enough {
                self.read(false, sink)?;
            }
        }
        Ok(())
    }

    /// Takes in that the file ends here, and gives `sink` the last entries.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        self.read(true, sink)
    }

    /// Returns the line at the file's end that was passed over, if its writer seems to have died within it.
    pub fn torn(&self) -> Option<u64> {
        self.torn
    }

    /// Returns how many entries have been given.
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    fn read(&mut self, is_last: bool, sink: &mut dyn Sink) -> Result<(), ReadError> {
        let is_first = self.line == 1 && self.enough == BYTE_ORDER_MARK.len();
        if is_first && self.held.starts_with(BYTE_ORDER_MARK) {
            self.held.drain(..BYTE_ORDER_MARK.len());
        }
        let part = Part {
            bytes: &self.held,
            line: self.line,
            is_last,
        };
        let mut output = Output::new(sink, &mut self.entry_count, &mut self.torn);
        let progress = self.parser.read(part, &mut output)?;
        self.held.drain(..progress.byte_count);
        self.line = progress.line;
        self.enough = 2 * self.held.len().max(BYTE_ORDER_MARK.len());
        if self.held.len() > Self::OP_BYTES_MAX {
            let limit = Self::OP_BYTES_MAX >> 20;
            return Err(ReadError::text(
                self.line,
                format!("an op that goes on for more than {limit} MiB"),
            ));
        }
        Ok(())
    }
}

/// What some editors begin a file with; it stands for nothing.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
