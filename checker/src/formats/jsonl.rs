//! Histories as lines of JSON, an event each: our own form, read at the speed of a scan.
//!
//! [`Event::to_line`] writes an event's fields in one order and without spaces, and most texts need no escapes. A line of
//! that shape is scanned from left to right into numbers and places of texts, without allocating. Whatever it is not, down
//! to a number that is too long, is handed whole to [`Event::parse`], so that a line means what that makes of it, always.
//!
//! Lines come in blocks, which can be scanned in any order and on any thread, and then give their events in turn.

mod line;

use std::{string::FromUtf8Error, sync::Arc};

use crate::history::{Batch, Event, EventRef, History, HistoryBuilder, HistoryError, LineError, NotForBatches};

use line::{Line, scan};

/// How much text is a good block: its events and it stay in a processor's cache until a builder has taken them, and of a
/// thousand keys each has a few.
pub const BLOCK_BYTES: usize = 1 << 20;

/// Reads a history from the whole text of its file. A torn last line, which a writer that died leaves, is passed over.
///
/// # Errors
/// The first line that is no event, or not one that can follow those before it.
pub fn read(text: &[u8]) -> Result<History, JsonlError> {
    let mut builder = HistoryBuilder::new();
    let (mut rest, mut lines_before) = (text, 0);
    while !rest.is_empty() {
        let size = match rest.get(..BLOCK_BYTES) {
            None => rest.len(),
            Some(block) => whole_lines(block).unwrap_or_else(|| first_line(rest)),
        };
        let (block, after) = rest.split_at(size);
        let mut block = Block::scan(Buffers::from(block.to_vec()));
        block.push_into(&mut builder, lines_before)?;
        lines_before += block.line_count();
        rest = after;
    }
    Ok(builder.finish())
}

/// Returns how many bytes the first line takes, its end included.
fn first_line(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |end| end + 1)
}

/// Returns how many bytes of `text` are whole lines, if there is one.
pub fn whole_lines(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1)
}

/// A history's file is not one. Nothing of it was judged.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct JsonlError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: LineProblem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LineProblem {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// It is not an event.
    #[error(transparent)]
    NotAnEvent(Arc<LineError>),
    /// The event can't follow those before it.
    #[error("{0}")]
    History(HistoryError),
}

/// Whole lines of a history's file, scanned.
#[derive(Debug)]
pub struct Block {
    text: String,
    line_count: usize,
    batch: Box<Batch>,
    /// Whether the batch has taken all events. If not, they are listed.
    is_paired: bool,
    /// With the line of each, from 0; if nobody has needed them so, none.
    listed: Vec<(u32, Scanned)>,
    failure: Option<Failure>,
}

/// The memory of a block, for another.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Filled with the lines to scan.
    pub text: Vec<u8>,
    batch: Box<Batch>,
    listed: Vec<(u32, Scanned)>,
}

/// An event and where it came from.
#[derive(Debug)]
enum Scanned {
    Line(Line),
    Parsed(Box<Event>),
}

/// The first line that is no event. Those after it were not scanned.
#[derive(Debug)]
struct Failure {
    /// From 0.
    line: usize,
    why: LineProblem,
    /// Whether the line lacks its end.
    is_torn: bool,
}

impl Block {
    /// Scans the text of `buffers`: whole lines, of which the last of a file may lack its end.
    pub fn scan(buffers: Buffers) -> Self {
        let Buffers { text, batch, listed } = buffers;
        let (text, not_text) = match String::from_utf8(text) {
            Ok(text) => (text, None),
            Err(error) => text_before(&error),
        };
        let mut block = Self {
            text,
            line_count: 0,
            batch,
            is_paired: false,
            listed,
            failure: None,
        };
        (block.line_count, block.failure) = match block.pair() {
            Ok(end) => {
                block.is_paired = true;
                end
            }
            Err(NotForBatches) => block.list(),
        };
        if let (None, Some(is_torn)) = (&block.failure, not_text) {
            block.failure = Some(Failure {
                line: block.line_count,
                why: LineProblem::NotText,
                is_torn,
            });
        }
        block
    }

    /// Returns the memory for another block.
    pub fn into_buffers(self) -> Buffers {
        Buffers {
            text: self.text.into_bytes(),
            batch: self.batch,
            listed: self.listed,
        }
    }

    /// Returns how many lines there are, empty ones included, or were until one failed.
    pub fn line_count(&self) -> usize {
        self.line_count
    }

    /// Returns the events in order, each with its line, from 0.
    pub fn events(&mut self) -> impl Iterator<Item = (usize, EventRef<'_>)> {
        if self.is_paired {
            self.list();
        }
        self.listed
            .iter()
            .map(|(line, event)| (*line as usize, event.event(&self.text)))
    }

    /// Returns what is wrong with the line after the last that was scanned, if anything is.
    pub fn problem(&self) -> Option<&LineProblem> {
        self.failure.as_ref().map(|failure| &failure.why)
    }

