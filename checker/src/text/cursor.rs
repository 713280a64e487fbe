//! A line of text, token by token.

use serde_json::Value;

/// What is left of a line. Never holds leading blanks, nor a comment at its front.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(line: &'t str) -> Self {
        Self { rest: "" }.at(line)
    }

    pub(super) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Returns whether a JSON string comes next.
    pub(super) fn is_quoted(self) -> bool {
        self.rest.starts_with('"')
    }

    /// Takes all up to the next blank.
    pub(super) fn word(&mut self) -> Option<&'t str> {
        let length = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        *self = self.at(rest);
        Some(word).filter(|word| !word.is_empty())
    }

    /// Takes the next word if it is `word`.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let mut ahead = *self;
        let found = ahead.word() == Some(word);
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the name of an attribute, up to and with its `=`, if there is one.
    pub(super) fn attribute(&mut self) -> Option<&'t str> {
        let length = self.rest.find(|it: char| it == '=' || it.is_whitespace())?;
        let (name, rest) = self.rest.split_at(length);
        // The value follows at once: blanks and comments are not skipped.
        self.rest = rest.strip_prefix('=')?;
        Some(name)
    }

    /// Takes a value: JSON, `nil`, or a bare word for a string.
    pub(super) fn value(&mut self) -> Option<Value> {
        if self.rest.starts_with(['"', '[', '{']) {
            let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
            let value = values.next()?.ok()?;
            *self = self.at(&self.rest[values.byte_offset()..]);
            return Some(value);
        }
        match self.word()? {
            "nil" => Some(Value::Null),
            word => Some(serde_json::from_str(word).unwrap_or_else(|_| Value::from(word))),
        }
    }

    /// Takes a name: a bare word, or a JSON string.
    pub(super) fn name(&mut self) -> Option<String> {
        if self.rest.starts_with('"') {
            return self.value()?.as_str().map(str::to_owned);
        }
        self.word().map(str::to_owned)
    }

    fn at(self, rest: &'t str) -> Self {
        let rest = rest.trim_start();
        Self {
            rest: if rest.starts_with('#') { "" } else { rest },
        }
    }
}
