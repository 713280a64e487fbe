//! What may be claimed at which setting: CLAIMS.md, table 2.1, as a function.
//!
//! Nodes may join, leave, and be replaced or removed: quorums are joint while owners change, and by the record that the
//! owners agreed upon, so that this takes no claim away (row S29), but where none holds what a read returns but the one owner
//! that it was read from: reads of all owners without blocking repair. What is not claimed is still looked for: it is
//! `observed` or `not-observed`, and never a violation.

use quorate_checker::isolation::Keys;
use serde::{Deserialize, Serialize};

use crate::{Clock, Property, ReadRepair, Settings, Tombstones, Workload, WritePath};

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
    /// C3: reads and writes of a key take effect one after another, each between its start and its end; C14: so do
    /// compare-and-sets.
    Linearizable,
    /// Transactions take effect one after another, each between its start and its end.
    StrictSerializable,
    /// C2 to C7 of the keys that transactions read and write, as far as these are claimed of registers.
    KeysInOrder,
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
    /// C13: a request through a node that reaches as many owners as its level takes is answered.
    Available,
    /// C13: a request through a node that knows that it reaches too few is refused at once, and not left to wait or unknown.
    RefusedPromptly,
}

impl Claim {
    /// Every claim, in the order in which verdicts are told.
    pub const ALL: [Claim; 21] = [
        Claim::NoValueFromNowhere,
        Claim::NoFailedWriteVisible,
        Claim::FreshReads,
        Claim::Linearizable,
        Claim::StrictSerializable,
        Claim::KeysInOrder,
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
        Claim::Available,
        Claim::RefusedPromptly,
    ];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Claim::NoValueFromNowhere => "no-value-from-nowhere",
            Claim::NoFailedWriteVisible => "no-failed-write-visible",
            Claim::FreshReads => "fresh-reads",
            Claim::Linearizable => "linearizable",
            Claim::StrictSerializable => "strict-serializable",
            Claim::KeysInOrder => "keys-in-order",
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
            Claim::Available => "available",
            Claim::RefusedPromptly => "refused-promptly",
        }
    }

    /// What it promises, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Claim::NoValueFromNowhere => "no read returns a value that nobody wrote",
            Claim::NoFailedWriteVisible => "no read returns the value of a write that failed",
            Claim::FreshReads => "a read sees the last write acknowledged before it began",
            Claim::Linearizable => "a key behaves like one copy, one operation at a time",
            Claim::StrictSerializable => "transactions take effect one at a time, in the order of real time",
            Claim::KeysInOrder => "each key by itself goes forward, as registers do",
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
            Claim::Available => "who asks a node that reaches enough owners is answered",
            Claim::RefusedPromptly => "who asks a node that reaches too few owners is told so at once",
        }
    }
}

