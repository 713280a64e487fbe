//! What may be claimed at which setting: CLAIMS.md, table 2.1, as a function.
//!
//! Under the conditions of every run so far: last write wins by hybrid logical clock, true clocks, sync before every
//! acknowledgement, strict quorums, no change of membership. What is not claimed is still looked for: it is `observed`
//! or `not-observed`, and never a violation.

use serde::{Deserialize, Serialize};

use crate::{ReadRepair, Settings, Workload};

/// A promise that a client may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// C10: no read returns a value that nobody wrote.
    NoValueFromNowhere,
    /// C10: no read returns the value of a write that failed.
    NoFailedWriteVisible,
    /// C2: a read sees the last write that was acknowledged before it began.
    FreshReads,
    /// C3: reads and writes of a key take effect one after another, each between its start and its end.
    Linearizable,
    /// C4: a client reads its own writes.
    ReadYourWrites,
    /// C5: a client never reads an older value than it has read before.
    MonotonicReads,
    /// C6: a client's writes take effect in its order.
    MonotonicWrites,
    /// C7: a client's write takes effect after the writes that it has read.
    WritesFollowReads,
    /// C1: an acknowledged write, or one that overwrote it, is there at the end.
    DurableAcks,
    /// C8, the share of hints in it: after the heal, hints bring every replica what it missed.
    Handoff,
    /// C8: after the heal, all replicas of a key become equal.
    Converges,
    /// C9: what was deleted, or overwritten by who had seen it, is not read again, nor there at the end.
    DeletesStayDeleted,
    /// C9, the share of it that asks for no quorum: at the end no replica holds what was deleted.
    NoResurrection,
    /// C11: a read has every acknowledged value that nobody who had seen it overwrote.
    SiblingsComplete,
    /// C11: a read has no value together with one that had overwritten it.
    SiblingsNotInvented,
    /// C12: at the end a set holds exactly what was added and not removed.
    SetExact,
    /// C12: at the end a counter is exactly the sum of its increments.
    CounterExact,
}

impl Claim {
    /// Every claim, in the order in which verdicts are told.
    pub const ALL: [Claim; 17] = [
        Claim::NoValueFromNowhere,
        Claim::NoFailedWriteVisible,
        Claim::FreshReads,
        Claim::Linearizable,
        Claim::ReadYourWrites,
        Claim::MonotonicReads,
        Claim::MonotonicWrites,
        Claim::WritesFollowReads,
        Claim::DurableAcks,
        Claim::Handoff,
        Claim::Converges,
        Claim::DeletesStayDeleted,
        Claim::NoResurrection,
        Claim::SiblingsComplete,
        Claim::SiblingsNotInvented,
        Claim::SetExact,
        Claim::CounterExact,
    ];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Claim::NoValueFromNowhere => "no-value-from-nowhere",
            Claim::NoFailedWriteVisible => "no-failed-write-visible",
            Claim::FreshReads => "fresh-reads",
            Claim::Linearizable => "linearizable",
            Claim::ReadYourWrites => "read-your-writes",
            Claim::MonotonicReads => "monotonic-reads",
            Claim::MonotonicWrites => "monotonic-writes",
            Claim::WritesFollowReads => "writes-follow-reads",
            Claim::DurableAcks => "durable-acks",
            Claim::Handoff => "handoff",
            Claim::Converges => "converges",
            Claim::DeletesStayDeleted => "deletes-stay-deleted",
            Claim::NoResurrection => "no-resurrection",
            Claim::SiblingsComplete => "siblings-complete",
            Claim::SiblingsNotInvented => "siblings-not-invented",
            Claim::SetExact => "set-exact",
            Claim::CounterExact => "counter-exact",
        }
    }

    /// What it promises, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Claim::NoValueFromNowhere => "no read returns a value that nobody wrote",
            Claim::NoFailedWriteVisible => "no read returns the value of a write that failed",
            Claim::FreshReads => "a read sees the last write acknowledged before it began",
            Claim::Linearizable => "a key behaves like one copy, one operation at a time",
            Claim::ReadYourWrites => "a client reads its own writes",
            Claim::MonotonicReads => "a client never reads an older value than before",
            Claim::MonotonicWrites => "a client's writes take effect in its order",
            Claim::WritesFollowReads => "a client's write comes after what it has read",
            Claim::DurableAcks => "an acknowledged write, or one over it, is there at the end",
            Claim::Handoff => "hints alone bring every replica what it missed",
            Claim::Converges => "in the end all replicas of a key are equal",
            Claim::DeletesStayDeleted => "what was deleted or overwritten with context is read no more",
            Claim::NoResurrection => "at the end no replica holds what was deleted",
            Claim::SiblingsComplete => "a read has every sibling that nobody overwrote",
            Claim::SiblingsNotInvented => "no sibling of a value had been overwritten by it",
            Claim::SetExact => "at the end a set is what was added and not removed",
            Claim::CounterExact => "at the end a counter is the sum of its increments",
        }
    }
}

