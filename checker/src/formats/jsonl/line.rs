//! One line of the shape that we write, scanned from left to right.
//!
//! Every function here takes what lies ahead and returns it shortened, or nothing: then the line is of another shape, which
//! says nothing of whether it is an event.

use crate::{
    history::{EventKind, EventRef, Function, Phase, ProcessRef, ValueRef, VersionRef},
    swar::{natural, text_bytes},
};

/// An event whose texts are places in the text of its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    index: u64,
    time_ns: u64,
    process: Scalar<i64>,
    kind: EventKind,
    function: Function,
    key: Span,
    value: Option<Scalar<i64>>,
    node: Option<Span>,
    version: Option<Scalar<u64>>,
    phase: Option<Phase>,
}

/// A number or a text.
#[derive(Clone, Copy, Debug)]
enum Scalar<N> {
    Number(N),
    Text(Span),
}

/// The place of a text.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

/// Scans the line of `text` that begins at `start` into a blank `line`, and returns where the next begins. Nothing leaves
/// half a line.
pub(super) fn scan(text: &str, start: usize, line: &mut Line) -> Option<usize> {
    let bytes = text.as_bytes();
    // Blocks are far smaller than what a span can tell.
    u32::try_from(bytes.len()).ok()?;
    let mut ahead = Ahead { text: bytes, at: start };
    ahead.line(line)?;
    Some(ahead.at)
}

impl Line {
    /// One to be scanned into.
    pub(super) const BLANK: Self = Self {
        index: 0,
        time_ns: 0,
        process: Scalar::Number(0),
        kind: EventKind::Invoke,
        function: Function::Read,
        key: Span { start: 0, end: 0 },
        value: None,
        node: None,
        version: None,
        phase: None,
    };

    #[inline(always)]
    pub(super) fn event<'t>(&self, text: &'t str) -> EventRef<'t> {
        let part = |span: Span| &text[span.start as usize..span.end as usize];
        EventRef {
            index: self.index,
            time_ns: self.time_ns,
            process: match self.process {
                Scalar::Number(client) => ProcessRef::Client(client),
                Scalar::Text(name) => ProcessRef::Other(part(name)),
            },
            kind: self.kind,
            function: self.function,
            key: part(self.key),
            value: match self.value {
                None => ValueRef::Null,
                Some(Scalar::Number(number)) => ValueRef::Integer(number),
                Some(Scalar::Text(text)) => ValueRef::Text(part(text)),
            },
            seen: &[],
            node: self.node.map(part),
            version: self.version.map(|version| match version {
                Scalar::Number(number) => VersionRef::Integer(number),
                Scalar::Text(text) => VersionRef::Text(part(text)),
            }),
            phase: self.phase,
        }
    }
}

