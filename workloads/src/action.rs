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
    /// Takes steps one after another, and calls it a transaction: nothing is atomic over them.
    Txn {
        /// At least one.
        steps: Vec<Step>,
    },
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Reads a register, or a list.
    Read {
        /// Which.
        key: usize,
    },
    /// Writes a register.
    Write {
        /// Which.
        key: usize,
        /// Never written before by anyone.
        value: u64,
    },
    /// Puts an element at the end of a list.
    Append {
        /// Which.
        key: usize,
        /// Never appended before by anyone.
        element: u64,
    },
}

impl Action {
    /// The key that it is about: of a transaction, that of its first step.
    ///
    /// # Panics
    /// If it is a transaction without a step.
    pub fn key(&self) -> usize {
        self.keys().next().expect("every action is about a key")
    }

    /// The keys that it is about, one for each step of a transaction.
    pub fn keys(&self) -> impl Iterator<Item = usize> {
        let (key, steps) = match self {
            Action::Read { key }
            | Action::Write { key, .. }
            | Action::Delete { key, .. }
            | Action::Add { key, .. }
            | Action::Remove { key, .. }
            | Action::Cas { key, .. }
            | Action::Increment { key, .. } => (Some(*key), &[][..]),
            Action::Txn { steps } => (None, &steps[..]),
        };
        key.into_iter().chain(steps.iter().map(|step| step.key()))
    }

    /// The same, to be changed.
    pub fn keys_mut(&mut self) -> impl Iterator<Item = &mut usize> {
        let (key, steps) = match self {
            Action::Read { key }
            | Action::Write { key, .. }
            | Action::Delete { key, .. }
            | Action::Add { key, .. }
            | Action::Remove { key, .. }
            | Action::Cas { key, .. }
            | Action::Increment { key, .. } => (Some(key), &mut [][..]),
            Action::Txn { steps } => (None, &mut steps[..]),
        };
        key.into_iter().chain(steps.iter_mut().map(Step::key_mut))
    }

    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        match self {
            Action::Read { .. } => true,
            Action::Txn { steps } => steps.iter().all(|step| !step.is_write()),
            _ => false,
        }
    }

    /// What the client had read and hands back, of an action that does.
    pub fn seen(&self) -> &[u64] {
        match self {
            Action::Write { seen, .. } | Action::Delete { seen, .. } | Action::Remove { seen, .. } => seen,
            Action::Read { .. }
            | Action::Add { .. }
            | Action::Cas { .. }
            | Action::Increment { .. }
            | Action::Txn { .. } => &[],
        }
    }
}

impl Step {
    /// The key that it is about.
    pub fn key(self) -> usize {
        match self {
            Step::Read { key } | Step::Write { key, .. } | Step::Append { key, .. } => key,
        }
    }

    /// Whether it changes its key, or is meant to.
    pub fn is_write(self) -> bool {
        !matches!(self, Step::Read { .. })
    }

    fn key_mut(&mut self) -> &mut usize {
        match self {
            Step::Read { key } | Step::Write { key, .. } | Step::Append { key, .. } => key,
        }
    }
}
