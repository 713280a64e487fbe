//! When acknowledged records reach the disk, as scenarios say it: `always`, `never`, `periodic` or `periodic:SPAN`.

use std::time::Duration;

use quorate_node::store;
use serde::{Deserialize, Serialize};

use crate::duration;

/// What `periodic` means without a span: what Cassandra's commit log does unless it is told otherwise.
const PERIOD: Duration = Duration::from_secs(10);

/// When an acknowledged record reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// Within this time after.
    Periodic(Duration),
    /// When the node stops in good order.
    Never,
}

impl TryFrom<String> for Fsync {
    type Error = String;

    fn try_from(text: String) -> Result<Fsync, String> {
        if text == "periodic" {
            return Ok(Fsync::Periodic(PERIOD));
        }
        Ok(match text.parse::<store::Fsync>()? {
            store::Fsync::Always => Fsync::Always,
            store::Fsync::Periodic(period) => Fsync::Periodic(period),
            store::Fsync::Never => Fsync::Never,
        })
    }
}

impl From<Fsync> for String {
    fn from(fsync: Fsync) -> String {
        match fsync {
            Fsync::Always => "always".to_owned(),
            Fsync::Periodic(period) => format!("periodic:{}", duration::format(period)),
            Fsync::Never => "never".to_owned(),
        }
    }
}
