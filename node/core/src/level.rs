//! Consistency levels: which owners have to answer before a client is answered (Cassandra's `ConsistencyLevel`).
//!
//! A [`Level`] is what a client asks for. Over the owners of a key it becomes a [`Requirement`], which is counted by
//! owner: where another node stands in for one that can't be reached (a sloppy quorum), its answer is the answer of
//! the owner that it stands in for, in that owner's data center. What the coordinator sends to whom is not decided
//! here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, iter,
    ops::Deref,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{Name, NodeId};

/// The most owners over which [`Requirement::always_meets`] tries every set: 65,536 of them at most. It is
/// for claims about a cluster, not for each request.
const TRIED_OWNERS_MAX: usize = 16;

/// How many owners of a key have to answer, and where. As text it is the name in capitals, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// One owner, or a hint for one: only for writes. What it wrote may be read by nobody until the hint is delivered.
    Any,
    /// One owner.
    One,
    /// Two owners.
    Two,
    /// Three owners.
    Three,
    /// More than half of the owners over all data centers.
    Quorum,
    /// Every owner.
    All,
    /// One owner in the coordinator's data center.
    LocalOne,
    /// More than half of the owners in the coordinator's data center.
    LocalQuorum,
    /// More than half of the owners in each data center that has any.
    EachQuorum,
    /// So many owners.
    Count(u8),
}

/// The levels that have a name.
const NAMED: [(Level, &str); 9] = [
    (Level::Any, "ANY"),
    (Level::One, "ONE"),
    (Level::Two, "TWO"),
    (Level::Three, "THREE"),
    (Level::Quorum, "QUORUM"),
    (Level::All, "ALL"),
    (Level::LocalOne, "LOCAL_ONE"),
    (Level::LocalQuorum, "LOCAL_QUORUM"),
    (Level::EachQuorum, "EACH_QUORUM"),
];

/// A text that is no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no consistency level: ANY, ONE, TWO, THREE, QUORUM, ALL, LOCAL_ONE, LOCAL_QUORUM, EACH_QUORUM or a \
     number from 1 to 255"
)]
pub struct ParseLevelError(String);

/// A level that can't be met over a key's owners, whoever is up. Nothing was sent; the request has to be another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// None is asked for, so that nothing would be promised.
    #[error("no replica asked for")]
    Zero,
    /// More owners asked for than there are.
    #[error("{needed} replicas asked for, of {owners}")]
    TooMany {
        /// How many are asked for.
        needed: u8,
        /// How many there are.
        owners: u8,
    },
    /// The key has no owner where the level counts them.
    #[error("{level}: the key has no replica in data center {dc}")]
    NoLocalOwner {
        /// What was asked for.
        level: Level,
        /// The coordinator's data center.
        dc: Name,
    },
    /// A read at a level for writes.
    #[error("{0} is only for writes")]
    OnlyForWrites(Level),
}

/// What a level asks of the owners of one key: of each group so many. Groups of one level have no owner in common; while
/// the owners change, the old and the new ones are asked both, and some are in either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    group: Group,
    /// Of levels that count data centers apart.
    other_groups: Vec<Group>,
    hint_is_enough: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    owners: Owners,
    /// At least 1, and at most all of them.
    needed: u8,
}

/// So many owners take no room of their own: most keys have no more, and each request has a requirement or two.
const FEW_OWNERS: usize = 5;

/// Owners, in order.
#[derive(Clone, Debug)]
pub(crate) enum Owners {
    /// As many of them as the number says.
    Few([NodeId; FEW_OWNERS], u8),
    Many(Vec<NodeId>),
}

impl Deref for Owners {
    type Target = [NodeId];

    fn deref(&self) -> &[NodeId] {
        match self {
            Owners::Few(nodes, count) => &nodes[..usize::from(*count)],
            Owners::Many(nodes) => nodes,
        }
    }
}

impl PartialEq for Owners {
    fn eq(&self, other: &Owners) -> bool {
        **self == **other
    }
}

impl Eq for Owners {}

impl FromIterator<NodeId> for Owners {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Owners {
        let (mut few, mut count) = ([NodeId(0); FEW_OWNERS], 0_u8);
        let mut nodes = nodes.into_iter();
        while let Some(node) = nodes.next() {
            match few.get_mut(usize::from(count)) {
                Some(place) => *place = node,
                None => return Owners::Many(few.into_iter().chain([node]).chain(nodes).collect()),
            }
            count += 1;
        }
        Owners::Few(few, count)
    }
}