impl Claim {
    /// Whether the claim says anything of what keys hold in `workload`.
    pub fn is_of(self, workload: Workload) -> bool {
        use Workload::{Counter, Deletes, Register, Set, Siblings};
        let workloads: &[Workload] = match self {
            Claim::NoValueFromNowhere | Claim::ReadYourWrites | Claim::Converges => &Workload::ALL,
            Claim::FreshReads => &[Register, Deletes, Set, Counter],
            Claim::NoFailedWriteVisible | Claim::MonotonicReads | Claim::DurableAcks => {
                &[Register, Deletes, Siblings, Set]
            }
            Claim::Linearizable | Claim::MonotonicWrites | Claim::WritesFollowReads | Claim::Handoff => {
                &[Register, Deletes]
            }
            Claim::DeletesStayDeleted | Claim::NoResurrection => &[Deletes, Siblings, Set],
            Claim::SiblingsComplete | Claim::SiblingsNotInvented => &[Siblings],
            Claim::SetExact => &[Set],
            Claim::CounterExact => &[Counter],
        };
        workloads.contains(&workload)
    }
}

/// Whether a claim is made, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// Which claim.
    pub claim: Claim,
    /// Whether it must hold: a violation is then a bug.
    pub claimed: bool,
    /// Why, or why not.
    pub reason: &'static str,
}

/// What may be claimed at these settings of registers that are read and written.
pub fn claims(settings: Settings) -> Vec<Expectation> {
    claims_of(Workload::Register, settings)
}

/// What may be claimed at these settings, of every claim on what keys hold in `workload`, in the order of
/// [`Claim::ALL`].
pub fn claims_of(workload: Workload, settings: Settings) -> Vec<Expectation> {
    let expect = |claim| {
        let (claimed, reason) = expectation(claim, settings);
        Expectation { claim, claimed, reason }
    };
    let asked = Claim::ALL.into_iter().filter(|claim| claim.is_of(workload));
    asked.map(expect).collect()
}

fn expectation(claim: Claim, settings: Settings) -> (bool, &'static str) {
    match claim {
        Claim::NoValueFromNowhere => (true, "values come from writes alone"),
        Claim::NoFailedWriteVisible => (true, "only a write that was never sent is called failed"),
        Claim::FreshReads | Claim::ReadYourWrites => {
            if settings.quorums_meet() {
                (true, "R + W > N: every read meets the last acknowledged write")
            } else {
                (false, "R + W <= N: a read can miss the replicas that a write reached")
            }
        }
        Claim::Linearizable | Claim::MonotonicReads => what_was_read_stays_read(settings),
        Claim::MonotonicWrites => (true, "clocks are true: a later write has a higher version"),
        Claim::WritesFollowReads => (
            true,
            "clocks are true: a write has a higher version than what was read before",
        ),
        Claim::DurableAcks => (true, "each acknowledgement is of a synced record, and no disk is lost"),
        Claim::Handoff => (
            true,
            "a coordinator that stays up keeps a durable hint for every owner it can't reach",
        ),
        Claim::Converges => (true, "hints, and anti-entropy for what they missed"),
        Claim::DeletesStayDeleted | Claim::SiblingsComplete => {
            if settings.quorums_meet() {
                (true, "R + W > N: every read meets the last acknowledged write")
            } else {
                (false, "R + W <= N: a read can miss the replicas that a write reached")
            }
        }
        Claim::NoResurrection => (true, "no tombstone or causal context is dropped"),
        Claim::SiblingsNotInvented => (true, "contexts are whole: descent is told from concurrency"),
        Claim::SetExact => (true, "each add is one dot, and removes take the dots that they saw"),
        Claim::CounterExact => (true, "each increment is counted once under its own dot"),
    }
}

