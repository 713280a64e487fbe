//! Histories of transactions on lists and registers, as fast as they can be read: the shapes that testers write, and nothing else.
//!
//! A [`Block`] of whole lines is scanned by itself, on any thread; a [`Gather`] takes blocks in their order and pairs invocations with
//! completions. A list that was read stays text until its key is known: nearly every one is a beginning of the longest list of its key,
//! or goes on where that ends, so that it takes one comparison however long it is, and only what is new is parsed.
//!
//! Whatever is unusual is refused ([`Unusual`]): the caller reads the history in the general way then, which takes everything.

use std::ops::Range;

use super::scanner::Scanner;

/// The history has something that is not read here: it is to be read in the general way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusual;

/// A line: what happened when, and to which of the block's steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) kind: Kind,
    /// [`Self::NOBODY`] for what is not a client's.
    pub(super) process: i64,
    /// [`u64::MAX`] where there is none.
    pub(super) index: u64,
    pub(super) time_ns: u64,
    pub(super) steps_end: u32,
}

impl Line {
    pub(super) const NOBODY: i64 = i64::MIN;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// A step: its key and what it says of it, as places in the block's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) key: Key,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Int(i64),
    /// As it is written, with its colon or quotes.
    Name(u32, u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Append(i64),
    Write(i64),
    Nothing,
    /// What was read of a register.
    Value(i64),
    /// What is between the brackets of a list, without the space around it.
    List(u32, u32),
}

/// Some whole lines of a history, scanned.
#[derive(Debug, Default)]
pub struct Block {
    pub(super) text: Vec<u8>,
    pub(super) lines: Vec<Line>,
    pub(super) steps: Vec<Step>,
}

/// The memory of a block, for another.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Filled with the lines to scan.
    pub text: Vec<u8>,
    lines: Vec<Line>,
    steps: Vec<Step>,
}

/// What a value of a line says.
#[derive(Clone, Copy, Debug)]
enum Field {
    Kind,
    Process,
    Index,
    Time,
    Steps,
    /// Something that is not looked at.
    Other,
}

/// How a line was written: in most histories all are written alike, so that the next need only be compared with the last, and no
/// name of a field be read again.
#[derive(Debug, Default)]
struct Shape {
    /// What stands before each value, as a place in the text, and which value it is.
    values: Vec<(Range<usize>, Field)>,
    /// What stands after the last. Without anything no line is of the shape.
    end: Range<usize>,
}

impl Block {
    /// Scans the text of `buffers`: lines of EDN or JSON, the last of which may lack its end.
    ///
    /// # Errors
    /// One of them is not of the usual shapes.
    pub fn scan(buffers: Buffers) -> Result<Self, Unusual> {
        let Buffers {
            text,
            mut lines,
            mut steps,
        } = buffers;
        lines.clear();
        steps.clear();
        let mut block = Self {
            text: Vec::new(),
            lines,
            steps,
        };
        let mut scanner = Scanner::new(&text);
        let mut shape = Shape::default();
        loop {
            scanner.space(true);
            if scanner.is_at_end() {
                break;
            }
            let (at, steps) = (scanner.at, block.steps.len());
            if block.line_of_shape(&mut scanner, &shape).is_none() {
                scanner.at = at;
                block.steps.truncate(steps);
                block.line(&mut scanner, &mut shape).ok_or(Unusual)?;
            }
        }
        block.text = text;
        Ok(block)
    }

    /// Returns the memory for another block.
    pub fn into_buffers(self) -> Buffers {
        let Self { text, lines, steps } = self;
        Buffers { text, lines, steps }
    }

    /// Scans a line that is written as one before it was; nothing if it is not.
    #[inline]
    fn line_of_shape(&mut self, scanner: &mut Scanner<'_>, shape: &Shape) -> Option<()> {
        let mut line = Draft::default();
        for (before, field) in &shape.values {
            scanner.pass(before)?;
            self.field(*field, scanner, &mut line)?;
        }
        scanner.pass(&shape.end)?;
        self.push(&line)
    }