impl Level {
    /// What this level asks of `owners`, each with its data center, for a coordinator in `local_dc`.
    ///
    /// # Errors
    /// [`LevelError`] if no set of owners can meet it.
    ///
    /// # Panics
    /// If there are more than 255 owners.
    pub fn requirement(self, owners: &[(NodeId, &Name)], local_dc: &Name) -> Result<Requirement, LevelError> {
        let nodes = owners.iter().map(|(node, _)| *node).collect();
        let dc_of = |node| {
            let located = owners.iter().find(|(owner, _)| *owner == node);
            located.expect("asked of owners alone").1
        };
        self.requirement_of(nodes, dc_of, local_dc)
    }

    /// As [`Level::requirement`], with data centers told only where they count.
    pub(crate) fn requirement_of<'a>(
        self,
        owners: Owners,
        dc_of: impl Fn(NodeId) -> &'a Name,
        local_dc: &Name,
    ) -> Result<Requirement, LevelError> {
        let owner_count = count(owners.len());
        let in_dc = |dc: &Name| -> Owners { owners.iter().copied().filter(|node| dc_of(*node) == dc).collect() };
        let local = || match in_dc(local_dc) {
            local if local.is_empty() => Err(LevelError::NoLocalOwner {
                level: self,
                dc: local_dc.clone(),
            }),
            local => Ok(local),
        };
        let mut other_groups = Vec::new();
        let group = match self {
            Level::Any | Level::One => Group::new(owners, 1)?,
            Level::Two => Group::new(owners, 2)?,
            Level::Three => Group::new(owners, 3)?,
            Level::Count(count) => Group::new(owners, count)?,
            Level::Quorum => Group::quorum(owners)?,
            Level::All => Group::new(owners, owner_count.max(1))?,
            Level::LocalOne => Group::new(local()?, 1)?,
            Level::LocalQuorum => Group::quorum(local()?)?,
            Level::EachQuorum => {
                let dcs: BTreeSet<_> = owners.iter().map(|node| dc_of(*node)).collect();
                let mut groups = dcs.into_iter().map(|dc| Group::quorum(in_dc(dc)));
                // Where no data center has an owner, there is none.
                let first = groups.next().unwrap_or_else(|| Group::quorum(Owners::from_iter([])))?;
                other_groups = groups.collect::<Result<_, _>>()?;
                first
            }
        };
        Ok(Requirement {
            group,
            other_groups,
            hint_is_enough: self == Level::Any,
        })
    }

    /// As [`Level::requirement`], for a read.
    ///
    /// # Errors
    /// As there, and for a level that is only for writes.
    pub fn read_requirement(self, owners: &[(NodeId, &Name)], local_dc: &Name) -> Result<Requirement, LevelError> {
        if self == Level::Any {
            return Err(LevelError::OnlyForWrites(self));
        }
        self.requirement(owners, local_dc)
    }
}

fn count(owners: usize) -> u8 {
    u8::try_from(owners).expect("no more than 255 replicas")
}

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Level, ParseLevelError> {
        if let Some((level, _)) = NAMED.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(*level);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(count) if digits && count > 0 => Ok(Level::Count(count)),
            _ => Err(ParseLevelError(text.to_owned())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(level, _)| level == self) {
            Some((_, name)) => f.pad(name),
            None => match self {
                Level::Count(count) => fmt::Display::fmt(count, f),
                named => unreachable!("{named:?} has a name"),
            },
        }
    }
}

impl Requirement {
    /// Both this and `other`: an owner that both count is counted for each.
    #[must_use]
    pub(crate) fn and(mut self, other: Requirement) -> Requirement {
        self.other_groups.push(other.group);
        self.other_groups.extend(other.other_groups);
        self.hint_is_enough &= other.hint_is_enough;
        self
    }

    /// How many owners have to answer, over all data centers.
    pub fn needed(&self) -> u8 {
        self.groups().map(|group| group.needed).sum()
    }

    /// How many of the answers that are needed are there. Those beyond what a data center needs don't count.
    pub fn met_count(&self, answered: impl Fn(NodeId) -> bool) -> u8 {
        self.groups().map(|group| group.met_count(&answered)).sum()
    }

    /// Whether the owners that `answered`, themselves or by one who stands in for them, are enough.
    pub fn is_met(&self, answered: impl Fn(NodeId) -> bool) -> bool {
        self.groups().all(|group| group.is_met(&answered))
    }

