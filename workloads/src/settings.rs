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

/// Numbers and switches of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Replicas of each key (N).
    pub n: u8,
    /// Replicas that answer a read (R).
    pub r: u8,
    /// Replicas that acknowledge a write (W).
    pub w: u8,
    /// What reads do for replicas that are behind.
    pub read_repair: ReadRepair,
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

    /// Whether every read quorum meets every other.
    pub fn reads_meet(self) -> bool {
        2 * u16::from(self.r) > u16::from(self.n)
    }

    /// Whether every read quorum meets every write quorum.
    pub fn quorums_meet(self) -> bool {
        u16::from(self.r) + u16::from(self.w) > u16::from(self.n)
    }
}