    /// Scans a line, however it is written, and takes note of how.
    fn line(&mut self, scanner: &mut Scanner<'_>, shape: &mut Shape) -> Option<()> {
        let mut line = Draft::default();
        shape.values.clear();
        let mut told = scanner.at;
        scanner.take(b'{')?;
        let mut is_plain = true;
        loop {
            scanner.space(false);
            if scanner.peek()? == b'}' {
                scanner.at += 1;
                break;
            }
            let name = scanner.name()?;
            scanner.colon()?;
            let field = match name {
                b"value" => Field::Steps,
                b"type" => Field::Kind,
                b"process" => Field::Process,
                b"index" => Field::Index,
                b"time" => Field::Time,
                b"f" => {
                    // Single operations of keys are read elsewhere.
                    let function = scanner.name()?;
                    if matches!(function, b"read" | b"write" | b"append" | b"init") {
                        return None;
                    }
                    // It is expected to be the same of the next, as what stands before a value.
                    continue;
                }
                b"key" => return None,
                _ => Field::Other,
            };
            // Where names and values are not told apart by more than themselves, the next may be told apart otherwise.
            is_plain &= matches!(scanner.text[scanner.at - 1], b' ' | b',' | b':');
            shape.values.push((told..scanner.at, field));
            self.field(field, scanner, &mut line)?;
            told = scanner.at;
        }
        shape.end = told..scanner.at;
        if !is_plain {
            *shape = Shape::default();
        }
        self.push(&line)
    }

    #[inline]
    fn field(&mut self, field: Field, scanner: &mut Scanner<'_>, line: &mut Draft) -> Option<()> {
        match field {
            Field::Steps => self.value(scanner, line)?,
            Field::Kind => line.kind = Some(scanner.kind()?),
            Field::Process => line.process = Some(scanner.int().or_else(|| scanner.name().map(|_| Line::NOBODY))?),
            Field::Index => line.index = Some(scanner.natural()?),
            Field::Time => match scanner.natural() {
                Some(time_ns) => line.time_ns = Some(time_ns),
                // Before the first moment.
                None => drop(scanner.int()?),
            },
            Field::Other => return scanner.skip(),
        }
        Some(())
    }

    #[inline]
    fn push(&mut self, line: &Draft) -> Option<()> {
        if line.has_no_steps && line.process? != Line::NOBODY {
            return None;
        }
        self.lines.push(Line {
            kind: line.kind?,
            process: line.process?,
            index: line.index.unwrap_or(u64::MAX),
            time_ns: line.time_ns.unwrap_or(u64::MAX),
            steps_end: self.steps.len() as u32,
        });
        Some(())
    }

    /// A list of steps, or anything else, which only who is no client may say.
    #[inline]
    fn value(&mut self, scanner: &mut Scanner<'_>, line: &mut Draft) -> Option<()> {
        let (at, count) = (scanner.at, self.steps.len());
        if self.steps(scanner).is_none() {
            scanner.at = at;
            self.steps.truncate(count);
            line.has_no_steps = scanner.peek()? == b'[';
            scanner.skip()?;
        }
        Some(())
    }

    #[inline]
    fn steps(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        scanner.take(b'[')?;
        loop {
            scanner.space(false);
            if scanner.take(b']').is_some() {
                return Some(());
            }
            self.steps.push(scanner.step()?);
        }
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

/// A line in the making.
#[derive(Debug, Default)]
struct Draft {
    kind: Option<Kind>,
    process: Option<i64>,
    index: Option<u64>,
    time_ns: Option<u64>,
    /// Its value is a list of something else.
    has_no_steps: bool,
}

/// Calls `take` with each integer of a list that is written in this place of a text, and with where it ends; nothing if there is
/// anything else.
#[inline]
pub(super) fn each_int(text: &[u8], place: Range<usize>, mut take: impl FnMut(i64, usize)) -> Option<()> {
    let mut scanner = Scanner { text, at: place.start };
    loop {
        scanner.space(false);
        if scanner.at >= place.end {
            return Some(());
        }
        let int = scanner.int()?;
        take(int, scanner.at);
    }
}
