//! The settings of a store that decide what may be claimed of it.

use serde::{Deserialize, Serialize};

/// What a read does for replicas that it finds behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadRepair {
    /// Nothing.
    Off,
    /// Sends them the newest record, after answering.
    Async,
    /// Answers once R replicas hold what is returned.
    Blocking,
}

impl ReadRepair {
    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ReadRepair::Off => "off",
            ReadRepair::Async => "async",
            ReadRepair::Blocking => "blocking",
        }
    }
}

/// How a register's write gets its place in the order of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WritePath {
    /// Last write wins, by the coordinator's clock.
    #[default]
    Lww,
    /// Two phases: above every version that R replicas know (Attiya, Bar-Noy and Dolev, JACM 1995).
    Abd,
    /// The owners agree upon it, and upon what reads return; appends to lists compare before they set.
    Cas,
}

impl WritePath {
    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            WritePath::Lww => "lww",
            WritePath::Abd => "abd",
            WritePath::Cas => "cas",
        }
    }
}

/// Which clock stamps the writes of registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// A hybrid logical clock.
    #[default]
    Hlc,
    /// The coordinator's wall clock alone.
    Wall,
}

impl Clock {
    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Clock::Hlc => "hlc",
            Clock::Wall => "wall",
        }
    }
}

/// When the tombstones of what was deleted go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tombstones {
    /// Never, as far as a run is concerned, or once every replica is known to hold them.
    #[default]
    Safe,
    /// After a grace time, whoever may not have them yet.
    Forgotten,
    /// Once every replica is known to hold them, but while messages from before may be under way still.
    Outlived,
}

/// Which sets of replicas that answer always have one in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorums {
    /// Each that answers a read, and each that acknowledges a write.
    pub meet: bool,
    /// Each two that answer a read.
    pub reads_meet: bool,
    /// Whether all replicas have to answer a read.
    pub reads_ask_all: bool,
    /// How many replicas hold what is acknowledged, at least.
    pub writes_reach: u8,
}

impl Quorums {
    /// The quorums of R and W of N replicas.
    pub fn of(n: u8, r: u8, w: u8) -> Quorums {
        Quorums {
            meet: u16::from(r) + u16::from(w) > u16::from(n),
            reads_meet: 2 * u16::from(r) > u16::from(n),
            reads_ask_all: r == n,
            writes_reach: w,
        }
    }
}

/// Numbers and switches of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Replicas of each key (N).
    pub n: u8,
    /// Replicas that answer a read (R).
    pub r: u8,
    /// Replicas that acknowledge a write (W).
    pub w: u8,
    /// What that means for the quorums, or what consistency levels do that stand in the place of R and W.
    pub quorums: Quorums,
    /// What reads do for replicas that are behind.
    pub read_repair: ReadRepair,
    /// Whether one replica that has nothing answers a read alone (Riak's `notfound_ok`).
    pub absence_answers_alone: bool,
    /// Whether the causal contexts of siblings are cut short.
    pub contexts_are_cut: bool,
    /// How a register's write gets its place.
    pub write_path: WritePath,
    /// Which clock stamps it.
    pub clock: Clock,
    /// Whether clocks of different nodes may differ by more than an operation takes.
    pub clocks_are_skewed: bool,
    /// Whether nodes may be away, so that requests are refused for certain. Where none is, no write need ever fail.
    pub nodes_are_away: bool,
    /// Whether nodes may be lost for good, one at a time: the next only once others hold what the last one held.
    pub nodes_are_lost: bool,
    /// Whether keys may come to have other owners.
    pub owners_change: bool,
    /// Whether disks may fail to sync, and say so.
    pub disks_fail: bool,
    /// Whether records may be damaged on a disk, none of them at two replicas at a time.
    pub records_are_damaged: bool,
    /// Whether a node may come back on an old copy of its disk.
    pub disks_go_back: bool,
    /// Whether a node may lose what it holds of a key, and not know.
    pub records_are_lost: bool,
    /// Whether nodes that stand in for owners count toward R and W.
    pub sloppy: bool,
    /// Whether what is acknowledged is synced before.
    pub acks_are_synced: bool,
    /// When tombstones go.
    pub tombstones: Tombstones,
    /// Whether any may go within a run.
    pub tombstones_go: bool,
    /// How many steps a transaction has at most, of a workload of such.
    pub txn_length: u8,
}

/// Settings that can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No replica at all, or none asked.
    #[error("{name} is 0: it counts replicas, and has to be at least 1")]
    Zero {
        /// `n`, `r` or `w`.
        name: &'static str,
    },
    /// More replicas asked than there are.
    #[error("{name} is {value}, more than the {n} replicas of a key (n)")]
    AboveN {
        /// `r` or `w`.
        name: &'static str,
        /// What was asked for.
        value: u8,
        /// How many there are.
        n: u8,
    },
}

impl Settings {
    /// Strict quorums of registers, last write wins by true hybrid clocks, every acknowledgement synced; of transactions,
    /// one step each.
    pub fn strict(n: u8, r: u8, w: u8, read_repair: ReadRepair) -> Settings {
        Settings {
            n,
            r,
            w,
            quorums: Quorums::of(n, r, w),
            read_repair,
            absence_answers_alone: false,
            contexts_are_cut: false,
            write_path: WritePath::Lww,
            clock: Clock::Hlc,
            clocks_are_skewed: false,
            nodes_are_away: true,
            nodes_are_lost: false,
            owners_change: false,
            disks_fail: false,
            records_are_damaged: false,
            disks_go_back: false,
            records_are_lost: false,
            sloppy: false,
            acks_are_synced: true,
            tombstones: Tombstones::Safe,
            tombstones_go: false,
            txn_length: 1,
        }
    }

    /// Checks that the numbers can be.
    ///
    /// # Errors
    /// [`SettingsError`] with the first that can't.
    pub fn validate(self) -> Result<(), SettingsError> {
        for (name, value) in [("n", self.n), ("r", self.r), ("w", self.w)] {
            if value == 0 {
                return Err(SettingsError::Zero { name });
            }
            if value > self.n {
                return Err(SettingsError::AboveN { name, value, n: self.n });
            }
        }
        Ok(())
    }
}
