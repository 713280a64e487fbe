//! Histories of transactions on lists and registers, as fast as they can be read: the shapes that testers write, and nothing else.
//!
//! A [`Block`] of whole lines is scanned by itself, on any thread; a [`Gather`] takes blocks in their order and pairs invocations with
//! completions. A list that was read stays text until its key is known: nearly every one is a beginning of the longest list of its key,
//! or goes on where that ends, so that it takes one comparison however long it is, and only what is new is parsed.
//!
//! Whatever is unusual is refused ([`Unusual`]): the caller reads the history in the general way then, which takes everything.

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

impl Block {
    /// Scans lines of EDN or JSON, the last of which may lack its end.
    ///
    /// # Errors
    /// One of them is not of the usual shapes.
    pub fn scan(text: Vec<u8>) -> Result<Self, Unusual> {
        let mut block = Self {
            text,
            ..Self::default()
        };
        let text = std::mem::take(&mut block.text);
        let mut scanner = Scanner { text: &text, at: 0 };
        loop {
            scanner.space(true);
            if scanner.at == text.len() {
                break;
            }
            block.line(&mut scanner).ok_or(Unusual)?;
        }
        block.text = text;
        Ok(block)
    }

    fn line(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        scanner.take(b'{')?;
        let (mut kind, mut process, mut index, mut time_ns) = (None, None, u64::MAX, u64::MAX);
        loop {
            scanner.space(false);
            if scanner.peek()? == b'}' {
                scanner.at += 1;
                break;
            }
            let name = scanner.name()?;
            scanner.space(false);
            if scanner.peek()? == b':'
                && scanner
                    .text
                    .get(scanner.at + 1)
                    .is_none_or(|byte| !byte.is_ascii_alphabetic())
            {
                scanner.at += 1;
                scanner.space(false);
            }
            match name {
                b"value" => self.value(scanner)?,
                b"type" => {
                    kind = Some(match scanner.name()? {
                        b"invoke" => Kind::Invoke,
                        b"ok" => Kind::Ok,
                        b"fail" => Kind::Fail,
                        b"info" => Kind::Info,
                        _ => return None,
                    });
                }
                b"process" => process = Some(scanner.int().or_else(|| scanner.name().map(|_| Line::NOBODY))?),
                b"index" => index = u64::try_from(scanner.int()?).ok()?,
                b"time" => time_ns = u64::try_from(scanner.int()?).unwrap_or(u64::MAX),
                b"f" => {
                    // Single operations of keys are read elsewhere.
                    let function = scanner.name()?;
                    if matches!(function, b"read" | b"write" | b"append" | b"init") {
                        return None;
                    }
                }
                b"key" => return None,
                _ => scanner.skip()?,
            }
        }
        self.lines.push(Line {
            kind: kind?,
            process: process?,
            index,
            time_ns,
            steps_end: self.steps.len() as u32,
        });
        Some(())
    }

    /// A list of steps, or nothing; of one that is no client's, anything.
    fn value(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        if scanner.peek()? != b'[' {
            return scanner.skip();
        }
        let begin = (scanner.at, self.steps.len());
        let steps = self.steps(scanner);
        if steps.is_none() {
            // A nemesis may say whatever it likes; if it is a client's after all, its steps will be missed.
            self.steps.truncate(begin.1);
            return None;
        }
        steps
    }

    fn steps(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        scanner.take(b'[')?;
        loop {
            scanner.space(false);
            match scanner.peek()? {
                b']' => {
                    scanner.at += 1;
                    return Some(());
                }
                _ => {
                    let step = scanner.step()?;
                    self.steps.push(step);
                }
            }
        }
    }
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline]
    fn space(&mut self, may_end_line: bool) {
        while let Some(byte) = self.peek() {
            let is_space = matches!(byte, b' ' | b',' | b'\t' | b'\r') || byte == b'\n' && may_end_line;
            if !is_space {
                return;
            }
            self.at += 1;
        }
    }

    /// A keyword without its colon, or a text without its quotes.
    #[inline]
    fn name(&mut self) -> Option<&'t [u8]> {
        let begin = self.at + 1;
        match self.peek()? {
            b':' => {
                let is_word = |byte: &u8| {
                    byte.is_ascii_alphanumeric()
                        || matches!(byte, b'-' | b'_' | b'?' | b'/' | b'.' | b'*' | b'!' | b'+')
                };
                let length = self.text[begin..].iter().take_while(|byte| is_word(byte)).count();
                self.at = begin + length;
                (length > 0).then(|| &self.text[begin..begin + length])
            }
            b'"' => {
                let length = self.text[begin..]
                    .iter()
                    .position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))?;
                self.at = begin + length + 1;
                (self.text[begin + length] == b'"').then(|| &self.text[begin..begin + length])
            }
            _ => None,
        }
    }

    #[inline]
    fn int(&mut self) -> Option<i64> {
        let begin = self.at;
        let is_negative = self.peek()? == b'-';
        self.at += usize::from(is_negative);
        let digits = self.at;
        let mut int: i64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            int = int.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            self.at += 1;
        }
        let is_int = self.at > digits && self.peek().is_none_or(ends_word);
        // A number that begins with a zero is an octal one, or none.
        let is_plain = self.at == digits + 1 || self.text.get(digits) != Some(&b'0');
        if !is_int || !is_plain {
            self.at = begin;
            return None;
        }
        Some(if is_negative { -int } else { int })
    }

    fn step(&mut self) -> Option<Step> {
        self.take(b'[')?;
        self.space(false);
        let name = self.name()?;
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
            b"append" => What::Append(self.int()?),
            b"w" => What::Write(self.int()?),
            b"r" => match self.peek()? {
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
            _ => return None,
        };
        self.space(false);
        self.take(b']')?;
        Some(Step { key, what })
    }

    fn list(&mut self) -> Option<What> {
        self.take(b'[')?;
        self.space(false);
        let begin = self.at;
        let length = self.text[begin..].iter().position(|byte| *byte == b']')?;
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
    fn skip(&mut self) -> Option<()> {
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
                b';' | b'\\' | b'\n' | b'#' => return None,
                b' ' | b',' | b'\t' | b'\r' => self.at += 1,
                _ => {
                    while !self.peek().is_none_or(ends_word) {
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

#[inline]
fn ends_word(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b',' | b'\t' | b'\r' | b'\n' | b']' | b'}' | b')' | b'[' | b'{' | b'(' | b'"' | b';'
    )
}

/// Reads the integers of a list's text; nothing if it has anything else.
pub(super) fn ints(text: &[u8]) -> Option<Vec<i64>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut ints = Vec::new();
    loop {
        scanner.space(false);
        if scanner.at == text.len() {
            return Some(ints);
        }
        ints.push(scanner.int()?);
    }
}
