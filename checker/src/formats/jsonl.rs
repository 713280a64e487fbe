//! Histories as lines of JSON, an event each: our own form, read at the speed of a scan.
//!
//! [`Event::to_line`] writes an event's fields in one order and without spaces, and most texts need no escapes. A line of
//! that shape is scanned from left to right into numbers and places of texts, without allocating. Whatever it is not, down
//! to a number that is too long, is handed whole to [`Event::parse`], so that a line means what that makes of it, always.
//!
//! Lines come in blocks, which can be scanned in any order and on any thread, and then give their events in turn.

mod line;

use std::{string::FromUtf8Error, sync::Arc};

use crate::history::{Event, EventRef, History, HistoryBuilder, HistoryError, LineError};

use line::{Line, scan};

/// How much text is a good block: its events and it stay in a processor's cache until a builder has taken them.
pub const BLOCK_BYTES: usize = 256 << 10;

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
        let block = Block::scan(Buffers::from(block.to_vec()));
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
    /// With the line of each, from 0.
    events: Vec<(u32, Scanned)>,
    failure: Option<Failure>,
}

/// The memory of a block, for another.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Filled with the lines to scan.
    pub text: Vec<u8>,
    events: Vec<(u32, Scanned)>,
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
        let Buffers { text, mut events } = buffers;
        events.clear();
        let (text, not_text) = match String::from_utf8(text) {
            Ok(text) => (text, None),
            Err(error) => text_before(&error),
        };
        let mut block = Self {
            text,
            line_count: 0,
            events,
            failure: None,
        };
        block.scan_lines();
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
            events: self.events,
        }
    }

    /// Returns how many lines there are, empty ones included, or were until one failed.
    pub fn line_count(&self) -> usize {
        self.line_count
    }

    /// Returns the events in order, each with its line, from 0.
    pub fn events(&self) -> impl Iterator<Item = (usize, EventRef<'_>)> {
        self.events.iter().map(|(line, event)| {
            let event = match event {
                Scanned::Line(line) => line.event(&self.text),
                Scanned::Parsed(event) => EventRef::from(&**event),
            };
            (*line as usize, event)
        })
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
    pub fn push_into(&self, builder: &mut HistoryBuilder, lines_before: usize) -> Result<(), JsonlError> {
        for (line, event) in &self.events {
            // An event that is made where it is taken is never copied, which takes longer than to make it.
            let pushed = match event {
                Scanned::Line(line) => builder.push_ref(line.event(&self.text)),
                Scanned::Parsed(event) => builder.push_ref(EventRef::from(&**event)),
            };
            pushed.map_err(|error| JsonlError {
                line: lines_before + *line as usize + 1,
                why: LineProblem::History(error),
            })?;
        }
        match &self.failure {
            Some(failure) if !failure.is_torn || lines_before + failure.line == 0 => Err(JsonlError {
                line: lines_before + failure.line + 1,
                why: failure.why.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn scan_lines(&mut self) {
        let mut start = 0;
        while start < self.text.len() {
            let line = self.line_count as u32;
            self.line_count += 1;
            // Scanned where it will stay, as an event is made where it is taken.
            self.events.push((line, Scanned::Line(Line::BLANK)));
            if let Some((_, Scanned::Line(scanned))) = self.events.last_mut()
                && let Some(end) = scan(&self.text, start, scanned)
            {
                start = end;
                continue;
            }
            self.events.pop();
            let rest = &self.text[start..];
            let (whole, is_torn) = rest.split_once('\n').map_or((rest, true), |(whole, _)| (whole, false));
            start += whole.len() + 1;
            if whole.trim().is_empty() {
                continue;
            }
            match Event::parse(whole.trim_end()) {
                Ok(event) => self.events.push((line, Scanned::Parsed(Box::new(event)))),
                Err(why) => {
                    self.failure = Some(Failure {
                        line: line as usize,
                        why: LineProblem::NotAnEvent(why.into()),
                        is_torn,
                    });
                    return;
                }
            }
        }
    }
}

impl From<Vec<u8>> for Buffers {
    fn from(text: Vec<u8>) -> Self {
        Self {
            text,
            events: Vec::new(),
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
