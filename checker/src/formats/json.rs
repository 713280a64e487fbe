//! Ops in JSON: an object a line, as ours and Maelstrom's runs have them, or an array of objects, as elle-cli takes it.
//!
//! The objects are not made: their fields go straight into the entry, and what no entry has is read over.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use super::{
    error::ReadError,
    part::{Line, LineError, Output, Parse, ParseLine, Part, Progress},
};
use crate::{
    datum::{Datum, FromJson},
    transcript::{Draft, Entry, EntryError},
};

/// Parses lines, each of which is an object.
#[derive(Debug, Default)]
pub(super) struct Objects {
    items: Vec<Datum>,
}

impl ParseLine for Objects {
    fn may_be_torn(&self, line: &[u8]) -> bool {
        may_be_torn(line)
    }

    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError> {
        self.items.clear();
        let mut text = serde_json::Deserializer::from_slice(line.bytes);
        let entry = Op(&mut self.items).deserialize(&mut text);
        let entry = entry
            .and_then(|entry| text.end().map(|()| entry))
            .map_err(|error| malformed(&error))?;
        let line = line.number;
        let entry = entry.map_err(|why| ReadError::Entry { line, why })?;
        Ok(output.entry(line, entry)?)
    }
}

/// Returns whether a line that is no object may be the beginning of one, or what a file system leaves of one that it had not
/// written yet when it lost power.
pub(super) fn may_be_torn(line: &[u8]) -> bool {
    line.starts_with(b"{") || line.iter().all(|byte| *byte == 0)
}

/// Returns the error of a line, of which serde_json thinks as of a whole text.
pub(super) fn malformed(error: &serde_json::Error) -> LineError {
    LineError::Malformed(format!("{}: one object of JSON a line", reason(error)))
}

/// Returns what is wrong, and in which column if that is told; the line is known better here.
fn reason(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    match error.column() {
        0 => text,
        column => format!("{text}, at column {column}"),
    }
}

/// Parses an array of objects.
#[derive(Debug, Default)]
pub(super) struct Array {
    stage: Stage,
    items: Vec<Datum>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The bracket that opens the array.
    #[default]
    Open,
    /// An object, or the bracket that closes the array at once.
    First,
    /// A comma, or the bracket that closes the array.
    Comma,
    /// An object.
    Object,
    /// Nothing.
    End,
}

impl Parse for Array {
    fn read(&mut self, part: Part<'_>, output: &mut Output<'_>) -> Result<Progress, ReadError> {
        let mut at = 0;
        let mut line = part.line;
        loop {
            let blank = part.bytes[at..].len() - part.bytes[at..].trim_ascii_start().len();
            line += lines_in(&part.bytes[at..at + blank]);
            at += blank;
            let rest = &part.bytes[at..];
            let Some(byte) = rest.first() else {
                break;
            };
            let next = match (self.stage, byte) {
                (Stage::Open, b'[') => Stage::First,
                (Stage::Open, _) => {
                    return Err(ReadError::text(line, "a JSON history is an array: it begins with a ["));
                }
                (Stage::First | Stage::Comma, b']') => Stage::End,
                (Stage::Comma, b',') => Stage::Object,
                (Stage::Comma, _) => {
                    return Err(ReadError::text(
                        line,
                        "neither a comma nor a ] after an object of the array",
                    ));
                }
                (Stage::End, _) => {
                    return Err(ReadError::text(line, "something follows the ] that closes the history"));
                }
                (Stage::First | Stage::Object, b'{') => {
                    let part = Part {
                        bytes: rest,
                        line,
                        ..part
                    };
                    let Some(length) = self.object(part, output)? else {
                        break;
                    };
                    line += lines_in(&rest[..length]);
                    at += length;
                    self.stage = Stage::Comma;
                    continue;
                }
                (Stage::First | Stage::Object, _) => {
                    let found = char::from(*byte).escape_default();
                    let why = format!("the array holds an object for each op; what is found is a {found}");
                    return Err(ReadError::text(line, why));
                }
            };
            self.stage = next;
            at += 1;
        }
        if part.is_last && !matches!(self.stage, Stage::End | Stage::Open) {
            return Err(ReadError::text(
                line,
                "the ] that closes the history is missing: was the file cut off?",
            ));
        }
        Ok(Progress { byte_count: at, line })
    }
}

impl Array {
    /// Reads the object with which `part` begins, and returns its length, unless it goes on beyond the part.
    fn object(&mut self, part: Part<'_>, output: &mut Output<'_>) -> Result<Option<usize>, ReadError> {
        let mut text = serde_json::Deserializer::from_slice(part.bytes);
        self.items.clear();
        let line = part.line;
        match Op(&mut self.items).deserialize(&mut text) {
            Ok(entry) => {
                let entry = entry.map_err(|why| ReadError::Entry { line, why })?;
                output.entry(line, entry)?;
                Ok(Some(text.into_iter::<IgnoredAny>().byte_offset()))
            }
            Err(error) if !part.is_last && (error.is_eof() || is_at_end(&error, part.bytes)) => Ok(None),
            Err(error) => {
                let line = line + (error.line() as u64).saturating_sub(1);
                Err(ReadError::text(line, reason(&error)))
            }
        }
    }
}

/// Whether what is wrong is where the bytes end, so that those to come may make it something else.
fn is_at_end(error: &serde_json::Error, bytes: &[u8]) -> bool {
    let last_line = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    error.line() as u64 > lines_in(bytes) && error.column() + 1 >= last_line.len()
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Reads an op, or why the object is none. It holds items of lists, as [`FromJson`].
struct Op<'a>(&'a mut Vec<Datum>);

impl<'de> DeserializeSeed<'de> for Op<'_> {
    type Value = Result<Entry, EntryError>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Op<'_> {
    type Value = Result<Entry, EntryError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an op's fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut draft = Draft::default();
        while let Some(name) = fields.next_key_seed(FieldName)? {
            let Some(name) = name else {
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Err(error) = draft.set(name, fields.next_value_seed(FromJson(self.0))?) {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Err(error));
            }
        }
        Ok(draft.finish())
    }
}

/// Reads the name of a field, if it is one that entries have.
struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Draft::FIELDS.into_iter().find(|field| *field == name))
    }
}
