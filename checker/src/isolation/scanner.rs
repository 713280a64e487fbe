//! What the lines of a history of transactions consist of: names, numbers, steps and lists, as EDN and JSON write them.
//!
//! Every function takes what lies ahead, or returns nothing: then it is something else, and how far it was read means nothing.

use std::ops::Range;

use memchr::memchr;

use super::scan::{Key, Kind, Step, What};
use crate::swar::{is_same, leading_digits, natural};

/// What a step is called.
#[derive(Clone, Copy, Debug)]
enum StepName {
    Append,
    Write,
    Read,
}

/// A text and how far it has been read.
pub(super) struct Scanner<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
}

/// Of which bytes a keyword consists.
const IS_NAME: [bool; 256] = table(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_?/.*!+");
/// What may follow a number or a word.
const ENDS_WORD: [bool; 256] = table(b" ,\t\r\n]})[{(\";");

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes what stands at another place of the text.
    #[inline]
    pub(super) fn pass(&mut self, place: &Range<usize>) -> Option<()> {
        let end = self.at + place.len();
        let ahead = self.text.get(self.at..end)?;
        (!place.is_empty() && is_same(ahead, &self.text[place.clone()])).then(|| self.at = end)
    }

    #[inline]
    pub(super) fn space(&mut self, may_end_line: bool) {
        while let Some(byte) = self.peek() {
            let is_space = matches!(byte, b' ' | b',' | b'\t' | b'\r') || byte == b'\n' && may_end_line;
            if !is_space {
                return;
            }
            self.at += 1;
        }
    }

    /// A colon between a name and a value, as JSON has it, and the space around it. One that begins a keyword is none.
    pub(super) fn colon(&mut self) -> Option<()> {
        self.space(false);
        let begins_keyword = self.text.get(self.at + 1).is_some_and(u8::is_ascii_alphabetic);
        if self.peek()? == b':' && !begins_keyword {
            self.at += 1;
            self.space(false);
        }
        Some(())
    }

    /// How a line says what happened.
    #[inline]
    pub(super) fn kind(&mut self) -> Option<Kind> {
        let (kind, length) = match self.text.get(self.at..)? {
            [b'"', b'o', b'k', b'"', ..] => (Kind::Ok, 4),
            [b'"', b'i', b'n', b'v', b'o', b'k', b'e', b'"', ..] => (Kind::Invoke, 8),
            [b':', b'o', b'k', b' ' | b',' | b'}', ..] => (Kind::Ok, 3),
            [b':', b'i', b'n', b'v', b'o', b'k', b'e', b' ' | b',' | b'}', ..] => (Kind::Invoke, 7),
            _ => {
                return Some(match self.name()? {
                    b"invoke" => Kind::Invoke,
                    b"ok" => Kind::Ok,
                    b"fail" => Kind::Fail,
                    b"info" => Kind::Info,
                    _ => return None,
                });
            }
        };
        self.at += length;
        Some(kind)
    }

    /// A keyword without its colon, or a text without its quotes.
    #[inline]
    pub(super) fn name(&mut self) -> Option<&'t [u8]> {
        let begin = self.at + 1;
        match self.peek()? {
            b':' => {
                let is_name = |byte: &&u8| IS_NAME[usize::from(**byte)];
                let length = self.text[begin..].iter().take_while(is_name).count();
                self.at = begin + length;
                (length > 0).then(|| &self.text[begin..begin + length])
            }
            b'"' => {
                let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n');
                let length = self.text[begin..].iter().position(is_end)?;
                self.at = begin + length + 1;
                (self.text[begin + length] == b'"').then(|| &self.text[begin..begin + length])
            }
            _ => None,
        }
    }

    /// An integer, or nothing taken. One that begins with a zero is an octal one, or none.
    #[inline(always)]
    pub(super) fn int(&mut self) -> Option<i64> {
        let Some((number, length)) = self.text.get(self.at..).and_then(small) else {
            return self.any_int();
        };
        if !self.text.get(self.at + length).is_none_or(|byte| ends_word(*byte)) {
            return None;
        }
        self.at += length;
        Some(number)
    }

    fn any_int(&mut self) -> Option<i64> {
        let is_negative = self.peek()? == b'-';
        self.at += usize::from(is_negative);
        let int = self.natural().and_then(|number| i64::try_from(number).ok());
        let Some(int) = int else {
            self.at -= usize::from(is_negative);
            return None;
        };
        Some(if is_negative { -int } else { int })
    }

    /// An integer that is not negative, or nothing taken.
    #[inline(always)]
    pub(super) fn natural(&mut self) -> Option<u64> {
        let (number, length) = natural(self.text.get(self.at..)?)?;
        let end = self.at + length;
        if !self.text.get(end).is_none_or(|byte| ends_word(*byte)) {
            return None;
        }
        self.at = end;
        Some(number)
    }

    /// The beginning of a step: its bracket, and its name.
    fn step_name(&mut self) -> Option<StepName> {
        self.take(b'[')?;
        self.space(false);
        Some(match self.name()? {
            b"append" => StepName::Append,
            b"w" => StepName::Write,
            b"r" => StepName::Read,
            _ => return None,
        })
    }

    /// A step.
    #[inline(always)]
    pub(super) fn step(&mut self) -> Option<Step> {
        match self.plain_step() {
            Some((step, length)) => {
                self.at += length;
                Some(step)
            }
            None => self.any_step(),
        }
    }

    /// A step as testers write nearly all, with nothing in it that could be left out, and how long it is.
    #[inline(always)]
    fn plain_step(&self) -> Option<(Step, usize)> {
        let text = self.text.get(self.at..)?;
        let (name, key_at) = plain_step_name(text)?;
        let (key, length) = small(text.get(key_at..)?)?;
        let at = key_at + length + 1;
        if !matches!(text.get(at - 1)?, b',' | b' ') {
            return None;
        }
        let (what, length) = match (name, text.get(at)?) {
            (StepName::Read, b'[') => {
                let length = memchr(b']', text.get(at + 1..)?)?;
                let list = &text[at + 1..at + 1 + length];
                let has_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b',' | b'\t' | b'\r'));
                if has_space(list.first()) || has_space(list.last()) {
                    return None;
                }
                let begin = (self.at + at + 1) as u32;
                let what = match length {
                    0 => What::Nothing,
                    length => What::List(begin, begin + length as u32),
                };
                (what, length + 2)
            }
            (StepName::Read, b'n') => match text.get(at..)? {
                [_, b'u', b'l', b'l', ..] => (What::Nothing, 4),
                [_, b'i', b'l', ..] => (What::Nothing, 3),
                _ => return None,
            },
            (name, _) => {
                let (value, length) = small(text.get(at..)?)?;
                let what = match name {
                    StepName::Append => What::Append(value),
                    StepName::Write => What::Write(value),
                    StepName::Read => What::Value(value),
                };
                (what, length)
            }
        };
        let key = Key::Int(key);
        (*text.get(at + length)? == b']').then_some((Step { key, what }, at + length + 1))
    }

    fn any_step(&mut self) -> Option<Step> {
        let name = self.step_name()?;
        self.space(false);
        let begin = self.at as u32;
        let key = match self.int() {
            Some(key) => Key::Int(key),
            None => {
                self.name()?;
                Key::Name(begin, self.at as u32)
            }
        };
        self.space(false);
        let what = match name {
            StepName::Append => What::Append(self.int()?),
            StepName::Write => What::Write(self.int()?),
            StepName::Read => match self.peek()? {
                b']' => What::Nothing,
                b'n' => {
                    let word = self.text.get(self.at..)?;
                    let length = if word.starts_with(b"null") { 4 } else { 3 };
                    (word.starts_with(b"nil") || length == 4).then_some(())?;
                    self.at += length;
                    What::Nothing
                }
                b'-' | b'0'..=b'9' => What::Value(self.int()?),
                _ => self.list()?,
            },
        };
        self.space(false);
        self.take(b']')?;
        Some(Step { key, what })
    }

    #[inline]
    fn list(&mut self) -> Option<What> {
        self.take(b'[')?;
        self.space(false);
        let begin = self.at;
        let length = memchr(b']', &self.text[begin..])?;
        self.at = begin + length + 1;
        let mut end = begin + length;
        while end > begin && matches!(self.text[end - 1], b' ' | b',') {
            end -= 1;
        }
        Some(if end == begin {
            What::Nothing
        } else {
            What::List(begin as u32, end as u32)
        })
    }

    /// Passes over a value of whatever kind, in one line.
    pub(super) fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    while self.peek()? != b'"' {
                        self.at += 1 + usize::from(self.peek()? == b'\\');
                    }
                    self.at += 1;
                }
                b'[' | b'{' | b'(' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' | b')' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b']' | b'}' | b')' => return None,
                // A set.
                b'#' if self.text.get(self.at + 1) == Some(&b'{') => {
                    depth += 1;
                    self.at += 2;
                }
                b';' | b'\\' | b'\n' | b'#' => return None,
                b' ' | b',' | b'\t' | b'\r' => self.at += 1,
                _ => {
                    while self.peek().is_some_and(|byte| !ends_word(byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// The number that a text begins with, and how long it is: below 10^7, as nearly all are. What comes after it is not looked at.
#[inline(always)]
fn small(text: &[u8]) -> Option<(i64, usize)> {
    let (number, length) = leading_digits(*text.first_chunk()?);
    let is_whole = length == 1 || (2..8).contains(&length) && text[0] != b'0';
    is_whole.then_some((number as i64, length))
}

/// How a step begins as nearly all are written: its name, and where its key is.
#[inline(always)]
fn plain_step_name(text: &[u8]) -> Option<(StepName, usize)> {
    // What comes after a keyword shows that it has ended.
    Some(match text.first_chunk::<10>()? {
        [b'[', b'"', b'r', b'"', b',', ..] => (StepName::Read, 5),
        b"[\"append\"," => (StepName::Append, 10),
        [b'[', b'"', b'w', b'"', b',', ..] => (StepName::Write, 5),
        [b'[', b':', b'r', b' ', ..] => (StepName::Read, 4),
        [b'[', b':', b'a', b'p', b'p', b'e', b'n', b'd', b' ', _] => (StepName::Append, 9),
        [b'[', b':', b'w', b' ', ..] => (StepName::Write, 4),
        _ => return None,
    })
}

#[inline(always)]
fn ends_word(byte: u8) -> bool {
    ENDS_WORD[usize::from(byte)]
}

/// Returns of each byte whether it is one of these.
const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut place = 0;
    while place < bytes.len() {
        table[bytes[place] as usize] = true;
        place += 1;
    }
    table
}