/// A write that has reached some replicas, and not yet W, may be read; whether it can then be missed again.
fn what_was_read_stays_read(settings: Settings) -> (bool, &'static str) {
    if !settings.quorums_meet() {
        return (false, "R + W <= N: two reads can meet different replicas");
    }
    if settings.r == settings.n {
        return (
            true,
            "R = N: every read sees every replica, so what was seen is seen again",
        );
    }
    match (settings.read_repair, settings.reads_meet()) {
        (ReadRepair::Blocking, true) => (true, "2R > N, and R replicas hold what a read returns before it does"),
        (ReadRepair::Blocking, false) => (false, "2R <= N: a read can miss the replicas that another has seen"),
        (ReadRepair::Off | ReadRepair::Async, _) => {
            (false, "without blocking repair what one read saw, the next can miss")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every workload is asked of what it does, and no claim is asked of none.
    #[test]
    fn every_claim_is_of_some_workload() {
        for claim in Claim::ALL {
            assert!(
                Workload::ALL.into_iter().any(|workload| claim.is_of(workload)),
                "{claim:?}"
            );
        }
        let settings = Settings {
            n: 3,
            r: 2,
            w: 2,
            read_repair: ReadRepair::Blocking,
        };
        let counts = Workload::ALL.map(|workload| claims_of(workload, settings).len());
        assert_eq!(counts, [11, 13, 10, 10, 5]);
    }

    /// The rows of CLAIMS.md 2.1 that these settings can express: C1, C2, C3, C4, C5, C8.
    #[test]
    fn as_the_table_says() {
        let columns = [
            Claim::DurableAcks,
            Claim::FreshReads,
            Claim::Linearizable,
            Claim::ReadYourWrites,
            Claim::MonotonicReads,
            Claim::Converges,
        ];
        let table = [
            ("S1", 1, 1, ReadRepair::Blocking, "TFFFFT"),
            ("S2", 1, 2, ReadRepair::Blocking, "TFFFFT"),
            ("S2", 2, 1, ReadRepair::Blocking, "TFFFFT"),
            ("S3", 2, 2, ReadRepair::Off, "TTFTFT"),
            ("S4", 2, 2, ReadRepair::Async, "TTFTFT"),
            ("S5", 2, 2, ReadRepair::Blocking, "TTTTTT"),
            ("S9", 3, 1, ReadRepair::Off, "TTTTTT"),
            ("S10", 1, 3, ReadRepair::Off, "TTFTFT"),
            ("S10", 1, 3, ReadRepair::Blocking, "TTFTFT"),
            ("S11", 2, 3, ReadRepair::Off, "TTFTFT"),
            ("S5", 2, 3, ReadRepair::Blocking, "TTTTTT"),
            ("S5", 3, 1, ReadRepair::Blocking, "TTTTTT"),
        ];
        for (row, r, w, read_repair, expected) in table {
            let claims = claims(Settings {
                n: 3,
                r,
                w,
                read_repair,
            });
            let claimed = columns.map(|column| {
                let expectation = claims.iter().find(|e| e.claim == column).expect("every claim is there");
                if expectation.claimed { 'T' } else { 'F' }
            });
            assert_eq!(String::from_iter(claimed), expected, "{row}");
        }
    }
}
