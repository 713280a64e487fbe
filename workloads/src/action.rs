//! What a client does next, whatever the workload.

use serde::{Deserialize, Serialize};

/// The next thing that a client does. Keys are numbers from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Reads a key.
    Read {
        /// Which.
        key: usize,
    },
    /// Writes a register, or a sibling of it.
    Write {
        /// Which.
        key: usize,
        /// Never written before by anyone.
        value: u64,
        /// Of siblings: whether to hand back the context of the client's last read of the key, and what that read
        /// returned, for the record's `seen`. Empty where there is none, as in a blind write.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<u64>,
    },
    /// Deletes what a register holds, or the siblings that the client has read.
    Delete {
        /// Which.
        key: usize,
        /// As of a write.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<u64>,
    },
    /// Adds an element to a set.
    Add {
        /// Which.
        key: usize,
        /// Never added before by anyone.
        element: u64,
    },
    /// Removes an element from a set, with the context of the client's last read of it.
    Remove {
        /// Which.
        key: usize,
        /// One that the client's last read of the set returned.
        element: u64,
        /// All that it returned, for the record's `seen`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<u64>,
    },
    /// Sets a register that its owners agree upon, if it holds what is expected.
    Cas {
        /// Which.
        key: usize,
        /// What somebody has found there, or nothing.
        expected: Option<u64>,
        /// Never written before by anyone.
        value: u64,
    },
    /// Adds to a counter.
    Increment {
        /// Which.
        key: usize,
        /// Not 0.
        delta: i64,
    },
}

impl Action {
    /// The key that it is about.
    pub fn key(&self) -> usize {
        match self {
            Action::Read { key }
            | Action::Write { key, .. }
            | Action::Delete { key, .. }
            | Action::Add { key, .. }
            | Action::Remove { key, .. }
            | Action::Cas { key, .. }
            | Action::Increment { key, .. } => *key,
        }
    }

    /// What the client had read and hands back, of an action that does.
    pub fn seen(&self) -> &[u64] {
        match self {
            Action::Write { seen, .. } | Action::Delete { seen, .. } | Action::Remove { seen, .. } => seen,
            Action::Read { .. } | Action::Add { .. } | Action::Cas { .. } | Action::Increment { .. } => &[],
        }
    }
}
