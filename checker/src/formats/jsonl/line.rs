//! One line of the shape that we write, scanned from left to right.
//!
//! Every function here takes what lies ahead and returns it shortened, or nothing: then the line is of another shape, which
//! says nothing of whether it is an event.

use crate::history::{EventKind, EventRef, Function, Phase, ProcessRef, ValueRef, VersionRef};

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

    /// Takes a number of at most 19 digits, which always is below 2^64.
    #[inline(always)]
    fn natural(&mut self) -> Option<u64> {
        let Some(chunk) = self.rest().first_chunk() else {
            return self.any_natural();
        };
        let (number, digits) = leading_digits(*chunk);
        if digits == 8 {
            return self.long_natural(number, chunk[0]);
        }
        let is_whole = digits == 1 || digits > 1 && chunk[0] != b'0';
        self.at += digits;
        is_whole.then_some(number)
    }

    /// Goes on after eight digits, if there are less than eight more.
    #[inline(always)]
    fn long_natural(&mut self, high: u64, first: u8) -> Option<u64> {
        let Some(chunk) = self.text.get(self.at + 8..).and_then(|rest| rest.first_chunk()) else {
            return self.any_natural();
        };
        let (low, digits) = leading_digits(*chunk);
        if digits == 8 || first == b'0' {
            return self.any_natural();
        }
        self.at += 8 + digits;
        Some(high * POWERS_OF_TEN[digits] + low)
    }

    /// As [`Self::natural`], for those that are longer or near the end of the text.
    fn any_natural(&mut self) -> Option<u64> {
        let rest = self.rest();
        let (mut number, mut length) = (0u64, 0);
        while let Some(chunk) = rest[length..].first_chunk::<8>() {
            let (part, digits) = leading_digits(*chunk);
            number = number.wrapping_mul(POWERS_OF_TEN[digits]).wrapping_add(part);
            length += digits;
            if digits < 8 || length > 19 {
                break;
            }
        }
        if rest.len() - length < 8 {
            while let Some(digit @ b'0'..=b'9') = rest.get(length) {
                number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                length += 1;
            }
        }
        let is_whole = length == 1 || (2..=19).contains(&length) && rest[0] != b'0';
        self.at += length;
        is_whole.then_some(number)
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

const POWERS_OF_TEN: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Returns the number that the digits at the beginning of `chunk` are, and how many they are.
///
/// All bytes at once, in one integer whose lowest byte is the first (Lemire, *Quickly parsing eight digits*, 2018).
fn leading_digits(chunk: [u8; 8]) -> (u64, usize) {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let digits = u64::from_le_bytes(chunk) ^ 0x3030_3030_3030_3030;
    // A byte above 9 reaches its highest bit when 0x76 is added. What it carries over goes to bytes after it only.
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGH;
    let count = (others.trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Leading zeros in place of what follows the digits.
    let digits = digits << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = (pairs >> 16 & PAIRS).wrapping_mul(1 + (10_000 << 32));
    (high.wrapping_add(low) >> 32, count)
}

/// Whether a text ends before this byte, or is none that is taken.
fn is_last_of_text(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// Returns how many bytes at the beginning of `chunk` are of a text, all at once as [`leading_digits`] counts.
#[inline(always)]
fn text_bytes(chunk: [u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let bytes = u64::from_le_bytes(chunk);
    // A byte below a bound borrows its highest bit, and one equal to another is below 1 once they are xored. What a byte
    // borrows beyond that it takes from those after it only.
    let below = |bytes: u64, bound: u64| bytes.wrapping_sub(bound * ONES) & !bytes;
    let quotes = below(bytes ^ (b'"' as u64 * ONES), 1);
    let escapes = below(bytes ^ (b'\\' as u64 * ONES), 1);
    let last = (quotes | escapes | below(bytes, 0x20)) & HIGH;
    (last.trailing_zeros() / 8) as usize
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

    #[test]
    fn digits_are_counted_and_read() {
        for (text, expected) in [
            ("12345678", (12_345_678, 8)),
            ("1234567,", (1_234_567, 7)),
            ("0,999999", (0, 1)),
            ("99:99999", (99, 2)),
            ("42/11111", (42, 2)),
            (",1234567", (0, 0)),
            ("é1234567", (0, 0)),
        ] {
            let chunk = *text.as_bytes().first_chunk().expect("eight bytes");
            assert_eq!(leading_digits(chunk), expected, "{text}");
        }
    }

    /// However long they are and whatever comes after them.
    #[test]
    fn numbers_are_what_json_says() {
        let digits = "1234567890123456789012";
        for start in ["", "0", "9"] {
            for length in 0..=digits.len() {
                let number = format!("{start}{}", &digits[..length]);
                for after in ["", ",", ",\"process\":1", "}\n{\"index\":9876543210,"] {
                    let text = format!("{number}{after}");
                    let mut ahead = Ahead {
                        text: text.as_bytes(),
                        at: 0,
                    };
                    let is_taken = (1..=19).contains(&number.len()) && (number == "0" || !number.starts_with('0'));
                    let expected = is_taken.then(|| number.parse().unwrap());
                    assert_eq!(ahead.natural(), expected, "{text}");
                    assert!(expected.is_none() || ahead.at == number.len(), "{text}");
                }
            }
        }
    }
}
