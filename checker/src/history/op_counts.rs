//! How the ops of one key ended: counted once, where all of them are met anyway.

use super::op::{Action, Op, Outcome};
use crate::counts::OutcomeCounts;

/// How many ops of one key ended in which way. A key has fewer ops than a history has events, a u32.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpCounts {
    reads: [u32; 3],
    writes: [u32; 3],
    compared: u32,
    /// What is more than reading or writing a value.
    others: u32,
}

impl OpCounts {
    #[inline]
    pub(super) fn add(&mut self, op: &Op) {
        let outcome = match op.action {
            Action::CasMismatch => Outcome::Ok, // It was answered, whatever it wrote.
            _ => op.outcome,
        };
        let is_compared = matches!(op.action, Action::Cas | Action::CasMismatch);
        let of_kind = match op.action.is_write() {
            true => &mut self.writes,
            false => &mut self.reads,
        };
        of_kind[outcome as usize] += 1;
        self.compared += u32::from(is_compared);
        self.others += u32::from(op.has_seen || !matches!(op.action, Action::Read | Action::Write));
    }

    /// Notes that a replica was looked at.
    pub(super) fn add_look(&mut self) {
        self.others += 1;
    }

    /// Reads by outcome.
    pub(crate) fn reads(&self) -> OutcomeCounts {
        counts(self.reads)
    }

    /// Writes of every kind by outcome.
    pub(crate) fn writes(&self) -> OutcomeCounts {
        counts(self.writes)
    }

    /// Whether all that was done was to read and to write.
    pub(super) fn is_of_register(&self) -> bool {
        self.others == 0
    }

    /// Whether a value was compared before it was to be written.
    pub(crate) fn has_compared(&self) -> bool {
        self.compared > 0
    }
}

fn counts(by_outcome: [u32; 3]) -> OutcomeCounts {
    let of = |outcome: Outcome| u64::from(by_outcome[outcome as usize]);
    OutcomeCounts {
        ok: of(Outcome::Ok),
        fail: of(Outcome::Fail),
        info: of(Outcome::Info),
    }
}
