//! EDN, the notation that Jepsen's histories are written in: forms one after another, as far as histories use it.
//!
//! Commas are white space, `;` begins a comment, `#_` drops the form that follows, `#{` is a set, and any other `#name` a
//! tag. A tag on a map is a record's type, and is dropped: `#jepsen.history.Op{...}` reads as the map. Metadata (`^`), quotes
//! and reader macros are code, not data, and refused. A text may come in parts: what reaches the end of a part is told from
//! what is wrong. Source: the EDN format's own description (edn-format/edn).

use std::fmt::{self, Write};

use super::{Datum, number};

/// Reads forms from a text, one after another.
#[derive(Clone, Debug)]
pub struct Forms<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
    depth: usize,
    /// Whether the text ends where `bytes` do; else what reaches their end may go on beyond it.
    is_whole: bool,
    /// Items of the lists that are being read, innermost last.
    items: Vec<Datum>,
}

/// A text is not EDN. What was read before it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct EdnError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong, as a fragment.
    pub why: String,
    /// Whether more text might have made it right: it ends within a form.
    pub is_cut: bool,
}

impl<'a> Forms<'a> {
    /// Returns a reader at the beginning of `bytes`, which is line 1.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::part(bytes, 1, true)
    }

    /// Returns a reader at the beginning of a part of a text, which is `line`. Unless it is the last part, a form that
    /// reaches the end of `bytes` is cut.
    pub(crate) fn part(bytes: &'a [u8], line: u64, is_last: bool) -> Self {
        Self {
            bytes,
            at: 0,
            line,
            depth: 0,
            is_whole: is_last,
            items: Vec::new(),
        }
    }

    /// Returns how many bytes have been read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns the line that is being read, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Returns the next form, or nothing at the end of the text.
    ///
    /// # Errors
    /// What follows is no form. The reader is of no further use.
    pub fn next_form(&mut self) -> Result<Option<Datum>, EdnError> {
        self.skip_space()?;
        match self.peek() {
            None => Ok(None),
            Some(_) => self.form().map(Some),
        }
    }

    /// Passes over white space, then over `byte` if it comes next, and returns whether it did.
    ///
    /// # Errors
    /// There is a `#_` that nothing follows.
    pub fn skip(&mut self, byte: u8) -> Result<bool, EdnError> {
        self.skip_space()?;
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    /// Passes over white space and returns the byte that comes next.
    pub(crate) fn next_byte(&mut self) -> Result<Option<u8>, EdnError> {
        self.skip_space()?;
        Ok(self.peek())
    }

    /// Passes over a tag, if one comes next and a map after it.
    pub(crate) fn skip_tag_of_map(&mut self) -> Result<(), EdnError> {
        self.skip_space()?;
        let (at, line) = (self.at, self.line);
        if self.peek() == Some(b'#') && self.bytes.get(self.at + 1).is_some_and(|byte| !is_delimiter(*byte)) {
            self.at += 1;
            self.word()?;
            if self.next_byte()? != Some(b'{') {
                (self.at, self.line) = (at, line);
            }
        }
        Ok(())
    }

    /// Reads a map without making one: hands the name of each key to `take`, which reads the value from here. Entries
    /// whose key is no name are passed over. Call it where a `{` comes next.
    pub(crate) fn fields<E: From<EdnError>>(
        &mut self,
        mut take: impl FnMut(&str, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        assert_eq!(self.peek(), Some(b'{'), "a map begins here");
        self.at += 1;
        self.depth += 1;
        while !self.skip(b'}')? {
            if self.peek().is_none() {
                return Err(self.unclosed(b'}').into());
            }
            let key = match self.keyword()? {
                Some(name) => Ok(name),
                None => Err(self.form()?),
            };
            if self.next_byte()? == Some(b'}') {
                return Err(self.error("a map with a key and no value").into());
            }
            match key.as_ref().map_or_else(Datum::as_name, |name| Some(name)) {
                Some(name) => take(name, self)?,
                None => drop(self.form()?),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Returns the name of the keyword that comes next, if one does, and passes over it.
    pub(crate) fn keyword(&mut self) -> Result<Option<&'a str>, EdnError> {
        self.skip_space()?;
        match self.bytes.get(self.at..) {
            Some([b':', second, ..]) if !is_delimiter(*second) => Ok(Some(&self.word()?[1..])),
            _ => Ok(None),
        }
    }

    /// Reads the form that comes next.
    pub(crate) fn form(&mut self) -> Result<Datum, EdnError> {
        self.skip_space()?;
        match self.peek() {
            None => Err(self.cut("a form is missing at the end")),
            Some(b'[') => self.nested(|it| it.list(b']')),
            Some(b'(') => self.nested(|it| it.list(b')')),
            Some(b'{') => self.nested(Self::map),
            Some(b'"') => self.text(),
            Some(b'\\') => self.character(),
            Some(b'#') => self.nested(Self::dispatch),
            Some(byte @ (b']' | b')' | b'}')) => Err(self.error(format!("an unmatched {}", char::from(byte)))),
            Some(_) => self.token(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, why: impl Into<String>) -> EdnError {
        EdnError {
            line: self.line,
            why: why.into(),
            is_cut: false,
        }
    }

    fn cut(&self, why: impl Into<String>) -> EdnError {
        EdnError {
            is_cut: true,
            ..self.error(why)
        }
    }

    /// Returns the error of a word that has been read: it may go on, if the text ends with it.
    fn word_error(&self, why: impl Into<String>) -> EdnError {
        EdnError {
            is_cut: self.at >= self.bytes.len(),
            ..self.error(why)
        }
    }

    fn unclosed(&self, close: u8) -> EdnError {
        self.cut(format!("the text ends before a {}", char::from(close)))
    }

    /// Passes over white space, comments and dropped forms.
    fn skip_space(&mut self) -> Result<(), EdnError> {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | b',' | 0x0c => self.at += 1,
                b';' => {
                    let rest = &self.bytes[self.at..];
                    match rest.iter().position(|byte| *byte == b'\n') {
                        Some(length) => self.at += length,
                        None if self.is_whole => self.at = self.bytes.len(),
                        None => return Err(self.cut("a comment goes on")),
                    }
                }
                b'#' if self.bytes.get(self.at + 1) == Some(&b'_') => {
                    self.nested(|it| {
                        it.at += 2;
                        it.form()
                    })?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Datum, EdnError>) -> Result<Datum, EdnError> {
        if self.depth == Datum::DEPTH_MAX {
            return Err(self.error(format!("forms lie more than {} deep in each other", Datum::DEPTH_MAX)));
        }
        self.depth += 1;
        let datum = read(self);
        self.depth -= 1;
        datum
    }

    fn list(&mut self, close: u8) -> Result<Datum, EdnError> {
        let first = self.items(close)?;
        Ok(Datum::list(self.items.drain(first..)))
    }

    /// Reads what is between the bracket that comes next and `close`, and returns where in `items` it begins.
    fn items(&mut self, close: u8) -> Result<usize, EdnError> {
        self.at += 1;
        let first = self.items.len();
        while !self.skip(close)? {
            if self.peek().is_none() {
                return Err(self.unclosed(close));
            }
            let item = self.form()?;
            self.items.push(item);
        }
        Ok(first)
    }

    fn map(&mut self) -> Result<Datum, EdnError> {
        let first = self.items(b'}')?;
        if (self.items.len() - first) % 2 == 1 {
            return Err(self.error("a map with a key and no value"));
        }
        let mut items = self.items.drain(first..);
        Ok(Datum::map(std::iter::from_fn(|| items.next().zip(items.next()))))
    }

    /// Reads a set, a number that has a name, a var, or a tagged form.
    fn dispatch(&mut self) -> Result<Datum, EdnError> {
        if self.bytes.get(self.at + 1) == Some(&b'{') {
            self.at += 1;
            let first = self.items(b'}')?;
            return Ok(Datum::set(self.items.drain(first..)));
        }
        let start = self.at;
        self.at += 1;
        let tag = self.word()?;
        match tag.bytes().next() {
            None => Err(self.word_error("a # that no tag follows")),
            Some(b'#') => Ok(Datum::Number(self.utf8(&self.bytes[start..self.at])?.into())),
            Some(b'\'') => Ok(Datum::Symbol(self.utf8(&self.bytes[start..self.at])?.into())),
            Some(_) => match self.form()? {
                map @ Datum::Map(_) => Ok(map),
                datum => Ok(Datum::Tagged(Box::new((tag.into(), datum)))),
            },
        }
    }

    fn text(&mut self) -> Result<Datum, EdnError> {
        let start = self.at + 1;
        let rest = &self.bytes[start..];
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        if let Some(length) = end.filter(|length| rest[*length] == b'"') {
            let text = self.utf8(&self.bytes[start..start + length])?;
            let datum = Datum::Text(text.into());
            self.pass(start + length + 1);
            return Ok(datum);
        }
        self.escaped_text()
    }

    /// Reads a text that has escapes in it.
    fn escaped_text(&mut self) -> Result<Datum, EdnError> {
        let mut bytes = Vec::new();
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at).copied() {
                None => return Err(self.cut("a text that never ends")),
                Some(b'"') => break,
                Some(b'\\') => {
                    let (character, length) = self.escape(at + 1)?;
                    let mut buffer = [0; 4];
                    bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    at += 1 + length;
                }
                Some(byte) => {
                    bytes.push(byte);
                    at += 1;
                }
            }
        }
        let text = self.utf8(&bytes)?.to_owned();
        self.pass(at + 1);
        Ok(Datum::Text(text.into()))
    }

    /// Returns what the escape at `at` stands for, after its backslash, and how long it is.
    fn escape(&self, at: usize) -> Result<(char, usize), EdnError> {
        let character = match self.bytes.get(at).copied() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => return Ok((self.code_point(at + 1)?, 5)),
            Some(_) => return Err(self.error("an escape that EDN does not have")),
            None => return Err(self.cut("a text that never ends")),
        };
        Ok((character, 1))
    }

    fn code_point(&self, at: usize) -> Result<char, EdnError> {
        let Some(digits) = self.bytes.get(at..at + 4) else {
            return Err(self.cut("a text that never ends"));
        };
        // Half of a surrogate pair alone is no character; what it was to be can't be told.
        code_point(digits, 16).map_or_else(
            || Err(self.error("an escape \\u without four hexadecimal digits")),
            |code| Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
        )
    }

    fn character(&mut self) -> Result<Datum, EdnError> {
        let start = self.at + 1;
        let Some(rest) = self.bytes.get(start + 1..) else {
            return Err(self.cut("a character is missing at the end"));
        };
        // The first one counts whatever it is, even a bracket.
        let length = 1 + self.word_length(rest)?;
        let name = self.utf8(&self.bytes[start..start + length])?;
        let character = match name {
            "newline" => Some('\n'),
            "space" => Some(' '),
            "tab" => Some('\t'),
            "return" => Some('\r'),
            "backspace" => Some('\u{8}'),
            "formfeed" => Some('\u{c}'),
            _ if length == 5 && name.starts_with('u') => code_point(&name.as_bytes()[1..], 16).and_then(char::from_u32),
            _ if length == 4 && name.starts_with('o') => code_point(&name.as_bytes()[1..], 8).and_then(char::from_u32),
            _ => None,
        };
        let mut characters = name.chars();
        let datum = match (character, characters.next(), characters.next()) {
            (Some(character), ..) | (None, Some(character), None) => Datum::Text(character.to_string().into()),
            _ => {
                self.at = start + length;
                return Err(self.word_error(format!("\\{name} is no character")));
            }
        };
        self.pass(start + length);
        Ok(datum)
    }

    fn token(&mut self) -> Result<Datum, EdnError> {
        if let Some(int) = self.short_int() {
            return Ok(Datum::Int(int));
        }
        let token = self.word()?;
        let first = token.bytes().next();
        match (token, first) {
            ("nil", _) => Ok(Datum::Nil),
            ("true", _) => Ok(Datum::Bool(true)),
            ("false", _) => Ok(Datum::Bool(false)),
            (_, Some(b':')) if token.len() > 1 => Ok(Datum::Keyword(token[1..].into())),
            (_, Some(b'0'..=b'9' | b'-' | b'+')) if number::begins(token) => {
                number::read(token).ok_or_else(|| self.word_error(format!("{token:?} is no number")))
            }
            (_, Some(b'^' | b'\'' | b'`' | b'~' | b'@' | b':') | None) => {
                Err(self.word_error(format!("{token:?} is no form")))
            }
            _ => Ok(Datum::Symbol(token.into())),
        }
    }

    /// Reads an integer of the usual kind: digits that fit, maybe a sign, and then a delimiter.
    pub(crate) fn short_int(&mut self) -> Option<i64> {
        const DIGITS_MAX: usize = 18;
        let rest = self.bytes.get(self.at..)?;
        let is_negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(is_negative)..];
        let (mut int, mut count) = (0_i64, 0);
        while let Some(digit) = digits
            .get(count)
            .map(|byte| byte.wrapping_sub(b'0'))
            .filter(|it| *it < 10)
        {
            if count == DIGITS_MAX || (count == 1 && int == 0) {
                return None;
            }
            int = int * 10 + i64::from(digit);
            count += 1;
        }
        let is_whole = count > 0 && digits.get(count).is_some_and(|byte| is_delimiter(*byte));
        is_whole.then(|| {
            self.at += usize::from(is_negative) + count;
            if is_negative { -int } else { int }
        })
    }

    /// Reads up to the next delimiter.
    fn word(&mut self) -> Result<&'a str, EdnError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = self.word_length(rest)?;
        let word = std::str::from_utf8(&rest[..length]);
        self.at += length;
        word.map_err(|_| self.word_error("bytes that are not UTF-8"))
    }

    /// Returns how far it is to the next delimiter in `rest`, with which the bytes end.
    fn word_length(&self, rest: &[u8]) -> Result<usize, EdnError> {
        let end = rest.iter().position(|byte| is_delimiter(*byte));
        match end.map(|end| (end, rest[end])) {
            Some((end, byte)) if !byte.is_ascii_control() || byte.is_ascii_whitespace() => Ok(end),
            Some((_, byte)) => Err(self.error(format!("a control character, {byte:#04x}: this is no text"))),
            None if self.is_whole && self.depth == 0 => Ok(rest.len()),
            None if self.is_whole => Err(self.cut("the text ends within a form")),
            None => Err(self.cut("a word goes on")),
        }
    }

    fn utf8<'t>(&self, bytes: &'t [u8]) -> Result<&'t str, EdnError> {
        std::str::from_utf8(bytes).map_err(|_| self.error("bytes that are not UTF-8"))
    }

    /// Goes on at `at`, having passed over some text.
    fn pass(&mut self, at: usize) {
        let passed = &self.bytes[self.at..at];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = at;
    }
}