    /// Whether a hint that is kept for any owner is enough as well, without an answer from any.
    pub fn is_met_by_hint(&self) -> bool {
        self.hint_is_enough
    }

    /// Whether it can still be met, if of the owners none but those that are `possible` have answered or may yet. Where
    /// a hint is enough it always can: a coordinator keeps one itself.
    pub fn can_be_met(&self, possible: impl Fn(NodeId) -> bool) -> bool {
        self.hint_is_enough || self.is_met(possible)
    }

    /// Whether the answer of `node`, or of one who stands in for it, counts.
    pub fn counts(&self, node: NodeId) -> bool {
        self.owners().any(|owner| owner == node)
    }

    /// Whether each set of owners that meets this one and each that meets `other` have an owner in common, so that
    /// reads by the one see what was written by the other. It says nothing of answers by nodes that stand in.
    ///
    /// # Panics
    /// If the two count more than 16 owners together.
    pub fn always_meets(&self, other: &Requirement) -> bool {
        let owners: BTreeSet<_> = self.owners().chain(other.owners()).collect();
        let owners: BTreeMap<_, _> = owners.into_iter().zip(0..).collect();
        assert!(owners.len() <= TRIED_OWNERS_MAX, "{} owners to try", owners.len());
        // More answers never unmeet a requirement, so that of all sets without an owner of `ours` the largest decides.
        (0..1_u32 << owners.len()).all(|ours| {
            let is_ours = |node: NodeId| ours & (1 << owners[&node]) != 0;
            !self.can_be_met(is_ours) || !other.can_be_met(|node| !is_ours(node))
        })
    }

    fn owners(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.groups().flat_map(|group| group.owners.iter().copied())
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        iter::once(&self.group).chain(&self.other_groups)
    }
}

impl Group {
    fn new(owners: Owners, needed: u8) -> Result<Group, LevelError> {
        let owner_count = count(owners.len());
        if needed == 0 {
            return Err(LevelError::Zero);
        }
        if needed > owner_count {
            let owners = owner_count;
            return Err(LevelError::TooMany { needed, owners });
        }
        Ok(Group { owners, needed })
    }

    /// More than half: any two such sets have an owner in common.
    fn quorum(owners: Owners) -> Result<Group, LevelError> {
        let needed = count(owners.len()) / 2 + 1;
        Group::new(owners, needed)
    }

    fn is_met(&self, answered: impl Fn(NodeId) -> bool) -> bool {
        let needed = usize::from(self.needed);
        let answers = self.owners.iter().filter(|owner| answered(**owner));
        answers.take(needed).count() == needed
    }

