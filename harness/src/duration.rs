//! Spans of time in files, as people write them.

use std::{fmt, time::Duration};

pub use quorate_node::duration::{DurationError, format, parse};
use serde::{Deserialize, Serialize};

/// A span ahead or, with a minus, back: `300ms`, `-2s`. In nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signed(pub i64);

impl TryFrom<String> for Signed {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Signed, DurationError> {
        let (sign, span) = text.strip_prefix('-').map_or((1, text.as_str()), |span| (-1, span));
        let nanos = i64::try_from(parse(span)?.as_nanos()).unwrap_or(i64::MAX);
        Ok(Signed(sign * nanos))
    }
}

impl From<Signed> for String {
    fn from(span: Signed) -> String {
        span.to_string()
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", format(Duration::from_nanos(self.0.unsigned_abs())))
    }
}

/// For `#[serde(with = ...)]`.
pub(crate) mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*span))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse(&text).map_err(D::Error::custom)
    }
}