/// What ends a word: white space, brackets, quotes and comments, and control characters, which no word has.
const DELIMITERS: [bool; 256] = {
    let mut delimiters = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        delimiters[byte] = (byte as u8).is_ascii_control()
            || matches!(
                byte as u8,
                b' ' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"'
            );
        byte += 1;
    }
    delimiters
};

/// Returns whether a keyword or symbol can be so named.
pub(crate) fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.bytes().any(is_delimiter)
}

fn is_delimiter(byte: u8) -> bool {
    DELIMITERS[usize::from(byte)]
}

/// Returns the number that `digits`, and nothing else, say.
fn code_point(digits: &[u8], radix: u32) -> Option<u32> {
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|it| it.as_bytes().iter().all(is_digit))?;
    u32::from_str_radix(digits, radix).ok()
}

/// Writes `datum` as EDN.
pub(super) fn write(datum: &Datum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match datum {
        Datum::Nil => f.write_str("nil"),
        Datum::Bool(bool) => write!(f, "{bool}"),
        Datum::Int(int) => write!(f, "{int}"),
        Datum::Number(text) | Datum::Symbol(text) => f.write_str(text),
        Datum::Text(text) => write_text(text, f),
        Datum::Keyword(name) => write!(f, ":{name}"),
        Datum::List(items) => write_items("[", items, "]", f),
        Datum::Set(items) => write_items("#{", items, "}", f),
        Datum::Map(entries) => {
            f.write_char('{')?;
            for (number, (key, value)) in entries.iter().enumerate() {
                let comma = if number == 0 { "" } else { ", " };
                write!(f, "{comma}{key} {value}")?;
            }
            f.write_char('}')
        }
        Datum::Tagged(tagged) => write!(f, "#{} {}", tagged.0, tagged.1),
    }
}

fn write_items(open: &str, items: &[Datum], close: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(open)?;
    for (number, item) in items.iter().enumerate() {
        let space = if number == 0 { "" } else { " " };
        write!(f, "{space}{item}")?;
    }
    f.write_str(close)
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}
