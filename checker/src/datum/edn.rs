//! EDN, the notation that Jepsen's histories are written in: forms one after another, as far as histories use it.
//!
//! Commas are white space, `;` begins a comment, `#_` drops the form that follows, `#{` is a set, and any other `#name` a
//! tag. A tag on a map is a record's type, and is dropped: `#jepsen.history.Op{...}` reads as the map. Metadata (`^`), quotes
//! and reader macros are code, not data, and refused. Source: the EDN format's own description (edn-format/edn).

use std::fmt::{self, Write};

use super::Datum;

/// Reads forms from a text, one after another.
#[derive(Clone, Debug)]
pub struct Forms<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
    depth: usize,
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
        Self {
            bytes,
            at: 0,
            line: 1,
            depth: 0,
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

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, why: impl Into<String>) -> EdnError {
        EdnError {
            line: self.line,
            why: why.into(),
            is_cut: self.at >= self.bytes.len(),
        }
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
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                b'#' if self.bytes.get(self.at + 1) == Some(&b'_') => {
                    self.at += 2;
                    self.nested(Self::form)?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn form(&mut self) -> Result<Datum, EdnError> {
        self.skip_space()?;
        match self.peek() {
            None => Err(self.error("a form is missing at the end")),
            Some(b'[') => self.nested(|it| Ok(Datum::list(it.items(b']')?))),
            Some(b'(') => self.nested(|it| Ok(Datum::list(it.items(b')')?))),
            Some(b'{') => self.nested(Self::map),
            Some(b'"') => self.text(),
            Some(b'\\') => self.character(),
            Some(b'#') => self.nested(Self::dispatch),
            Some(byte @ (b']' | b')' | b'}')) => Err(self.error(format!("an unmatched {}", char::from(byte)))),
            Some(_) => self.token(),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Datum, EdnError>) -> Result<Datum, EdnError> {
        if self.depth == Datum::DEPTH_MAX {
            return Err(EdnError {
                is_cut: false,
                ..self.error(format!("forms lie more than {} deep in each other", Datum::DEPTH_MAX))
            });
        }
        self.depth += 1;
        let datum = read(self);
        self.depth -= 1;
        datum
    }

    /// Reads what is between the bracket that comes next and `close`.
    fn items(&mut self, close: u8) -> Result<Vec<Datum>, EdnError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.skip(close)? {
                return Ok(items);
            } else if self.peek().is_none() {
                return Err(self.error(format!("the text ends before a {}", char::from(close))));
            }
            items.push(self.form()?);
        }
    }

    fn map(&mut self) -> Result<Datum, EdnError> {
        let items = self.items(b'}')?;
        if items.len() % 2 == 1 {
            return Err(self.error("a map with a key and no value"));
        }
        let mut items = items.into_iter();
        let mut entries = Vec::with_capacity(items.len() / 2);
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(Datum::map(entries))
    }

    /// Reads a set or a tagged form.
    fn dispatch(&mut self) -> Result<Datum, EdnError> {
        self.at += 1;
        match self.peek() {
            Some(b'{') => return Ok(Datum::set(self.items(b'}')?)),
            Some(b'#') => return Err(self.error("a symbolic value, which is no data of a history")),
            _ => {}
        }
        let tag = self.word()?;
        if tag.is_empty() {
            return Err(self.error("a # that no tag follows"));
        }
        match self.form()? {
            map @ Datum::Map(_) => Ok(map),
            datum => Ok(Datum::Tagged(Box::new((tag.into(), datum)))),
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
                None => {
                    self.pass(at);
                    return Err(self.error("a text that never ends"));
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    let escape = self.bytes.get(at + 1).copied();
                    let (character, length) = match escape {
                        Some(b'n') => ('\n', 2),
                        Some(b't') => ('\t', 2),
                        Some(b'r') => ('\r', 2),
                        Some(b'b') => ('\u{8}', 2),
                        Some(b'f') => ('\u{c}', 2),
                        Some(byte @ (b'"' | b'\\' | b'/')) => (char::from(byte), 2),
                        Some(b'u') => (self.code_point(at + 2)?, 6),
                        None => (' ', 1),
                        Some(_) => return Err(self.error("an escape that EDN does not have")),
                    };
                    let mut buffer = [0; 4];
                    bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    at += length;
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

    fn code_point(&self, at: usize) -> Result<char, EdnError> {
        let digits = self.bytes.get(at..at + 4).and_then(|it| std::str::from_utf8(it).ok());
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(code) = code else {
            return Err(self.error("an escape \\u without four hexadecimal digits"));
        };
        // Half of a surrogate pair alone is no character; what it was to be can't be told.
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn character(&mut self) -> Result<Datum, EdnError> {
        self.at += 1;
        let start = self.at;
        // The first one counts whatever it is, even a bracket.
        self.at += 1;
        let rest = self.word()?.len();
        let bytes = self.bytes.get(start..start + 1 + rest);
        let Some(bytes) = bytes else {
            return Err(self.error("a character is missing at the end"));
        };
        let text = match self.utf8(bytes)? {
            "newline" => "\n",
            "space" => " ",
            "tab" => "\t",
            "return" => "\r",
            other => other,
        };
        Ok(Datum::Text(text.into()))
    }

    fn token(&mut self) -> Result<Datum, EdnError> {
        let token = self.word()?;
        let first = token.bytes().next();
        Ok(match (token, first) {
            ("nil", _) => Datum::Nil,
            ("true", _) => Datum::Bool(true),
            ("false", _) => Datum::Bool(false),
            (_, Some(b':')) if token.len() > 1 => Datum::Keyword(token[1..].into()),
            (_, Some(b'0'..=b'9' | b'-' | b'+')) if is_number(token) => number(token),
            (_, Some(b'^' | b'\'' | b'`' | b'~' | b'@' | b':') | None) => {
                return Err(self.error(format!("{token:?} is no form")));
            }
            _ => Datum::Symbol(token.into()),
        })
    }

    /// Reads up to the next delimiter.
    fn word(&mut self) -> Result<&'a str, EdnError> {
        let is_delimiter = |byte: &u8| byte.is_ascii_whitespace() || b",;()[]{}\"".contains(byte);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(is_delimiter).unwrap_or(rest.len());
        let word = self.utf8(&rest[..length])?;
        if length == 0 && !rest.is_empty() && self.depth == 0 && !is_delimiter(&rest[0]) {
            return Err(self.error("no form"));
        }
        self.at += length;
        Ok(word)
    }

    fn utf8<'t>(&self, bytes: &'t [u8]) -> Result<&'t str, EdnError> {
        std::str::from_utf8(bytes).map_err(|_| EdnError {
            is_cut: false,
            ..self.error("bytes that are not UTF-8")
        })
    }

    /// Goes on at `at`, having passed over some text.
    fn pass(&mut self, at: usize) {
        let passed = &self.bytes[self.at..at.min(self.bytes.len())];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = at;
    }
}

/// Whether a token that begins as a number goes on as one; `-` and `+x` are symbols.
fn is_number(token: &str) -> bool {
    let digits = token.trim_start_matches(['-', '+']);
    digits.starts_with(|first: char| first.is_ascii_digit())
}

fn number(token: &str) -> Datum {
    // Clojure marks a number that may grow with N; its value is the same.
    let plain = token.strip_suffix('N').unwrap_or(token);
    let plain = plain.strip_prefix('+').unwrap_or(plain);
    plain.parse().map_or_else(|_| Datum::Number(token.into()), Datum::Int)
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
