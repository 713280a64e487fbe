//! Families of faults, by the names that the command line knows them by.

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::run_folder::Backend;

/// A family of faults that a plan can draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Every shape of partition.
    Partition,
    /// Links that delay what they carry.
    SlowNet,
    /// Links that lose packets.
    Loss,
    /// Kill and restart.
    Kill,
    /// Stop and continue.
    Pause,
    /// Too little of the processor.
    Slow,
    /// Power cuts.
    PowerLoss,
    /// Disks that fail, or are slow, or give back what was not written.
    Disk,
    /// Wall clocks that jump and drift.
    Clock,
    /// Messages out of order, and twice.
    Message,
    /// Nodes that come and go.
    Membership,
    /// Disks that are lost, or go back to an old copy.
    Wipe,
    /// Some of all these, drawn for each run.
    Swarm,
}

impl FaultKind {
    /// Every family, in the order of their names in help.
    pub const ALL: [FaultKind; 13] = [
        FaultKind::Partition,
        FaultKind::SlowNet,
        FaultKind::Loss,
        FaultKind::Kill,
        FaultKind::Pause,
        FaultKind::Slow,
        FaultKind::PowerLoss,
        FaultKind::Disk,
        FaultKind::Clock,
        FaultKind::Message,
        FaultKind::Membership,
        FaultKind::Wipe,
        FaultKind::Swarm,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Partition => "partition",
            FaultKind::SlowNet => "slow-net",
            FaultKind::Loss => "loss",
            FaultKind::Kill => "kill",
            FaultKind::Pause => "pause",
            FaultKind::Slow => "slow",
            FaultKind::PowerLoss => "power-loss",
            FaultKind::Disk => "disk",
            FaultKind::Clock => "clock",
            FaultKind::Message => "message",
            FaultKind::Membership => "membership",
            FaultKind::Wipe => "wipe",
            FaultKind::Swarm => "swarm",
        }
    }

    /// What it does, in a line.
    pub fn description(self) -> &'static str {
        match self {
            FaultKind::Partition => {
                "cuts links: one isolated, halves, one way, a bridge, two groups, a ring of majorities, flapping, one after another, clients"
            }
            FaultKind::SlowNet => {
                "slows links: by so much, or to so many packets a second; or holds what is sent, and lets it come at once"
            }
            FaultKind::Loss => "loses packets, so that messages are late: on all links, or one way between two groups",
            FaultKind::Kill => "kills one or two processes with SIGKILL, and starts them again on their data",
            FaultKind::Pause => "pauses one or two processes, which then go on where they were",
            FaultKind::Slow => "gives a process a tenth of the time, or a third",
            FaultKind::PowerLoss => "cuts the power of one node, or of all: what was not synced is gone, or torn",
            FaultKind::Disk => {
                "has syncs, writes or reads fail, or the disk be full or slow; flips bits in records of a node while it is down"
            }
            FaultKind::Clock => "has wall clocks jump ahead and back, to and fro, and drift",
            FaultKind::Message => "delivers messages late and out of order, or twice, or never, as nodes frame them",
            FaultKind::Membership => {
                "has spare nodes join, and others leave, change their weight, or be replaced or removed once they are dead"
            }
            FaultKind::Wipe => "loses a node's disk, and has a spare take its place; puts back an old copy of a disk",
            FaultKind::Swarm => "switches on some of the others, drawn for each run",
        }
    }

    /// Whether a cluster of that kind can have any fault of it.
    pub fn is_of(self, backend: Backend) -> bool {
        let mut faults = Fault::examples().into_iter();
        self == FaultKind::Swarm || faults.any(|fault| fault.kind() == self && fault.is_of(backend))
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
#[error("unknown fault {0:?}: known are {known} and none", known = FaultKind::ALL.map(FaultKind::name).join(", "))]
pub struct UnknownFault(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_families_and_what_is_none_of_them() {
        let both = vec![FaultKind::Partition, FaultKind::Kill];
        assert_eq!(FaultKind::parse_list("kill,partition, kill"), Ok(both));
        assert_eq!(FaultKind::parse_list("none"), Ok(vec![]));
        let error = FaultKind::parse_list("partition,earthquake").expect_err("not yet");
        assert!(error.to_string().contains("earthquake"));
        let names = FaultKind::ALL.map(FaultKind::name).join(",");
        assert_eq!(FaultKind::parse_list(&names), Ok(FaultKind::ALL.to_vec()));
    }
}
