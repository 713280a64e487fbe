//! Ops in JSON: an object a line, as ours and Maelstrom's runs have them, or an array of objects, as elle-cli takes it.
//!
//! The objects are not made: their fields go straight into the entry, and what no entry has is read over.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use super::{
    error::ReadError,
    part::{Line, LineError, Output, Parse, ParseLine, Part, Progress},
};
use crate::transcript::{Draft, Entry, EntryError};

/// Parses lines, each of which is an object.
#[derive(Debug)]
pub(super) struct Objects;

impl ParseLine for Objects {
    const MAY_BE_TORN: bool = true;

    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError> {
        let Op(entry) = serde_json::from_slice(line.bytes).map_err(|error| malformed(&error))?;
        let line = line.number;
        let entry = entry.map_err(|why| ReadError::Entry { line, why })?;
        Ok(output.entry(line, entry)?)
    }
}

/// Returns the error of a line, of which serde_json thinks as of a whole text.
pub(super) fn malformed(error: &serde_json::Error) -> LineError {
    LineError::Malformed(format!(
        "{}, at column {}: one object of JSON a line",
        reason(error),
        error.column()
    ))
}

/// Returns what is wrong without where.
fn reason(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    text
}

/// Parses an array of objects.
#[derive(Debug, Default)]
pub(super) struct Array {
    stage: Stage,
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
                (Stage::First | Stage::Object, _) => {
                    let Some(length) = object(
                        Part {
                            bytes: rest,
                            line,
                            ..part
                        },
                        output,
                    )?
                    else {
                        break;
                    };
                    line += lines_in(&rest[..length]);
                    at += length;
                    self.stage = Stage::Comma;
                    continue;
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

/// Reads the object with which `part` begins, and returns its length, unless it goes on beyond the part.
fn object(part: Part<'_>, output: &mut Output<'_>) -> Result<Option<usize>, ReadError> {
    let mut objects = serde_json::Deserializer::from_slice(part.bytes).into_iter::<Op>();
    let line = part.line;
    match objects.next() {
        Some(Ok(Op(entry))) => {
            let entry = entry.map_err(|why| ReadError::Entry { line, why })?;
            output.entry(line, entry)?;
            Ok(Some(objects.byte_offset()))
        }
        Some(Err(error)) if error.is_eof() && !part.is_last => Ok(None),
        Some(Err(error)) => {
            let line = line + (error.line() as u64).saturating_sub(1);
            Err(ReadError::text(
                line,
                format!("{}, at column {}", reason(&error), error.column()),
            ))
        }
        None => Ok(None),
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// An op, or why the object is none.
struct Op(Result<Entry, EntryError>);

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OpVisitor)
    }
}

struct OpVisitor;

impl<'de> Visitor<'de> for OpVisitor {
    type Value = Op;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an op's fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Op, A::Error> {
        let mut draft = Draft::default();
        while let Some(name) = fields.next_key_seed(FieldName)? {
            let Some(name) = name else {
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Err(error) = draft.set(name, fields.next_value()?) {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Op(Err(error)));
            }
        }
        Ok(Op(draft.finish()))
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
