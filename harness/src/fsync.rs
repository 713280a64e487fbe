//! When acknowledged records reach the disk, as scenarios say it: `always`, `never`, `periodic` or `periodic:SPAN`.

use std::time::Duration;

pub use quorate_node::store::Fsync;

use crate::duration;

/// What `periodic` means without a span: what Cassandra's commit log does unless it is told otherwise.
const PERIOD: Duration = Duration::from_secs(10);

/// Reads a setting.
///
/// # Errors
/// In words, why it is none.
pub fn parse(text: &str) -> Result<Fsync, String> {
    match text {
        "periodic" => Ok(Fsync::Periodic(PERIOD)),
        _ => text.parse(),
    }
}

/// Writes a setting as it is read.
pub fn format(fsync: Fsync) -> String {
    match fsync {
        Fsync::Always => "always".to_owned(),
        Fsync::Periodic(period) => format!("periodic:{}", duration::format(period)),
        Fsync::Never => "never".to_owned(),
    }
}

/// For `#[serde(with = ...)]`.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Fsync;

    pub(crate) fn serialize<S: Serializer>(fsync: &Fsync, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*fsync))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fsync, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse(&text).map_err(D::Error::custom)
    }
}