    /// Gives the events to `builder`. So many lines of the file came before this block.
    ///
    /// # Errors
    /// The first line that is no event, or not one that can follow those before it. A last line that is torn is passed
    /// over, unless it is the only one.
    pub fn push_into(&mut self, builder: &mut HistoryBuilder, lines_before: usize) -> Result<(), JsonlError> {
        if !self.is_paired || builder.push_batch(&self.batch).is_err() {
            for (line, event) in self.events() {
                builder.push_ref(event).map_err(|error| JsonlError {
                    line: lines_before + line + 1,
                    why: LineProblem::History(error),
                })?;
            }
        }
        match &self.failure {
            Some(failure) if !failure.is_torn || lines_before + failure.line == 0 => Err(JsonlError {
                line: lines_before + failure.line + 1,
                why: failure.why.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Scans the text into a batch, as far as it takes the events, and returns how many lines there were, up to a failure.
    fn pair(&mut self) -> Result<(usize, Option<Failure>), NotForBatches> {
        self.batch.clear();
        let mut walk = Walk::new(&self.text);
        while let Some(found) = walk.next() {
            match found {
                Found::Line => self.batch.push(&walk.line.event(&self.text))?,
                Found::Parsed(event) => self.batch.push(&EventRef::from(&*event))?,
            }
        }
        self.batch.group();
        Ok((walk.line_count, walk.failure))
    }

    /// Scans the text into a list, and returns how many lines there were, up to a failure.
    fn list(&mut self) -> (usize, Option<Failure>) {
        self.listed.clear();
        let mut walk = Walk::new(&self.text);
        while let Some(found) = walk.next() {
            let event = match found {
                Found::Line => Scanned::Line(walk.line),
                Found::Parsed(event) => Scanned::Parsed(event),
            };
            self.listed.push((walk.line_count as u32 - 1, event));
        }
        (walk.line_count, walk.failure)
    }
}

impl Scanned {
    fn event<'t>(&'t self, text: &'t str) -> EventRef<'t> {
        match self {
            Self::Line(line) => line.event(text),
            Self::Parsed(event) => EventRef::from(&**event),
        }
    }
}

/// A way through the lines of a text.
struct Walk<'t> {
    text: &'t str,
    /// Where the next line begins.
    start: usize,
    line_count: usize,
    /// The last line that was scanned.
    line: Line,
    failure: Option<Failure>,
}

/// What form an event was found in.
enum Found {
    /// In the one that we write: it is [`Walk::line`].
    Line,
    Parsed(Box<Event>),
}

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            start: 0,
            line_count: 0,
            line: Line::BLANK,
            failure: None,
        }
    }

    /// Finds the next event, which is in the last line that is then counted; nothing after the last, or at a failure.
    #[inline]
    fn next(&mut self) -> Option<Found> {
        while self.start < self.text.len() {
            self.line_count += 1;
            self.line = Line::BLANK;
            if let Some(end) = scan(self.text, self.start, &mut self.line) {
                self.start = end;
                return Some(Found::Line);
            }
            let rest = &self.text[self.start..];
            let (whole, is_torn) = rest.split_once('\n').map_or((rest, true), |(whole, _)| (whole, false));
            self.start += whole.len() + 1;
            if whole.trim().is_empty() {
                continue;
            }
            match Event::parse(whole.trim_end()) {
                Ok(event) => return Some(Found::Parsed(Box::new(event))),
                Err(why) => {
                    self.failure = Some(Failure {
                        line: self.line_count - 1,
                        why: LineProblem::NotAnEvent(why.into()),
                        is_torn,
                    });
                    self.start = self.text.len();
                }
            }
        }
        None
    }
}

impl From<Vec<u8>> for Buffers {
    fn from(text: Vec<u8>) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

/// Returns the whole lines before the first that is not UTF-8, and whether that one lacks its end.
fn text_before(error: &FromUtf8Error) -> (String, Option<bool>) {
    let valid = error.utf8_error().valid_up_to();
    let (before, after) = error.as_bytes().split_at(valid);
    let lines = &before[..whole_lines(before).unwrap_or(0)];
    let text = String::from_utf8(lines.to_vec()).expect("what comes before the first bad byte is valid");
    (text, Some(!after.contains(&b'\n')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EventKind;

    /// What most runs are made of is paired where it is scanned, and taken at once; or it would be as right but not as fast.
    #[test]
    fn reads_and_writes_are_paired_where_they_are_scanned() {
        let mut builder = HistoryBuilder::new();
        let (write, read) = (Event::write(0, "k", 1), Event::read(1, "k"));
        let delete = Event::delete(2, "é");
        let read_ok = Event {
            value: "x".into(),
            node: Some("n1".to_owned()),
            ..read.completion(EventKind::Ok)
        };
        let blocks = [
            vec![write.clone(), read, delete.clone()],
            vec![read_ok, write.completion(EventKind::Ok), write.clone()],
            vec![delete.completion(EventKind::Fail), write.completion(EventKind::Info)],
        ];
        for events in blocks {
            let text: String = events.iter().map(|event| event.to_line() + "\n").collect();
            let block = Block::scan(Buffers::from(text.into_bytes()));
            assert!(block.is_paired, "{}", block.text);
            assert_eq!(builder.push_batch(&block.batch), Ok(()), "{}", block.text);
        }
        assert_eq!(builder.finish().ops().len(), 4);
    }
}