    fn met_count(&self, answered: impl Fn(NodeId) -> bool) -> u8 {
        let answers = self.owners.iter().filter(|owner| answered(**owner)).count();
        count(answers).min(self.needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Owners in each of the data centers a, b and c. The coordinator is in a.
    const LAYOUTS: [[usize; 3]; 12] = [
        [1, 0, 0],
        [2, 0, 0],
        [3, 0, 0],
        [4, 0, 0],
        [5, 0, 0],
        [0, 3, 0],
        [1, 1, 0],
        [3, 2, 0],
        [2, 3, 0],
        [3, 3, 0],
        [2, 1, 2],
        [3, 3, 3],
    ];

    fn dc_names() -> [Name; 3] {
        ["a", "b", "c"].map(|text| text.parse().unwrap())
    }

    /// The data center of each owner, as the index of its name; owners are numbered from 0.
    fn dcs_of(layout: [usize; 3]) -> Vec<usize> {
        (0..3).flat_map(|dc| [dc].repeat(layout[dc])).collect()
    }

    fn requirement_in(level: Level, layout: [usize; 3], local: usize) -> Result<Requirement, LevelError> {
        let names = dc_names();
        let dcs = dcs_of(layout);
        let owners: Vec<_> = (0..).map(NodeId).zip(dcs.iter().map(|dc| &names[*dc])).collect();
        level.requirement(&owners, &names[local])
    }

    fn requirement(level: Level, layout: [usize; 3]) -> Result<Requirement, LevelError> {
        requirement_in(level, layout, 0)
    }

    fn levels() -> impl Iterator<Item = Level> {
        NAMED
            .map(|(level, _)| level)
            .into_iter()
            .chain((0..=10).map(Level::Count))
    }

    fn has(set: u32) -> impl Fn(NodeId) -> bool + Copy {
        move |node| set & (1 << node.0) != 0
    }

    /// What a level asks, as it is told: of how many answers in each data center, out of how many owners.
    fn is_met_as_told(level: Level, answers: [usize; 3], layout: [usize; 3]) -> bool {
        let total: usize = answers.iter().sum();
        let owners: usize = layout.iter().sum();
        match level {
            Level::Any | Level::One => total >= 1,
            Level::Two => total >= 2,
            Level::Three => total >= 3,
            Level::Quorum => 2 * total > owners,
            Level::All => total == owners,
            Level::LocalOne => answers[0] >= 1,
            Level::LocalQuorum => 2 * answers[0] > layout[0],
            Level::EachQuorum => (0..3).all(|dc| layout[dc] == 0 || 2 * answers[dc] > layout[dc]),
            Level::Count(count) => count > 0 && total >= usize::from(count),
        }
    }

    #[test]
    fn every_set_of_answers_meets_a_level_as_it_is_told() {
        for layout in LAYOUTS {
            let dcs = dcs_of(layout);
            for level in levels() {
                let told = |set: u32| {
                    let in_dc = |dc| (0..dcs.len()).filter(|n| dcs[*n] == dc && set & (1 << n) != 0).count();
                    is_met_as_told(level, [0, 1, 2].map(in_dc), layout)
                };
                let everyone = (1 << dcs.len()) - 1;
                let Ok(requirement) = requirement(level, layout) else {
                    assert!(!told(everyone), "{level} over {layout:?} can be met");
                    continue;
                };
                let sets = 0..=everyone;
                for set in sets.clone() {
                    assert_eq!(
                        requirement.is_met(has(set)),
                        told(set),
                        "{level} over {layout:?} by {set:b}"
                    );
                    let possible = told(set) || level == Level::Any;
                    assert_eq!(
                        requirement.can_be_met(has(set)),
                        possible,
                        "{level} over {layout:?} by {set:b}"
                    );
                }
                let least = sets.clone().filter(|set| told(*set)).map(u32::count_ones).min();
                assert_eq!(least, Some(requirement.needed().into()), "{level} over {layout:?}");
                for n in 0..dcs.len() {
                    let matters = sets.clone().any(|set| !told(set) && told(set | 1 << n));
                    assert_eq!(requirement.counts(NodeId(n as u64)), matters, "{level} over {layout:?}");
                }
            }
        }
    }

    #[test]
    fn owners_are_those_they_were_made_of_be_they_few_or_many() {
        for count in 0..=12 {
            let nodes: Vec<_> = (0..count).map(NodeId).collect();
            let owners: Owners = nodes.iter().copied().collect();
            assert_eq!(*owners, *nodes);
            assert_eq!(matches!(owners, Owners::Many(_)), nodes.len() > FEW_OWNERS);
        }
    }

    #[test]
    fn answers_beyond_what_a_data_center_needs_do_not_count() {
        let each = requirement(Level::EachQuorum, [3, 3, 0]).unwrap();
        assert_eq!((each.needed(), each.met_count(has(0b000_111))), (4, 2));
        assert_eq!(each.met_count(has(0b001_111)), 3);
        let local = requirement(Level::LocalQuorum, [3, 2, 0]).unwrap();
        assert_eq!((local.needed(), local.met_count(has(0b11_001))), (2, 1));
    }

    #[test]
    fn what_no_set_of_owners_can_meet_is_refused() {
        let too_many = |needed, owners| LevelError::TooMany { needed, owners };
        let elsewhere = |level| LevelError::NoLocalOwner {
            level,
            dc: dc_names()[0].clone(),
        };
        for (level, layout, error) in [
            (Level::Count(0), [3, 0, 0], LevelError::Zero),
            (Level::Count(4), [3, 0, 0], too_many(4, 3)),
            (Level::Two, [1, 0, 0], too_many(2, 1)),
            (Level::Three, [1, 1, 0], too_many(3, 2)),
            (Level::LocalOne, [0, 3, 0], elsewhere(Level::LocalOne)),
            (Level::LocalQuorum, [0, 3, 0], elsewhere(Level::LocalQuorum)),
        ] {
            assert_eq!(requirement(level, layout), Err(error), "{level} over {layout:?}");
        }
        for level in levels() {
            assert!(requirement(level, [0; 3]).is_err(), "{level} without an owner");
        }
    }

    #[test]
    fn only_writes_can_do_with_a_hint() {
        let [dc, ..] = dc_names();
        let owners = [(NodeId(1), &dc)];
        for level in levels().filter(|level| level.requirement(&owners, &dc).is_ok()) {
            let requirement = level.requirement(&owners, &dc).unwrap();
            assert_eq!(requirement.is_met_by_hint(), level == Level::Any);
            let for_read = level.read_requirement(&owners, &dc);
            if level == Level::Any {
                assert_eq!(for_read, Err(LevelError::OnlyForWrites(level)));
            } else {
                assert_eq!(for_read, Ok(requirement));
            }
        }
    }

    /// Against every pair of sets, in clusters where those can be tried.
    #[test]
    fn two_requirements_meet_when_every_pair_of_sets_does() {
        for layout in LAYOUTS.into_iter().filter(|layout| layout.iter().sum::<usize>() <= 5) {
            let sets = || 0..1_u32 << layout.iter().sum::<usize>();
            let met_by = |requirement: &Requirement| {
                sets()
                    .filter(|set| requirement.can_be_met(has(*set)))
                    .collect::<Vec<_>>()
            };
            for read in levels().filter_map(|level| requirement(level, layout).ok()) {
                for write in levels().filter_map(|level| requirement(level, layout).ok()) {
                    let (reads, writes) = (met_by(&read), met_by(&write));
                    let meet = reads.iter().all(|r| writes.iter().all(|w| r & w != 0));
                    assert_eq!(read.always_meets(&write), meet, "{read:?} {write:?}");
                    assert_eq!(write.always_meets(&read), meet, "{read:?} {write:?}");
                }
            }
        }
    }

    #[test]
    fn counts_meet_when_they_add_up_to_more_than_all() {
        for n in 1..=10_u8 {
            let of = |count| requirement(Level::Count(count), [n.into(), 0, 0]).unwrap();
            for r in 1..=n {
                for w in 1..=n {
                    assert_eq!(of(r).always_meets(&of(w)), r + w > n, "{r} and {w} of {n}");
                }
            }
        }
    }

    /// What is known of the levels by name, for a reader in a and a writer in a or in b.
    #[test]
    fn levels_meet_as_is_known_of_them() {
        use Level::{All, Any, EachQuorum, LocalOne, LocalQuorum, One, Quorum};
        for (read, write, writer_dc, layout, meet) in [
            (Quorum, Quorum, 1, [3, 3, 0], true),
            (Quorum, Quorum, 1, [2, 2, 0], true),
            (One, All, 1, [3, 3, 0], true),
            (All, One, 1, [3, 3, 0], true),
            (All, Any, 1, [3, 3, 0], false),
            (LocalQuorum, LocalQuorum, 0, [3, 3, 0], true),
            (LocalQuorum, LocalQuorum, 1, [3, 3, 0], false),
            (LocalQuorum, EachQuorum, 1, [3, 3, 0], true),
            (EachQuorum, LocalQuorum, 1, [3, 3, 0], true),
            (LocalOne, EachQuorum, 1, [3, 3, 0], false),
            (LocalQuorum, Quorum, 1, [3, 3, 0], false),
            // With one data center in the majority by itself, a quorum can't do without it, and still miss a part.
            (LocalQuorum, Quorum, 1, [5, 1, 0], true),
            (LocalQuorum, Quorum, 1, [3, 1, 0], true),
            (LocalQuorum, Quorum, 1, [3, 2, 0], false),
            (Quorum, EachQuorum, 1, [3, 3, 0], true),
            (Quorum, EachQuorum, 1, [3, 3, 3], true),
            (LocalOne, LocalOne, 0, [1, 1, 0], true),
        ] {
            let read_requirement = requirement_in(read, layout, 0).unwrap();
            let write_requirement = requirement_in(write, layout, writer_dc).unwrap();
            let met = read_requirement.always_meets(&write_requirement);
            assert_eq!(met, meet, "{read} and {write} over {layout:?}");
        }
    }

    #[test]
    fn a_level_is_what_its_text_says() {
        for level in levels().filter(|level| *level != Level::Count(0)) {
            let text = level.to_string();
            assert_eq!(text.parse(), Ok(level));
            assert_eq!(text.to_lowercase().parse(), Ok(level));
        }
        assert_eq!("Local_Quorum".parse(), Ok(Level::LocalQuorum));
        assert_eq!("255".parse(), Ok(Level::Count(255)));
        for text in ["", "0", "256", "-1", "+1", " ONE", "FOUR", "LOCALQUORUM", "SERIAL"] {
            assert_eq!(text.parse::<Level>(), Err(ParseLevelError(text.to_owned())));
        }
    }
}
