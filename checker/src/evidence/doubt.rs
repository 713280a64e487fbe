//! Why part of a history could not be judged: the first reason, and how many more there are.

use std::{fmt, ops::Deref};

use serde::{Serialize, Serializer};

/// Why one key or more could not be judged. It reads as a text, as in `k3: 5 was written more than once; and 2 more such keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    text: String,
    /// How much of the text is the first reason.
    first_length: usize,
    more: u64,
}

impl Doubt {
    /// Returns a doubt for one reason, and `more` that are like it.
    pub(crate) fn new(first: String, more: u64) -> Self {
        let first_length = first.len();
        let mut text = first;
        if more > 0 {
            text.push_str(&format!("; and {more} more such keys"));
        }
        Self {
            text,
            first_length,
            more,
        }
    }

    /// Returns how many reasons there are.
    pub fn count(&self) -> u64 {
        self.more + 1
    }

    /// Returns the doubts of both, of which this one's reason is told.
    fn and(&self, other: &Self) -> Self {
        Self::new(self.text[..self.first_length].to_owned(), self.more + 1 + other.more)
    }

    /// Returns the doubts of both, if there are any.
    pub(super) fn either(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(first), Some(second)) => Some(first.and(&second)),
            (first, second) => first.or(second),
        }
    }
}

impl From<String> for Doubt {
    fn from(reason: String) -> Self {
        Self::new(reason, 0)
    }
}

impl Deref for Doubt {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Doubt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
