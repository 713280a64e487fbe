//! Names of data centers and racks: short, printable, and the same text in settings, in gossip and on disk.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest name, in bytes: every node's are gossiped to every other.
pub const NAME_BYTES_MAX: usize = 32;

/// What a data center or a rack is called, shared by all that name it: 1 to [`NAME_BYTES_MAX`] of the letters and digits of
/// ASCII, `-`, `_` and `.`. Upper and lower case differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name: a name is 1 to {NAME_BYTES_MAX} letters, digits, '-', '_' or '.'")]
pub struct NameError(String);

impl Name {
    /// The data center of a node that was told none.
    pub fn default_dc() -> Name {
        Name("dc1".into())
    }

    /// The rack of a node that was told none.
    pub fn default_rack() -> Name {
        Name("rack1".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Name, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Name(text.into()))
        } else {
            Err(NameError(text))
        }
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::try_from(text.to_owned())
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.as_str().to_owned()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printable() {
        let longest = "x".repeat(NAME_BYTES_MAX);
        for text in ["a", "dc1", "eu-west_1.b", "Z9", &longest] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
        let too_long = "x".repeat(NAME_BYTES_MAX + 1);
        for text in ["", " ", "a b", "dc1=3", "a,b", "a/b", "zürich", "a\n", "a\0", &too_long] {
            assert_eq!(text.parse::<Name>(), Err(NameError(text.to_owned())));
        }
    }

    #[test]
    fn the_names_by_default_are_names() {
        for name in [Name::default_dc(), Name::default_rack()] {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
    }
}
