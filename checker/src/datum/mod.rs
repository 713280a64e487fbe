//! Values of any store's histories: what EDN and JSON can both say, as far as checks need it.
//!
//! Equality is that of EDN: sets and maps are equal whatever order they were written in, a list is not a set, and a keyword
//! is not a text. A number that is not an integer of 64 bits is kept as it was written and only ever compared to be equal.

mod edn;
mod json;
mod number;

pub(crate) use edn::is_word;
pub use edn::{EdnError, Forms};
pub(crate) use json::FromJson;

use std::fmt;

/// A value. Sets and maps are sorted, so that comparing them compares what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Datum {
    /// Nothing there.
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number, as it was written.
    Number(Box<str>),
    /// A text.
    Text(Box<str>),
    /// A keyword of EDN, without its colon.
    Keyword(Box<str>),
    /// A symbol of EDN.
    Symbol(Box<str>),
    /// A list or vector.
    List(Box<[Datum]>),
    /// A set. One that was written with an element twice has it twice.
    Set(Box<[Datum]>),
    /// A map, in order of its keys.
    Map(Box<[(Datum, Datum)]>),
    /// A value with a tag that nothing is known of, such as a time.
    Tagged(Box<(Box<str>, Datum)>),
}

impl Datum {
    /// How deep values may lie in each other: far deeper than any history's, and shallow enough for every stack.
    pub const DEPTH_MAX: usize = 128;

    /// Returns a list of `items`.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Returns a set of `items`, in whatever order they come.
    pub fn set(items: impl IntoIterator<Item = Self>) -> Self {
        let mut items: Vec<Self> = items.into_iter().collect();
        items.sort_unstable();
        Self::Set(items.into())
    }

    /// Returns a map of `entries`, in whatever order they come. Of several with the same key the last counts.
    pub fn map(entries: impl IntoIterator<Item = (Self, Self)>) -> Self {
        let mut entries: Vec<(Self, Self)> = entries.into_iter().collect();
        entries.reverse();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        Self::Map(entries.into())
    }

    /// Returns whether this is [`Self::Nil`].
    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }

    /// Returns the integer that this is.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// Returns the text, or the name of the keyword or symbol, that this is.
    pub fn as_name(&self) -> Option<&str> {
        match self {
            Self::Text(name) | Self::Keyword(name) | Self::Symbol(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the items of the list or set that this is.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the two items of the list that this is, if it has just two.
    pub fn as_pair(&self) -> Option<(&Self, &Self)> {
        match self {
            Self::List(items) => match &items[..] {
                [first, second] => Some((first, second)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the entries of the map that this is, in order of their keys.
    pub fn entries(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns about how many bytes this takes, with all that it holds.
    pub(crate) fn bytes(&self) -> usize {
        // Values lie in each other at most so deep as DEPTH_MAX says.
        let held = match self {
            Self::Nil | Self::Bool(_) | Self::Int(_) => 0,
            Self::Number(text) | Self::Text(text) | Self::Keyword(text) | Self::Symbol(text) => text.len(),
            Self::List(items) | Self::Set(items) => items.iter().map(Self::bytes).sum(),
            Self::Map(entries) => entries.iter().map(|(key, value)| key.bytes() + value.bytes()).sum(),
            Self::Tagged(tagged) => tagged.0.len() + size_of::<Box<str>>() + tagged.1.bytes(),
        };
        size_of::<Self>() + held
    }

    /// Returns the value of this map under a key of this name, be it a keyword or a text.
    pub fn at(&self, name: &str) -> Option<&Self> {
        let entries = self.entries()?;
        entries
            .iter()
            .find(|(key, _)| key.as_name() == Some(name))
            .map(|(_, value)| value)
    }
}

impl From<i64> for Datum {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<&str> for Datum {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for Datum {
    /// Writes the value as EDN.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        edn::write(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Datum {
        let mut forms = Forms::new(text.as_bytes());
        let form = forms.next_form().expect("the text is EDN").expect("it holds a form");
        assert_eq!(forms.next_form(), Ok(None), "{text} holds one form");
        form
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "nil",
            "true",
            "-42",
            "1.5",
            "12345678901234567890",
            r#""a \"quoted\" \\ text\n""#,
            ":keyword/with-space",
            "java.net.SocketTimeoutException",
            "[1 [2 nil] ()]",
            "#{3 1 2}",
            "{:from 1, :to 2}",
            "#inst \"2026-01-01\"",
        ] {
            let datum = read(text);
            assert_eq!(read(&datum.to_string()), datum, "{text}");
        }
    }

    #[test]
    fn equality_is_that_of_edn() {
        assert_eq!(read("#{3 1 2}"), read("#{1 2 3}"));
        assert_eq!(read("{:a 1 :b 2}"), read("{:b 2, :a 1}"));
        assert_eq!(read("(1 2)"), read("[1 2]"));
        assert_ne!(read("[1 2]"), read("#{1 2}"));
        assert_ne!(read(":a"), read("\"a\""));
    }

    #[test]
    fn what_is_not_edn_is_refused_with_its_line() {
        for (text, line) in [
            ("[1 2", 1),
            ("\n\n{:a}", 3),
            (")", 1),
            ("\"open", 1),
            ("1\n]", 2),
            ("#", 1),
        ] {
            let mut forms = Forms::new(text.as_bytes());
            let error = loop {
                match forms.next_form() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{text} was read"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.line, line, "{text}: {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(Forms::new(deep.as_bytes()).next_form().is_err());
    }
}
