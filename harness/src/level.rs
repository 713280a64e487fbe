//! Consistency levels as scenarios name them, and what they amount to over the data centers of a scenario.

use std::{fmt, str::FromStr};

use quorate_core::{Level, LevelError, Name, NodeId, ParseLevelError, Requirement};
use quorate_workloads::Quorums;
use serde::{Deserialize, Serialize};

/// A level by its name, as in `LOCAL_QUORUM`, or its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LevelName(pub Level);

impl FromStr for LevelName {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<LevelName, ParseLevelError> {
        text.parse().map(LevelName)
    }
}

impl TryFrom<String> for LevelName {
    type Error = ParseLevelError;

    fn try_from(text: String) -> Result<LevelName, ParseLevelError> {
        text.parse()
    }
}

impl From<LevelName> for String {
    fn from(level: LevelName) -> String {
        level.to_string()
    }
}

impl fmt::Display for LevelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a data center, counted from 0.
pub fn dc_name(dc: u8) -> Name {
    let name = format!("dc{}", u16::from(dc) + 1);
    name.parse().expect("letters and digits make a name")
}

/// At which levels clients read and write, and through nodes of which data centers.
#[derive(Clone, Debug)]
pub struct Levels {
    /// Replicas of a key in each data center.
    pub replicas: u8,
    /// How many data centers there are.
    pub dcs: u8,
    /// Of reads; of some reads one, and of others another.
    pub read: Vec<Level>,
    /// Of writes.
    pub write: Vec<Level>,
    /// Where the coordinators of reads are.
    pub read_dcs: Vec<u8>,
    /// Where the coordinators of writes are.
    pub write_dcs: Vec<u8>,
}

impl Levels {
    /// Which quorums always have a replica in common.
    ///
    /// # Errors
    /// If a level can't be met, whoever is up.
    ///
    /// # Panics
    /// If a key has more than 16 replicas.
    pub fn quorums(&self) -> Result<Quorums, LevelError> {
        let names = self.names();
        let owners = self.owners(&names);
        let (reads, writes) = self.requirements(&owners, &names)?;
        let hints_count = writes.iter().any(|write| write.is_met_by_hint());
        Ok(Quorums {
            meet: !hints_count
                && reads
                    .iter()
                    .all(|read| writes.iter().all(|write| read.always_meets(write))),
            reads_meet: reads
                .iter()
                .all(|one| reads.iter().all(|other| one.always_meets(other))),
            reads_ask_all: reads.iter().all(|read| usize::from(read.needed()) == owners.len()),
            writes_reach: match writes.iter().map(|write| write.needed()).min() {
                Some(needed) if !hints_count => needed,
                _ => 0,
            },
        })
    }

    /// At which level owners agree to changes: one of which every set meets every set that reads and writes get by with.
    ///
    /// # Panics
    /// If a level can't be met: [`Levels::quorums`] says so.
    pub fn step_level(&self) -> Level {
        let names = self.names();
        let owners = self.owners(&names);
        let (reads, writes) = self.requirements(&owners, &names).expect("levels are checked before");
        let step = Level::EachQuorum.requirement(&owners, &names[0]);
        let step = step.expect("every data center has owners");
        let meets = |client: &Requirement| !client.is_met_by_hint() && client.always_meets(&step);
        if reads.iter().chain(&writes).all(meets) {
            Level::EachQuorum
        } else {
            Level::All
        }
    }

    fn names(&self) -> Vec<Name> {
        (0..self.dcs).map(dc_name).collect()
    }

    /// Owners of a key, as they are when all data centers have theirs.
    fn owners<'a>(&self, names: &'a [Name]) -> Vec<(NodeId, &'a Name)> {
        let node = |dc: u8, replica: u8| NodeId(u64::from(dc) << 8 | u64::from(replica));
        (0..self.dcs)
            .flat_map(|dc| (0..self.replicas).map(move |replica| (dc, replica)))
            .map(|(dc, replica)| (node(dc, replica), &names[usize::from(dc)]))
            .collect()
    }

    /// What reads ask, and what writes do, through each data center.
    fn requirements(
        &self,
        owners: &[(NodeId, &Name)],
        names: &[Name],
    ) -> Result<(Vec<Requirement>, Vec<Requirement>), LevelError> {
        let name = |dc: &u8| &names[usize::from(*dc)];
        let through = |dcs: &'_ [u8], level: Level| dcs.iter().map(move |dc| (level, *dc)).collect::<Vec<_>>();
        let reads = self.read.iter().flat_map(|level| through(&self.read_dcs, *level));
        let reads = reads.map(|(level, dc)| level.read_requirement(owners, name(&dc)));
        let writes = self.write.iter().flat_map(|level| through(&self.write_dcs, *level));
        let writes = writes.map(|(level, dc)| level.requirement(owners, name(&dc)));
        Ok((reads.collect::<Result<_, _>>()?, writes.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quorums(read: &str, write: &str, read_dcs: &[u8], write_dcs: &[u8]) -> (bool, bool, bool) {
        let levels = Levels {
            replicas: 3,
            dcs: 2,
            read: vec![read.parse().expect("a level")],
            write: vec![write.parse().expect("a level")],
            read_dcs: read_dcs.to_vec(),
            write_dcs: write_dcs.to_vec(),
        };
        let quorums = levels.quorums().expect("they can be met");
        (quorums.meet, quorums.reads_meet, quorums.reads_ask_all)
    }

    #[test]
    fn fewer_than_half_need_all_for_a_change_of_owners() {
        let step = |dcs, read: &str, write: &str| {
            let levels = Levels {
                replicas: 3,
                dcs,
                read: vec![read.parse().expect("a level")],
                write: vec![write.parse().expect("a level")],
                read_dcs: (0..dcs).collect(),
                write_dcs: (0..dcs).collect(),
            };
            levels.step_level()
        };
        for (dcs, read, write, expected) in [
            (1, "2", "2", Level::EachQuorum),
            (1, "2", "3", Level::EachQuorum),
            (1, "1", "3", Level::All),
            (1, "3", "1", Level::All),
            (1, "2", "ANY", Level::All),
            (2, "LOCAL_QUORUM", "LOCAL_QUORUM", Level::EachQuorum),
            (2, "QUORUM", "QUORUM", Level::EachQuorum),
            (2, "LOCAL_ONE", "EACH_QUORUM", Level::All),
        ] {
            assert_eq!(step(dcs, read, write), expected, "{dcs} dcs, {read}, {write}");
        }
    }

    /// Rows S14 and S22 to S25 of CLAIMS.md.
    #[test]
    fn quorums_over_two_data_centers() {
        let (both, first, second) = ([0, 1], [0], [1]);
        assert_eq!(
            quorums("LOCAL_QUORUM", "LOCAL_QUORUM", &first, &first),
            (true, true, false)
        );
        assert_eq!(
            quorums("LOCAL_QUORUM", "LOCAL_QUORUM", &second, &first),
            (false, true, false)
        );
        assert_eq!(
            quorums("LOCAL_QUORUM", "EACH_QUORUM", &both, &both),
            (true, false, false)
        );
        assert_eq!(quorums("QUORUM", "QUORUM", &both, &both), (true, true, false));
        assert_eq!(quorums("ALL", "ONE", &both, &both), (true, true, true));
        assert_eq!(quorums("ALL", "ANY", &both, &both), (false, true, true));
    }
}
