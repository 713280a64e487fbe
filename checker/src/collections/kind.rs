//! Which collection a history is of.

use crate::history::{Action, Op};

/// How the items of a key come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By `write`, and overwritten by the writes and deletes that saw them.
    Siblings,
    /// By `add`, and removed by the `remove` of each.
    Set,
}

impl Kind {
    /// Returns whether `op` puts an item there.
    pub(super) fn puts(self, op: &Op) -> bool {
        op.action
            == match self {
                Self::Siblings => Action::Write,
                Self::Set => Action::Add,
            }
    }
}
