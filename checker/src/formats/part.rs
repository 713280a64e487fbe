//! A part of a file, as what parses a format gets it, and where it puts what it finds there.

use std::fmt::Debug;

use super::{error::ReadError, sink::Sink};
use crate::{datum::EdnError, transcript::Entry};

/// A part of a file: from where reading stopped last to as far as the bytes are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    /// The line on which it begins.
    pub(super) line: u64,
    /// Whether the file ends with it.
    pub(super) is_last: bool,
}

/// How far a part has been read: what is complete in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) byte_count: usize,
    /// The line on which the next part begins.
    pub(super) line: u64,
}

/// Where entries go.
pub(super) struct Output<'a> {
    sink: &'a mut dyn Sink,
    entry_count: &'a mut u64,
    torn: &'a mut Option<u64>,
}

impl<'a> Output<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, entry_count: &'a mut u64, torn: &'a mut Option<u64>) -> Self {
        Self {
            sink,
            entry_count,
            torn,
        }
    }

    /// Gives an entry, which begins on this line.
    pub(super) fn entry(&mut self, line: u64, entry: Entry) -> Result<(), ReadError> {
        *self.entry_count += 1;
        self.sink
            .take(line, entry)
            .map_err(|why| ReadError::Refused { line, why })
    }

    /// Returns whether anything has been given.
    pub(super) fn has_entries(&self) -> bool {
        *self.entry_count > 0
    }

    /// Notes that the file was torn in this line, which is passed over.
    pub(super) fn torn(&mut self, line: u64) {
        *self.torn = Some(line);
    }
}

/// What parses a format.
pub(super) trait Parse: Debug + Send {
    /// Reads what is complete in `part`; all of it if it is the last.
    fn read(&mut self, part: Part<'_>, output: &mut Output<'_>) -> Result<Progress, ReadError>;
}

/// Parses a format whose lines each stand alone.
#[derive(Debug)]
pub(super) struct LineByLine<L>(pub(super) L);

/// What parses the lines of a format.
pub(super) trait ParseLine: Debug + Send {
    /// Returns whether a malformed last line without an end may be the beginning of one, torn by a death of its writer.
    fn may_be_torn(&self, line: &[u8]) -> bool;

    /// Takes in a line that is not blank, without its end.
    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError>;

    /// Takes in that there are no more lines.
    fn end(&mut self, _output: &mut Output<'_>) -> Result<(), ReadError> {
        Ok(())
    }
}

/// A line of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Without white space around it.
    pub(super) bytes: &'a [u8],
    pub(super) number: u64,
}

/// Why a line was not taken in.
#[derive(Debug)]
pub(super) enum LineError {
    /// It does not have the form that lines have, as one that is torn may not.
    Malformed(String),
    /// It has, but is wrong.
    Wrong(ReadError),
}

impl From<ReadError> for LineError {
    fn from(error: ReadError) -> Self {
        Self::Wrong(error)
    }
}

impl From<EdnError> for LineError {
    fn from(error: EdnError) -> Self {
        Self::Malformed(error.why)
    }
}

impl<L: ParseLine> Parse for LineByLine<L> {
    fn read(&mut self, part: Part<'_>, output: &mut Output<'_>) -> Result<Progress, ReadError> {
        let mut progress = Progress {
            byte_count: 0,
            line: part.line,
        };
        loop {
            let rest = &part.bytes[progress.byte_count..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.is_none() && !part.is_last {
                return Ok(progress);
            }
            let bytes = rest[..end.unwrap_or(rest.len())].trim_ascii();
            let number = progress.line;
            if !bytes.is_empty() {
                match self.0.line(Line { bytes, number }, output) {
                    Ok(()) => {}
                    Err(LineError::Malformed(why)) => {
                        if end.is_some() || !output.has_entries() || !self.0.may_be_torn(bytes) {
                            return Err(ReadError::text(number, why));
                        }
                        output.torn(number);
                    }
                    Err(LineError::Wrong(error)) => return Err(error),
                }
            }
            match end {
                Some(length) => {
                    progress.byte_count += length + 1;
                    progress.line += 1;
                }
                None => {
                    self.0.end(output)?;
                    progress.byte_count = part.bytes.len();
                    return Ok(progress);
                }
            }
        }
    }
}
