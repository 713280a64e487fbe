//! When tombstones go, as scenarios say it: `keep`, `collect:SPAN` or `forget:SPAN`.

use quorate_core::Tombstones as When;
use quorate_node::cli::parse_tombstones;
use serde::{Deserialize, Serialize};

use crate::duration;

/// When tombstones go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tombstones(pub When);

impl Default for Tombstones {
    fn default() -> Tombstones {
        Tombstones(When::Keep)
    }
}

impl TryFrom<String> for Tombstones {
    type Error = String;

    fn try_from(text: String) -> Result<Tombstones, String> {
        parse_tombstones(&text).map(Tombstones)
    }
}

impl From<Tombstones> for String {
    fn from(tombstones: Tombstones) -> String {
        match tombstones.0 {
            When::Keep => "keep".to_owned(),
            When::CollectAfter(grace) => format!("collect:{}", duration::format(grace)),
            When::ForgetAfter(grace) => format!("forget:{}", duration::format(grace)),
        }
    }
}