/// What lies ahead in a text: a place alone, which is kept where it takes no time to change.
struct Ahead<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Ahead<'t> {
    /// Takes a line and its end.
    fn line(&mut self, line: &mut Line) -> Option<()> {
        self.take(b"{\"index\":")?;
        line.index = self.natural()?;
        self.take(b",\"time\":")?;
        line.time_ns = self.natural()?;
        self.take(b",\"process\":")?;
        line.process = self.integer_or_text()?;
        self.take(b",\"type\":\"")?;
        line.kind = self.kind()?;
        self.take(b",\"f\":\"")?;
        line.function = self.function()?;
        self.take(b",\"key\":\"")?;
        line.key = self.text()?;
        self.take(b",\"value\":")?;
        if self.take(b"null").is_none() {
            line.value = Some(self.integer_or_text()?);
        }
        match self.take(b"}\n") {
            Some(()) => Some(()),
            None => self.rest_of(line),
        }
    }

    /// Takes what not every line has.
    fn rest_of(&mut self, line: &mut Line) -> Option<()> {
        if self.take(b",\"node\":\"").is_some() {
            line.node = Some(self.text()?);
        }
        if self.take(b",\"level\":\"").is_some() {
            self.text()?;
        }
        if self.take(b",\"version\":").is_some() {
            line.version = Some(match self.take(b"\"") {
                Some(()) => Scalar::Text(self.text()?),
                None => Scalar::Number(self.natural()?),
            });
        }
        if self.take(b",\"phase\":\"").is_some() {
            line.phase = Some(self.word(&PHASES)?);
        }
        if self.take(b",\"error\":\"").is_some() {
            self.text()?;
        }
        self.take(b"}")?;
        if self.rest().is_empty() {
            Some(())
        } else {
            self.take(b"\n")
        }
    }

    #[inline(always)]
    fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    #[inline(always)]
    fn take<const N: usize>(&mut self, what: &[u8; N]) -> Option<()> {
        if self.rest().first_chunk::<N>()? != what {
            return None;
        }
        self.at += N;
        Some(())
    }

    /// Takes a kind and the quote after it.
    #[inline(always)]
    fn kind(&mut self) -> Option<EventKind> {
        if self.take(b"invoke\"").is_some() {
            Some(EventKind::Invoke)
        } else if self.take(b"ok\"").is_some() {
            Some(EventKind::Ok)
        } else {
            self.word(&KINDS)
        }
    }

    /// Takes a function and the quote after it.
    #[inline(always)]
    fn function(&mut self) -> Option<Function> {
        if self.take(b"read\"").is_some() {
            return Some(Function::Read);
        }
        if self.take(b"write\"").is_some() {
            return Some(Function::Write);
        }
        self.word(&FUNCTIONS)
    }

    /// Takes one of `words` and the quote after it.
    fn word<T: Copy>(&mut self, words: &[(&[u8], T)]) -> Option<T> {
        let rest = self.rest();
        let (word, meaning) = words.iter().find(|(word, _)| rest.starts_with(word))?;
        self.at += word.len();
        Some(*meaning)
    }

    /// Takes a text, which began before, and the quote after it. None that has an escape, or should have one.
    #[inline(always)]
    fn text(&mut self) -> Option<Span> {
        let start = self.at;
        loop {
            let Some(chunk) = self.rest().first_chunk() else {
                self.at += self.rest().iter().position(is_last_of_text)?;
                break;
            };
            let length = text_bytes(*chunk);
            self.at += length;
            if length < 8 {
                break;
            }
        }
        let end = self.at;
        self.take(b"\"")?;
        Some(Span {
            start: start as u32,
            end: end as u32,
        })
    }

    #[inline(always)]
    fn integer_or_text(&mut self) -> Option<Scalar<i64>> {
        Some(match self.take(b"\"") {
            Some(()) => Scalar::Text(self.text()?),
            None => Scalar::Number(self.integer()?),
        })
    }

    #[inline(always)]
    fn integer(&mut self) -> Option<i64> {
        if self.take(b"-").is_none() {
            return i64::try_from(self.natural()?).ok();
        }
        // JSON has a negative zero, and it is no integer.
        let number = i64::try_from(self.natural()?).ok()?;
        (number > 0).then_some(-number)
    }

    #[inline(always)]
    fn natural(&mut self) -> Option<u64> {
        let (number, digits) = natural(self.rest())?;
        self.at += digits;
        Some(number)
    }
}

/// Beside the two that most lines have.
const KINDS: [(&[u8], EventKind); 2] = [(b"fail\"", EventKind::Fail), (b"info\"", EventKind::Info)];

/// Beside the two that most lines have.
const FUNCTIONS: [(&[u8], Function); 5] = [
    (b"delete\"", Function::Delete),
    (b"add\"", Function::Add),
    (b"remove\"", Function::Remove),
    (b"increment\"", Function::Increment),
    (b"read-replica\"", Function::ReadReplica),
];

const PHASES: [(&[u8], Phase); 2] = [(b"handoff\"", Phase::Handoff), (b"final\"", Phase::Final)];

/// Whether a text ends before this byte, or is none that is taken.
fn is_last_of_text(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What we write is scanned, and not only parsed, which would be as right but not as fast.
    #[test]
    fn what_runs_write_is_scanned() {
        let lines = [
            r#"{"index":0,"time":123,"process":0,"type":"invoke","f":"write","key":"k17","value":42}"#,
            r#"{"index":1,"time":45678901234,"process":-7,"type":"ok","f":"write","key":"k","value":-9223372036854775807,"node":"n2","level":"w=2","version":"0018f-1"}"#,
            r#"{"index":1000000000000000000,"time":500,"process":7,"type":"info","f":"read","key":"","value":null,"error":"timeout"}"#,
            r#"{"index":3,"time":600,"process":"observer","type":"ok","f":"read-replica","key":"ké","value":"x","node":"n1","version":17,"phase":"handoff"}"#,
        ];
        for line in lines {
            let end = |text: &str, start| scan(text, start, &mut { Line::BLANK });
            assert_eq!(end(line, 0), Some(line.len()), "{line}");
            let text = format!("x\n{line}\n\n");
            assert_eq!(end(&text, 2), Some(text.len() - 1), "{line}");
        }
    }
}
