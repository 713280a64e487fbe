//! Ops in EDN: a map after another, or all in one list or vector, as Jepsen's `history.edn` and Porcupine's logs of key-value
//! stores have them.
//!
//! The maps are not made: their fields go straight into the entry, and what no entry has is read over.

use super::{
    error::ReadError,
    part::{Output, Parse, Part, Progress},
};
use crate::{
    datum::{Datum, EdnError, Forms},
    transcript::{Draft, Entry, EntryError},
};

/// Parses ops.
#[derive(Debug, Default)]
pub(super) struct Ops {
    stage: Stage,
}

/// Where in the file the parser is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing has been read.
    #[default]
    Start,
    /// Maps follow each other.
    Bare,
    /// They are in a list that was opened on this line and ends with this bracket.
    Within { close: u8, line: u64 },
    /// The list has ended.
    Ended,
}

/// Why reading stops within a part.
enum Stop {
    Edn(EdnError),
    Entry(EntryError),
    Other(ReadError),
}

impl Parse for Ops {
    fn read(&mut self, part: Part<'_>, output: &mut Output<'_>) -> Result<Progress, ReadError> {
        let mut forms = Forms::part(part.bytes, part.line, part.is_last);
        loop {
            let progress = progress(&forms);
            // Where the op begins, once that is known: behind white space and comments.
            let mut op = progress;
            match self.step(&mut forms, &mut op, output) {
                Ok(true) => {}
                Ok(false) if part.is_last => {
                    self.check_end(forms.line())?;
                    return Ok(self::progress(&forms));
                }
                Ok(false) => return Ok(self::progress(&forms)),
                Err(Stop::Edn(error)) if error.is_cut && !part.is_last => return Ok(progress),
                Err(Stop::Edn(error)) if error.is_cut => return self.cut(part, op, &error, output),
                Err(Stop::Edn(error)) => return Err(ReadError::text(error.line, error.why)),
                Err(Stop::Entry(why)) => return Err(ReadError::Entry { line: op.line, why }),
                Err(Stop::Other(error)) => return Err(error),
            }
        }
    }
}

fn progress(forms: &Forms<'_>) -> Progress {
    Progress {
        byte_count: forms.at(),
        line: forms.line(),
    }
}

impl Ops {
    /// Reads an op, or a bracket around them all, and returns whether there was one; tells where it begins.
    fn step(&mut self, forms: &mut Forms<'_>, op: &mut Progress, output: &mut Output<'_>) -> Result<bool, Stop> {
        let Some(byte) = forms.next_byte()? else {
            return Ok(false);
        };
        *op = progress(forms);
        let line = op.line;
        match (self.stage, byte) {
            (Stage::Start, b'[' | b'(') => {
                forms.skip(byte)?;
                let close = if byte == b'[' { b']' } else { b')' };
                self.stage = Stage::Within { close, line };
                return Ok(true);
            }
            (Stage::Within { close, .. }, _) if byte == close => {
                forms.skip(byte)?;
                self.stage = Stage::Ended;
                return Ok(true);
            }
            (Stage::Ended, _) => {
                let why = "something follows the bracket that closes the history: one history a file";
                return Err(Stop::Other(ReadError::text(line, why)));
            }
            (Stage::Start, _) => self.stage = Stage::Bare,
            _ => {}
        }
        let entry = entry(forms)?;
        output.entry(line, entry).map_err(Stop::Other)?;
        Ok(true)
    }

    fn check_end(&self, last_line: u64) -> Result<(), ReadError> {
        match self.stage {
            Stage::Within { close, line } => {
                let close = char::from(close);
                let why = format!(
                    "the {close} that closes the history, opened on line {line}, is missing: was the file cut off?"
                );
                Err(ReadError::text(last_line, why))
            }
            _ => Ok(()),
        }
    }

    /// Takes in that the file ends within an op: one line that its writer tore, or a bracket that is missing somewhere.
    fn cut(
        &self,
        part: Part<'_>,
        op: Progress,
        error: &EdnError,
        output: &mut Output<'_>,
    ) -> Result<Progress, ReadError> {
        if self.stage == Stage::Bare && output.has_entries() && !part.bytes[op.byte_count..].contains(&b'\n') {
            output.torn(op.line);
            return Ok(Progress {
                byte_count: part.bytes.len(),
                line: op.line,
            });
        }
        let why = format!(
            "{}, in the op that begins here: is a bracket or a quote missing?",
            error.why
        );
        Err(ReadError::text(op.line, why))
    }
}

/// Reads an op.
fn entry(forms: &mut Forms<'_>) -> Result<Entry, Stop> {
    forms.skip_tag_of_map()?;
    if forms.next_byte()? != Some(b'{') {
        return Entry::from_map(forms.form()?).map_err(Stop::Entry);
    }
    let mut draft = Draft::default();
    forms.fields(|name, forms| field(&mut draft, name, forms))?;
    draft.finish().map_err(Stop::Entry)
}

fn field(draft: &mut Draft, name: &str, forms: &mut Forms<'_>) -> Result<(), Stop> {
    if matches!(name, "type" | "f")
        && let Some(value) = forms.keyword()?
    {
        draft.set_name(name, value).map_err(Stop::Entry)?;
        return Ok(());
    }
    let value: Datum = forms.form()?;
    draft.set(name, value).map_err(Stop::Entry)
}

impl From<EdnError> for Stop {
    fn from(error: EdnError) -> Self {
        Self::Edn(error)
    }
}
