//! Faults as data: what is broken, and which directed links or processes that means.

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

/// Something to break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// One node hears nobody, and nobody hears it.
    Isolate {
        /// Which.
        node: Place,
    },
    /// Two groups do not hear each other.
    Halves {
        /// One group; the other is everybody else.
        side: Vec<Place>,
    },
    /// What one group says does not reach the rest, though it hears them.
    OneWay {
        /// The group that is not heard.
        unheard: Vec<Place>,
    },
    /// Two groups that do not hear each other, and a node between them that hears and is heard by both.
    Bridge {
        /// The node between.
        bridge: Place,
        /// One group; the other is everybody else.
        side: Vec<Place>,
    },
    /// Processes are killed with SIGKILL, and started again at the end.
    Kill {
        /// Whose.
        nodes: Vec<Place>,
    },
}

impl Fault {
    /// The directed links that are cut in a cluster of `count` nodes.
    pub fn cuts(&self, count: usize) -> Vec<(Place, Place)> {
        let silenced = |from: Place, to: Place| match self {
            Fault::Isolate { node } => from == *node || to == *node,
            Fault::Halves { side } => side.contains(&from) != side.contains(&to),
            Fault::OneWay { unheard } => unheard.contains(&from) && !unheard.contains(&to),
            Fault::Bridge { bridge, side } => {
                from != *bridge && to != *bridge && side.contains(&from) != side.contains(&to)
            }
            Fault::Kill { .. } => false,
        };
        let pairs = Place::all(count).flat_map(|from| Place::all(count).map(move |to| (from, to)));
        pairs.filter(|(from, to)| from != to && silenced(*from, *to)).collect()
    }

    /// The processes that are killed.
    pub fn kills(&self) -> &[Place] {
        match self {
            Fault::Kill { nodes } => nodes,
            _ => &[],
        }
    }

    /// Every node that it names.
    pub fn nodes(&self) -> Vec<Place> {
        match self {
            Fault::Isolate { node } => vec![*node],
            Fault::Halves { side } => side.clone(),
            Fault::OneWay { unheard } => unheard.clone(),
            Fault::Bridge { bridge, side } => side.iter().chain([bridge]).copied().collect(),
            Fault::Kill { nodes } => nodes.clone(),
        }
    }
}

impl fmt::Display for Fault {
    /// In the words of a witness: "n3 isolated".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Isolate { node } => write!(f, "{node} isolated"),
            Fault::Halves { side } => write!(f, "{} cut off from the rest", list(side)),
            Fault::OneWay { unheard } => write!(f, "{} unheard by the rest", list(unheard)),
            Fault::Bridge { bridge, side } => write!(f, "{} joined to the rest by {bridge} alone", list(side)),
            Fault::Kill { nodes } => write!(f, "{} killed", list(nodes)),
        }
    }
}

fn list(nodes: &[Place]) -> String {
    let names: Vec<_> = nodes.iter().map(Place::to_string).collect();
    names.join("+")
}

/// A family of faults that a plan can draw from, by the name that the command line knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Every shape of partition.
    Partition,
    /// Kill and restart.
    Kill,
}

impl FaultKind {
    /// Every family.
    pub const ALL: [FaultKind; 2] = [FaultKind::Partition, FaultKind::Kill];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Partition => "partition",
            FaultKind::Kill => "kill",
        }
    }

    /// What it does, in a line.
    pub fn description(self) -> &'static str {
        match self {
            FaultKind::Partition => "cuts links between nodes: one isolated, halves, one-way, a bridge between halves",
            FaultKind::Kill => "kills one or two processes with SIGKILL, and starts them again on their data",
        }
    }

    /// The families named in `names`, separated by commas; `none` names none.
    ///
    /// # Errors
    /// The first name that is not one of a family.
    pub fn parse_list(names: &str) -> Result<Vec<FaultKind>, UnknownFault> {
        let names = names.split(',').map(str::trim).filter(|name| *name != "none");
        let kind = |name: &str| {
            let found = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
            found.ok_or_else(|| UnknownFault(name.to_owned()))
        };
        let mut kinds = names.map(kind).collect::<Result<Vec<_>, _>>()?;
        kinds.sort();
        kinds.dedup();
        Ok(kinds)
    }
}

/// A fault of that name is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault {0:?}: known are partition, kill and none")]
pub struct UnknownFault(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn places(names: &str) -> Vec<Place> {
        let names = names.split('+');
        names.map(|name| Place::from_name(name).expect("a node")).collect()
    }

    fn cuts(fault: &Fault) -> String {
        let cuts = fault.cuts(5).into_iter().map(|(from, to)| format!("{from}>{to}"));
        cuts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_shape_cuts_the_links_that_it_means() {
        let isolate = Fault::Isolate { node: Place(2) };
        assert_eq!(cuts(&isolate), "n1>n3 n2>n3 n3>n1 n3>n2 n3>n4 n3>n5 n4>n3 n5>n3");
        let halves = Fault::Halves { side: places("n1+n2") };
        assert_eq!(
            cuts(&halves),
            "n1>n3 n1>n4 n1>n5 n2>n3 n2>n4 n2>n5 n3>n1 n3>n2 n4>n1 n4>n2 n5>n1 n5>n2"
        );
        let one_way = Fault::OneWay { unheard: places("n4") };
        assert_eq!(cuts(&one_way), "n4>n1 n4>n2 n4>n3 n4>n5");
        let bridge = Fault::Bridge {
            bridge: Place(2),
            side: places("n1+n2"),
        };
        assert_eq!(cuts(&bridge), "n1>n4 n1>n5 n2>n4 n2>n5 n4>n1 n4>n2 n5>n1 n5>n2");
        assert_eq!(cuts(&Fault::Kill { nodes: places("n1") }), "");
    }

    #[test]
    fn names_of_families_and_what_is_none_of_them() {
        assert_eq!(
            FaultKind::parse_list("kill,partition, kill"),
            Ok(FaultKind::ALL.to_vec())
        );
        assert_eq!(FaultKind::parse_list("none"), Ok(vec![]));
        let error = FaultKind::parse_list("partition,earthquake").expect_err("not yet");
        assert!(error.to_string().contains("earthquake"));
    }
}