impl Claim {
    /// What is called what when the claim is broken.
    pub fn anomaly(self) -> &'static str {
        match self {
            Claim::NoValueFromNowhere => "value-from-nowhere",
            Claim::NoFailedWriteVisible => "aborted-read",
            Claim::FreshReads => "stale-read",
            Claim::Linearizable => "non-linearizable",
            Claim::StrictSerializable => "strict-serializable",
            Claim::KeysInOrder => "cyclic-versions",
            Claim::ReadYourWrites => "own-write-missed",
            Claim::MonotonicReads => "non-monotonic-reads",
            Claim::MonotonicWrites => "non-monotonic-writes",
            Claim::WritesFollowReads => "write-before-read",
            Claim::DurableAcks => "lost-write",
            Claim::Handoff => "missed-handoff",
            Claim::Converges => "divergence",
            Claim::DeletesStayDeleted => "read-of-deleted",
            Claim::NoResurrection => "resurrection",
            Claim::SiblingsComplete => "lost-sibling",
            Claim::SiblingsNotInvented => "false-sibling",
            Claim::SetExact => "inexact-set",
            Claim::CounterExact => "inexact-counter",
            Claim::Available => "unanswered",
            Claim::RefusedPromptly => "unrefused",
        }
    }

    /// The claim as a property of a history.
    pub fn property(self) -> Property {
        Property::new(self.name(), self.description(), self.anomaly())
    }

    /// Whether the claim says anything of what keys hold in `workload`.
    pub fn is_of(self, workload: Workload) -> bool {
        use Workload::{Append, Cas, Counter, Deletes, Register, Set, Siblings, Txn};
        let workloads: &[Workload] = match self {
            Claim::NoValueFromNowhere | Claim::Converges => &Workload::ALL,
            Claim::ReadYourWrites => &[Register, Deletes, Siblings, Set, Counter, Cas],
            Claim::FreshReads => &[Register, Deletes, Set, Counter, Cas],
            Claim::NoFailedWriteVisible | Claim::DurableAcks => &[Register, Deletes, Siblings, Set, Cas, Append, Txn],
            Claim::MonotonicReads => &[Register, Deletes, Siblings, Set, Cas],
            Claim::StrictSerializable => &[Append, Txn],
            Claim::KeysInOrder => &[Txn],
            Claim::Linearizable | Claim::MonotonicWrites | Claim::WritesFollowReads => &[Register, Deletes, Cas],
            Claim::Handoff => &[Register, Deletes],
            Claim::DeletesStayDeleted | Claim::NoResurrection => &[Deletes, Siblings, Set],
            Claim::SiblingsComplete | Claim::SiblingsNotInvented => &[Siblings],
            Claim::SetExact => &[Set],
            Claim::CounterExact => &[Counter],
            Claim::Available | Claim::RefusedPromptly => &[Register, Deletes, Siblings, Set, Counter, Cas],
        };
        workloads.contains(&workload)
    }

    /// Whether it is judged by what each request was owed: how soon, and whether at all, it was to be answered.
    pub(crate) fn is_of_answers(self) -> bool {
        matches!(self, Claim::Available | Claim::RefusedPromptly)
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

impl Expectation {
    /// What is claimed of real processes, whose time is nobody's to give.
    pub fn in_real_time(self) -> Expectation {
        match self.claim {
            claim if claim.is_of_answers() && self.claimed => Expectation {
                claimed: false,
                reason: "real time: a machine that is busy keeps any node from answering",
                ..self
            },
            _ => self,
        }
    }
}

/// What may be claimed at these settings, of every claim on what keys hold in `workload`, in the order of
/// [`Claim::ALL`].
pub fn claims(workload: Workload, settings: Settings) -> Vec<Expectation> {
    let expect = |claim| {
        let (claimed, reason) = expectation(claim, workload, settings);
        Expectation { claim, claimed, reason }
    };
    let asked = Claim::ALL.into_iter().filter(|claim| claim.is_of(workload));
    asked.map(expect).collect()
}

type Reason = (bool, &'static str);

/// Of a replica on an old copy of its disk.
const GONE_BACK: Reason = (
    false,
    "an old copy of a disk: its replica forgets what it has acknowledged since",
);

/// Of a replica that has lost a record.
const RECORD_LOST: Reason = (
    false,
    "lost records: a replica that has lost what it acknowledged answers as if it had never been there",
);

/// Of what merges by dots, which name an update for good.
const GIVEN_TWICE: Reason = (
    false,
    "an old copy of a disk: its replica gives dots that it has given, to other updates",
);

fn expectation(claim: Claim, workload: Workload, settings: Settings) -> Reason {
    match claim {
        Claim::NoFailedWriteVisible if workload.is_agreed_upon(settings.write_path) => (
            true,
            "only a change that was never proposed, or met something else, is called failed",
        ),
        Claim::FreshReads
        | Claim::ReadYourWrites
        | Claim::Linearizable
        | Claim::MonotonicReads
        | Claim::MonotonicWrites
        | Claim::WritesFollowReads
        | Claim::DurableAcks
            if workload.is_agreed_upon(settings.write_path) =>
        {
            owners_agree(settings)
        }
        Claim::Handoff if workload.is_agreed_upon(settings.write_path) => (
            false,
            "nobody keeps hints of what owners agree upon: who missed it is asked again, or compares",
        ),
        Claim::NoValueFromNowhere => (true, "values come from writes alone"),
        Claim::NoFailedWriteVisible => (true, "only a write that was never sent is called failed"),
        Claim::FreshReads | Claim::ReadYourWrites => what_was_acked_is_read(workload, settings),
        Claim::SiblingsComplete => what_was_acked_is_read(workload, settings),
        Claim::DeletesStayDeleted => all([
            contexts_are_whole(settings),
            no_tombstone_is_forgotten(settings),
            what_was_acked_is_read(workload, settings),
        ]),
        Claim::Linearizable => all([
            what_was_acked_is_read(workload, settings),
            what_was_read_stays_read(settings),
        ]),
        Claim::StrictSerializable => all([
            transactions_are_steps(workload, settings),
            appends_are_kept(workload, settings),
            expectation(Claim::Linearizable, Workload::Register, settings),
            (
                true,
                "one step a transaction, and each key is linearizable: then so are all together, as linearizability is local",
            ),
        ]),
        Claim::KeysInOrder => keys_go_forward(settings),
        Claim::MonotonicReads => all([
            no_delete_is_forgotten(workload, settings),
            what_was_read_stays_read(settings),
        ]),
        Claim::MonotonicWrites => later_writes_are_greater(settings),
        Claim::WritesFollowReads => match settings.write_path {
            WritePath::Lww => later_writes_are_greater(settings),
            WritePath::Abd | WritePath::Cas => what_was_read_stays_read(settings),
        },
        Claim::DurableAcks => all([
            appends_are_kept(workload, settings),
            what_was_acked_is_kept(settings),
            no_tombstone_is_forgotten(settings),
            no_write_is_shadowed(workload, settings),
            (
                true,
                "each acknowledgement is of a synced record, and at most one disk is lost at a time",
            ),
        ]),
        Claim::Handoff => all([
            what_was_acked_is_kept(settings),
            no_tombstone_is_forgotten(settings),
            hints_are_kept(settings),
            (
                true,
                "a coordinator that stays up keeps a durable hint for every owner it can't reach",
            ),
        ]),
        Claim::Converges if settings.disks_go_back && !workload.is_of_registers() => GIVEN_TWICE,
        Claim::Converges => (true, "hints, and anti-entropy for what they missed"),
        Claim::NoResurrection => all([
            contexts_are_whole(settings),
            no_tombstone_is_forgotten(settings),
            what_was_acked_is_kept(settings),
            no_write_is_shadowed(workload, settings),
            (true, "a tombstone stands until no replica can bring back what it ended"),
        ]),
        Claim::SiblingsNotInvented if settings.disks_go_back => GIVEN_TWICE,
        Claim::SiblingsNotInvented => contexts_are_whole(settings),
        Claim::SetExact => all([
            what_was_acked_is_kept(settings),
            (true, "each add is one dot, and removes take the dots that they saw"),
        ]),
        Claim::CounterExact => all([
            what_was_acked_is_kept(settings),
            (true, "each increment is counted once, by one actor"),
        ]),
        Claim::Available => who_reaches_enough_is_answered(workload, settings),
        Claim::RefusedPromptly if settings.owners_change => (
            false,
            "owners change: who has not heard of it yet asks those who were owners before",
        ),
        Claim::RefusedPromptly => (
            true,
            "a coordinator knows whom it reaches, and asks nobody where they are too few",
        ),
    }
}

/// What may be assumed of each key by itself at these settings, to know in which order registers were written: what is claimed of
/// single reads and writes, which steps of transactions are.
pub(crate) fn keys_of(settings: Settings) -> Keys {
    let is_claimed = |claim: &Claim| expectation(*claim, Workload::Register, settings).0;
    let sessions = [
        Claim::ReadYourWrites,
        Claim::MonotonicReads,
        Claim::MonotonicWrites,
        Claim::WritesFollowReads,
    ];
    Keys {
        writes_follow_reads: is_claimed(&Claim::WritesFollowReads),
        sequential: sessions.iter().all(is_claimed),
        linearizable: is_claimed(&Claim::Linearizable),
        reported: false,
    }
}

/// Whether anything is assumed of keys, so that a key that goes back breaks what is claimed.
fn keys_go_forward(settings: Settings) -> Reason {
    let keys = keys_of(settings);
    if keys.linearizable {
        (
            true,
            "single steps are linearizable, key by key: no transaction sees one go back in real time",
        )
    } else if keys.sequential {
        (
            true,
            "the session guarantees hold of single steps: no session sees a key go back",
        )
    } else if keys.writes_follow_reads {
        (
            true,
            "writes follow reads: a transaction that reads a key writes it after what it read",
        )
    } else {
        (
            false,
            "skewed clocks: nothing is known of the order in which a key was written",
        )
    }
}

/// The first of several conditions that is not met, or else the last.
fn all<const COUNT: usize>(conditions: [Reason; COUNT]) -> Reason {
    let broken = conditions.iter().find(|(met, _)| !met);
    *broken.or(conditions.last()).expect("a claim has a condition")
}

/// Whether it takes no more than enough owners to be answered. Which requests that is owed to, and when, the faults of a run
/// say.
fn who_reaches_enough_is_answered(workload: Workload, settings: Settings) -> Reason {
    if workload.is_agreed_upon(settings.write_path) {
        (
            false,
            "by agreement: a proposal that another outbids is not made a second time",
        )
    } else if settings.owners_change {
        (
            false,
            "owners change: until all have heard of it, requests take both the old and the new",
        )
    } else if settings.clocks_are_skewed {
        (false, "skewed clocks: owners refuse what is stamped too far ahead")
    } else if settings.records_are_damaged {
        (
            false,
            "damaged records: an owner does not answer for what it can't read",
        )
    } else {
        (
            true,
            "as many owners as the level takes are asked until they answer, whoever else does not",
        )
    }
}

/// Whether more than half of the owners promise and accept what comes next, and keep to it. It takes no clock and neither R
/// nor W; and since both rounds go by one record of the owners, they may change.
fn owners_agree(settings: Settings) -> Reason {
    if !settings.acks_are_synced {
        (
            false,
            "not synced: an owner that is killed forgets what it has promised and accepted",
        )
    } else if settings.disks_go_back {
        GONE_BACK
    } else if settings.records_are_lost {
        RECORD_LOST
    } else if settings.n == 1 && (settings.records_are_damaged || settings.nodes_are_lost) {
        (false, "one owner: what it has accepted is lost with its record")
    } else {
        (
            true,
            "Paxos: more than half of the owners promise, and accept, one proposal after another",
        )
    }
}

/// Whether a read sees every write that was acknowledged before it began.
fn what_was_acked_is_read(workload: Workload, settings: Settings) -> Reason {
    all([
        owners_answer(settings),
        what_was_acked_is_kept(settings),
        no_write_is_shadowed(workload, settings),
        no_delete_is_forgotten(workload, settings),
        if settings.quorums.meet {
            (
                true,
                "quorums meet (R + W > N): every read meets the last acknowledged write",
            )
        } else {
            (
                false,
                "quorums need not meet (R + W <= N): a read can miss what a write reached",
            )
        },
    ])
}

/// Whether quorums of reads and of writes meet, whatever becomes of the owners.
pub(crate) fn quorums_meet(settings: Settings) -> Reason {
    all([
        owners_answer(settings),
        if settings.quorums.meet {
            (true, "R + W > N, of the old owners and of the new while they change")
        } else {
            (false, "R + W <= N: quorums need not meet")
        },
    ])
}

/// Whether quorums are counted among owners, all of them.
fn owners_answer(settings: Settings) -> Reason {
    if settings.absence_answers_alone {
        (false, "one replica that has nothing answers for all")
    } else if settings.sloppy {
        (
            false,
            "sloppy: what a stand-in keeps for an owner need not meet a read's quorum",
        )
    } else {
        (true, "strict: only owners count")
    }
}

/// Whether an append that was acknowledged is in the list, as far as that is the client's to see to.
fn appends_are_kept(workload: Workload, settings: Settings) -> Reason {
    match workload {
        Workload::Append if settings.write_path == WritePath::Cas => {
            (true, "an append sets the list only if it is what was read")
        }
        Workload::Append => (
            false,
            "an append reads the list and writes it back: of two at a time, one is lost",
        ),
        _ => (true, "a write takes nothing back that it has not read"),
    }
}

/// Whether a transaction is no more than the one step that it takes.
fn transactions_are_steps(workload: Workload, settings: Settings) -> Reason {
    match (settings.txn_length, workload) {
        (1, _) => (true, "one step a transaction"),
        (_, Workload::Append) if settings.write_path != WritePath::Cas => (
            false,
            "nothing is atomic over the steps of a transaction, nor over an append, which reads the list and writes it back",
        ),
        _ => (
            false,
            "transactions have several steps, and nothing is atomic over them",
        ),
    }
}

fn what_was_acked_is_kept(settings: Settings) -> Reason {
    if !settings.acks_are_synced {
        return (
            false,
            "not synced: a replica that is killed forgets what it has acknowledged",
        );
    }
    if settings.disks_go_back {
        return GONE_BACK;
    }
    if settings.records_are_lost {
        return RECORD_LOST;
    }
    if settings.records_are_damaged && (settings.sloppy || settings.quorums.writes_reach < 2) {
        return (
            false,
            "damaged records: what one replica alone has acknowledged can be lost with its record",
        );
    }
    let one_alone_may_hold = settings.records_are_damaged || settings.sloppy || settings.quorums.writes_reach < 2;
    if settings.nodes_are_lost && one_alone_may_hold {
        return (
            false,
            "nodes lost for good: what one of them alone has acknowledged, or keeps for an owner, is lost with it",
        );
    }
    (true, "each acknowledgement is of a synced record")
}

fn hints_are_kept(settings: Settings) -> Reason {
    if settings.disks_fail {
        (
            false,
            "failing disks: a coordinator can't keep a hint on a disk that fails",
        )
    } else if settings.nodes_are_lost {
        (
            false,
            "nodes lost for good: the hints that they kept are lost with them",
        )
    } else if settings.clocks_are_skewed && settings.owners_change {
        (
            false,
            "skewed clocks while owners change: a write that owners refuse for its time comes to them after a newcomer has copied",
        )
    } else {
        (true, "a coordinator that stays up keeps its hints")
    }
}

/// Whether the order of writes is that of real time, where one ended before the other began. What merges has no order.
fn no_write_is_shadowed(workload: Workload, settings: Settings) -> Reason {
    if !workload.is_of_registers() {
        return (true, "what merges needs no clock");
    }
    match (settings.write_path, settings.clocks_are_skewed, settings.clock) {
        (WritePath::Cas, _, _) => owners_agree(settings),
        (WritePath::Abd, _, _) if settings.quorums.meet => (
            true,
            "R + W > N: the first phase meets every acknowledged write, and no clock is asked",
        ),
        (WritePath::Abd, _, _) => (false, "R + W <= N: the first phase can miss an acknowledged write"),
        (WritePath::Lww, false, _) => (true, "clocks are true: a later write has a higher version"),
        (WritePath::Lww, true, Clock::Wall) => (
            false,
            "skewed clocks: a later write can have a lower version, and is lost",
        ),
        (WritePath::Lww, true, Clock::Hlc) => (
            false,
            "skewed clocks: a coordinator that has not heard of a write can stamp below it",
        ),
    }
}

fn no_tombstone_is_forgotten(settings: Settings) -> Reason {
    match settings.tombstones {
        Tombstones::Safe => (true, "no tombstone or causal context is dropped"),
        Tombstones::Forgotten => (
            false,
            "tombstones are forgotten: what a replica missed for longer rises again",
        ),
        Tombstones::Outlived => (
            false,
            "messages are late for longer than tombstones stand: an overtaken one brings back what was deleted",
        ),
    }
}

/// Whether what a register holds in the end of all is still known to be so once it is nothing.
fn no_delete_is_forgotten(workload: Workload, settings: Settings) -> Reason {
    match workload {
        Workload::Deletes => no_tombstone_is_forgotten(settings),
        _ => (true, "nothing that a register holds is deleted"),
    }
}

fn contexts_are_whole(settings: Settings) -> Reason {
    if settings.contexts_are_cut {
        (
            false,
            "contexts are cut short: what was overwritten is taken for concurrent",
        )
    } else {
        (true, "contexts are whole: descent is told from concurrency")
    }
}

/// Whether of two writes of a client, or of a read and a write, the second has the greater version.
fn later_writes_are_greater(settings: Settings) -> Reason {
    match settings.write_path {
        WritePath::Cas => owners_agree(settings),
        WritePath::Abd => all([
            owners_answer(settings),
            what_was_acked_is_kept(settings),
            no_write_is_shadowed(Workload::Register, settings),
        ]),
        WritePath::Lww => no_write_is_shadowed(Workload::Register, settings),
    }
}

/// A write that has reached some replicas, and not yet W, may be read; whether it can then be missed again.
fn what_was_read_stays_read(settings: Settings) -> Reason {
    let (owners, kept) = (owners_answer(settings), what_was_acked_is_kept(settings));
    if !owners.0 || !kept.0 {
        return all([owners, kept]);
    }
    if !settings.quorums.meet {
        return (
            false,
            "quorums need not meet (R + W <= N): two reads can meet different replicas",
        );
    }
    if settings.quorums.reads_ask_all && settings.records_are_damaged && settings.read_repair != ReadRepair::Blocking {
        return (
            false,
            "damaged records: what one replica alone has shown can be lost with its record",
        );
    }
    if settings.quorums.reads_ask_all && settings.owners_change && settings.read_repair != ReadRepair::Blocking {
        return (
            false,
            "owners change: what one owner alone has shown can stay behind with it",
        );
    }
    if settings.quorums.reads_ask_all {
        return (
            true,
            "every read sees every replica (R = N), so what was seen is seen again",
        );
    }
    match (settings.read_repair, settings.quorums.reads_meet) {
        (ReadRepair::Blocking, true) => (
            true,
            "reads meet (2R > N), and R replicas hold what a read returns before it does",
        ),
        (ReadRepair::Blocking, false) => (
            false,
            "reads need not meet (2R <= N): one can miss the replicas that another has seen",
        ),
        (ReadRepair::Off | ReadRepair::Async, _) => {
            (false, "without blocking repair what one read saw, the next can miss")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_by_the_clock_is_claimed_in_virtual_time_alone() {
        let settings = Settings::strict(3, 2, 2, ReadRepair::Blocking);
        let expectations = claims(Workload::Register, settings);
        let is_other = |it: &&Expectation| it.in_real_time().claimed != it.claimed;
        let others: Vec<Claim> = expectations.iter().filter(is_other).map(|it| it.claim).collect();
        assert_eq!(others, [Claim::Available, Claim::RefusedPromptly]);
    }

    /// Every workload is asked of what it does, and no claim is asked of none.
    #[test]
    fn every_claim_is_of_some_workload() {
        for claim in Claim::ALL {
            assert!(
                Workload::ALL.into_iter().any(|workload| claim.is_of(workload)),
                "{claim:?}"
            );
        }
        let settings = Settings::strict(3, 2, 2, ReadRepair::Blocking);
        let counts = Workload::ALL.map(|workload| claims(workload, settings).len());
        assert_eq!(counts, [13, 15, 12, 12, 7, 12, 5, 6]);
    }

    #[test]
    fn answers_are_owed_where_owners_stay_and_take_what_they_are_sent() {
        let available = |workload, change: fn(&mut Settings)| {
            let mut settings = Settings::strict(3, 2, 2, ReadRepair::Blocking);
            change(&mut settings);
            row(workload, settings, [Claim::Available])
        };
        assert_eq!(available(Workload::Register, |_| {}), "T");
        assert_eq!(available(Workload::Counter, |it| it.disks_fail = true), "T");
        assert_eq!(available(Workload::Cas, |_| {}), "F");
        let lost: [fn(&mut Settings); 3] = [
            |it| it.owners_change = true,
            |it| it.clocks_are_skewed = true,
            |it| it.records_are_damaged = true,
        ];
        assert!(
            lost.into_iter()
                .all(|change| available(Workload::Register, change) == "F")
        );
    }

    /// `T` or `F` for each of the claims.
    fn row<const COUNT: usize>(workload: Workload, settings: Settings, columns: [Claim; COUNT]) -> String {
        let claims = claims(workload, settings);
        let claimed = columns.map(|column| {
            let expectation = claims.iter().find(|e| e.claim == column).expect("every claim is there");
            if expectation.claimed { 'T' } else { 'F' }
        });
        String::from_iter(claimed)
    }

    /// The rows of CLAIMS.md 2.1 for registers that these settings can express: C1, C2, C3, C4, C5, C8.
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
        let strict = Settings::strict;
        let blocking = strict(3, 2, 2, ReadRepair::Blocking);
        let skewed = Settings {
            clocks_are_skewed: true,
            ..blocking
        };
        let abd = Settings {
            write_path: WritePath::Abd,
            ..skewed
        };
        let table = [
            ("S1", strict(3, 1, 1, ReadRepair::Blocking), "TFFFFT"),
            ("S2", strict(3, 1, 2, ReadRepair::Blocking), "TFFFFT"),
            ("S2", strict(3, 2, 1, ReadRepair::Blocking), "TFFFFT"),
            ("S3", strict(3, 2, 2, ReadRepair::Off), "TTFTFT"),
            ("S4", strict(3, 2, 2, ReadRepair::Async), "TTFTFT"),
            ("S5", blocking, "TTTTTT"),
            (
                "S6",
                Settings {
                    clock: Clock::Wall,
                    ..skewed
                },
                "FFFFTT",
            ),
            // The table's T° for C4 is in version order, and ours is in real time.
            ("S7", skewed, "FFFFTT"),
            ("S8", abd, "TTTTTT"),
            ("S9", strict(3, 3, 1, ReadRepair::Off), "TTTTTT"),
            (
                "S9, skewed",
                Settings {
                    clocks_are_skewed: true,
                    ..strict(3, 3, 1, ReadRepair::Off)
                },
                "FFFFTT",
            ),
            ("S10", strict(3, 1, 3, ReadRepair::Off), "TTFTFT"),
            ("S10", strict(3, 1, 3, ReadRepair::Blocking), "TTFTFT"),
            ("S11", strict(3, 2, 3, ReadRepair::Off), "TTFTFT"),
            ("S5", strict(3, 2, 3, ReadRepair::Blocking), "TTTTTT"),
            ("S5", strict(3, 3, 1, ReadRepair::Blocking), "TTTTTT"),
            (
                "S12",
                Settings {
                    sloppy: true,
                    ..blocking
                },
                "TFFFFT",
            ),
            (
                "S16",
                Settings {
                    acks_are_synced: false,
                    ..blocking
                },
                "FFFFFT",
            ),
        ];
        for (name, settings, expected) in table {
            assert_eq!(row(Workload::Register, settings, columns), expected, "{name}");
        }
    }

    /// A write that its owners refuse for its time is hinted to them for as long as their clocks differ, and a newcomer may copy meanwhile.
    #[test]
    fn what_skewed_clocks_and_a_change_of_owners_do_to_hints_only_together() {
        let handoff = |clocks_are_skewed, owners_change| {
            let settings = Settings {
                clocks_are_skewed,
                owners_change,
                ..Settings::strict(3, 2, 2, ReadRepair::Blocking)
            };
            row(Workload::Register, settings, [Claim::Handoff])
        };
        assert_eq!(
            [handoff(true, false), handoff(false, true), handoff(true, true)],
            ["T", "T", "F"]
        );
    }

    /// What a damaged record, or a disk that fails, costs: what one replica alone has can be lost.
    #[test]
    fn what_a_change_of_owners_does_to_claims() {
        let columns = [Claim::FreshReads, Claim::Linearizable, Claim::MonotonicReads];
        let changing = |r, w, read_repair| Settings {
            owners_change: true,
            ..Settings::strict(3, r, w, read_repair)
        };
        for (name, settings, expected) in [
            ("two hold what is read", changing(2, 2, ReadRepair::Blocking), "TTT"),
            (
                "all are read, and all hold it",
                changing(3, 1, ReadRepair::Blocking),
                "TTT",
            ),
            (
                "all are read, and one held it alone",
                changing(3, 1, ReadRepair::Off),
                "TFF",
            ),
        ] {
            assert_eq!(row(Workload::Register, settings, columns), expected, "{name}");
        }
        assert_eq!(
            row(Workload::Register, Settings::strict(3, 3, 1, ReadRepair::Off), columns),
            "TTT"
        );
    }

    #[test]
    fn what_disks_do_to_claims() {
        let columns = [
            Claim::DurableAcks,
            Claim::FreshReads,
            Claim::Linearizable,
            Claim::MonotonicReads,
            Claim::Handoff,
            Claim::Converges,
        ];
        let damaged = |r, w, read_repair| Settings {
            records_are_damaged: true,
            ..Settings::strict(3, r, w, read_repair)
        };
        let failing = Settings {
            disks_fail: true,
            ..Settings::strict(3, 2, 2, ReadRepair::Blocking)
        };
        let gone_back = Settings {
            disks_go_back: true,
            ..Settings::strict(3, 2, 2, ReadRepair::Blocking)
        };
        let lost = Settings {
            records_are_lost: true,
            ..Settings::strict(3, 2, 2, ReadRepair::Blocking)
        };
        assert_eq!(row(Workload::Set, gone_back, [Claim::SetExact, Claim::Converges]), "FF");
        assert_eq!(row(Workload::Set, lost, [Claim::SetExact, Claim::Converges]), "FT");
        assert_eq!(row(Workload::Cas, lost, [Claim::Linearizable, Claim::Converges]), "FT");
        let table = [
            ("two of three hold it", damaged(2, 2, ReadRepair::Blocking), "TTTTTT"),
            ("one may hold it alone", damaged(3, 1, ReadRepair::Blocking), "FFFFFT"),
            (
                "all are asked, and one had it alone",
                damaged(3, 2, ReadRepair::Off),
                "TTFFTT",
            ),
            (
                "sloppy",
                Settings {
                    sloppy: true,
                    ..damaged(2, 2, ReadRepair::Blocking)
                },
                "FFFFFT",
            ),
            ("failing", failing, "TTTTFT"),
            ("an old copy", gone_back, "FFFFFT"),
            ("a record is gone", lost, "FFFFFT"),
        ];
        for (name, settings, expected) in table {
            assert_eq!(row(Workload::Register, settings, columns), expected, "{name}");
        }
        let counter = [Claim::CounterExact];
        assert_eq!(
            row(Workload::Counter, damaged(2, 2, ReadRepair::Blocking), counter),
            "T"
        );
        assert_eq!(
            row(Workload::Counter, damaged(3, 1, ReadRepair::Blocking), counter),
            "F"
        );
    }

    /// S19, S31, S32, and what CLAIMS.md says of counters and sets: C1, C4, C8 and their own.
    #[test]
    fn other_kinds_as_the_table_says() {
        let blocking = Settings::strict(3, 2, 2, ReadRepair::Blocking);
        let skewed = Settings {
            clocks_are_skewed: true,
            ..blocking
        };
        let siblings = [
            Claim::DurableAcks,
            Claim::ReadYourWrites,
            Claim::SiblingsComplete,
            Claim::SiblingsNotInvented,
        ];
        assert_eq!(
            row(Workload::Siblings, skewed, siblings),
            "TTTT",
            "S19: no clock is asked"
        );
        let sloppy = Settings {
            sloppy: true,
            ..blocking
        };
        assert_eq!(row(Workload::Siblings, sloppy, siblings), "TFFT");
        let unsynced = Settings {
            acks_are_synced: false,
            ..blocking
        };
        let exact = [Claim::CounterExact, Claim::Converges];
        assert_eq!(row(Workload::Counter, skewed, exact), "TT");
        assert_eq!(row(Workload::Counter, unsynced, exact), "FT");
        let deletes = [Claim::DeletesStayDeleted, Claim::NoResurrection];
        let forgotten = Settings {
            tombstones: Tombstones::Forgotten,
            ..blocking
        };
        assert_eq!(row(Workload::Deletes, blocking, deletes), "TT", "S32");
        assert_eq!(row(Workload::Deletes, forgotten, deletes), "FF", "S31");
        assert_eq!(row(Workload::Set, forgotten, deletes), "FF");
        let reads = [Claim::FreshReads, Claim::Linearizable, Claim::MonotonicReads];
        assert_eq!(row(Workload::Deletes, blocking, reads), "TTT");
        assert_eq!(
            row(Workload::Deletes, forgotten, reads),
            "FFF",
            "X3, X11: it is read again"
        );
        assert_eq!(row(Workload::Register, forgotten, reads), "TTT", "nothing is deleted");
        let outlived = Settings {
            tombstones: Tombstones::Outlived,
            ..blocking
        };
        assert_eq!(row(Workload::Set, outlived, deletes), "FF");
    }

    /// What nothing makes atomic is claimed where there is nothing to be atomic over; and appends as they are made, nowhere.
    #[test]
    fn transactions_are_claimed_where_they_are_steps_of_linearizable_keys() {
        let columns = [
            Claim::NoValueFromNowhere,
            Claim::NoFailedWriteVisible,
            Claim::StrictSerializable,
            Claim::DurableAcks,
            Claim::Converges,
        ];
        let steps = |txn_length, r, w, read_repair| Settings {
            txn_length,
            ..Settings::strict(3, r, w, read_repair)
        };
        let blocking = ReadRepair::Blocking;
        for (workload, settings, expected) in [
            (Workload::Txn, steps(1, 2, 2, blocking), "TTTTT"),
            (Workload::Txn, steps(2, 2, 2, blocking), "TTFTT"),
            (Workload::Txn, steps(1, 1, 1, blocking), "TTFTT"),
            (Workload::Txn, steps(1, 2, 2, ReadRepair::Off), "TTFTT"),
            (Workload::Append, steps(1, 2, 2, blocking), "TTFFT"),
            (Workload::Append, steps(4, 3, 3, blocking), "TTFFT"),
        ] {
            assert_eq!(row(workload, settings, columns), expected, "{workload:?}, {settings:?}");
        }
        let skewed = Settings {
            clocks_are_skewed: true,
            ..steps(1, 2, 2, blocking)
        };
        assert_eq!(
            row(Workload::Txn, skewed, columns),
            "TTFFT",
            "registers: a write may be below another"
        );
        let abd = Settings {
            write_path: WritePath::Abd,
            ..skewed
        };
        assert_eq!(row(Workload::Txn, abd, columns), "TTTTT");
        let order = [Claim::KeysInOrder];
        assert_eq!(
            row(Workload::Txn, steps(4, 2, 2, blocking), order),
            "T",
            "however many steps"
        );
        assert_eq!(row(Workload::Txn, skewed, order), "F");
    }

    #[test]
    fn of_keys_no_more_is_assumed_than_is_claimed_of_them() {
        let assumed = |r, w, read_repair| {
            let keys = keys_of(Settings::strict(3, r, w, read_repair));
            (keys.writes_follow_reads, keys.sequential, keys.linearizable)
        };
        assert_eq!(assumed(2, 2, ReadRepair::Blocking), (true, true, true));
        assert_eq!(assumed(2, 2, ReadRepair::Off), (true, false, false));
        assert_eq!(assumed(1, 1, ReadRepair::Off), (true, false, false));
    }
}
