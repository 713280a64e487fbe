//! A node by its place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A node by its place in the scenario, from 0. People call it `n1`, `n2`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub usize);

impl Place {
    /// The places of a cluster of `count` nodes.
    pub fn all(count: usize) -> impl Iterator<Item = Place> + Clone {
        (0..count).map(Place)
    }

    /// The place of the node called `name`.
    pub fn from_name(name: &str) -> Option<Place> {
        let number: usize = name.strip_prefix('n')?.parse().ok()?;
        number.checked_sub(1).map(Place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0 + 1)
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
        let name = String::deserialize(deserializer)?;
        Place::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("{name:?} is not a node: nodes are called n1, n2, ...")))
    }
}

/// Nodes as a witness names them: `n1+n2`.
pub(super) fn list<N: fmt::Display>(nodes: &[N]) -> String {
    let names: Vec<_> = nodes.iter().map(N::to_string).collect();
    names.join("+")
}
