//! What can be wrong with a history of transactions, by the names that Adya (1999) and Elle (Kingsbury and Alvaro, VLDB 2020) give.
//!
//! Cycles of dependencies are told apart by their anti-dependencies (rw), which are what weaker models allow more of, and by whether
//! they also need the order of sessions or of real time to close. All else is seen in one read, one transaction or one key.

/// An anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A cycle of dependencies.
    Cycle(Class, Closing),
    /// A read contradicts what its own transaction had read or written before.
    Internal,
    /// A read of what a failed transaction wrote.
    G1a,
    /// A read of what its writer overwrote within the same transaction.
    G1b,
    /// A read of what its own transaction writes only later.
    FutureRead,
    /// A committed transaction built upon what a failed one wrote.
    DirtyUpdate,
    /// A read has the same element twice, which was appended once.
    DuplicateElements,
    /// Two reads of a list, neither of which is the beginning of the other.
    IncompatibleOrder,
    /// A read of what nobody wrote.
    GarbageRead,
    /// The versions of a register precede each other in a circle.
    CyclicVersions,
    /// Two transactions read the same version of a key, and both wrote it.
    LostUpdate,
    /// A transaction read a key and wrote it, and others wrote it in between.
    GCursor,
    /// A transaction read what depends on a write, and later missed that write.
    GMonotonic,
    /// What transactions saw, each as it was committed at one moment, is of no one order of commits.
    NonPrefix,
    /// What the reads of transactions saw, one after another, is of no one order of commits.
    GMsr,
    /// The transactions that write, and one that only reads, miss each other's writes in a circle.
    GUpdate,
    /// A transaction saw one write of another transaction, and missed another write of it.
    FracturedRead,
    /// A transaction missed a write that is among the causes of what it read.
    MissedCause,
    /// As before, where what a session did before is a cause of what it does next.
    SessionMissedCause,
    /// No order of single reads and writes explains what was read, in real time.
    NotLinearizable,
    /// No order of single reads and writes explains what was read, session by session.
    NotSequential,
    /// No order of whole transactions explains what was read.
    NotViewSerializable,
    /// The same, where a store's replicas are to look like one.
    NotOneCopy,
    /// The same, where sessions keep their order.
    NotSessionSerializable,
    /// No order of all writes, each session's in its own, explains what one session read.
    NotPram,
    /// A session did not see what it had written.
    OwnWriteMissed,
    /// A session saw less of a key than it had seen before.
    NonMonotonicRead,
    /// A session's writes of a key are not in the order in which it made them.
    NonMonotonicWrite,
    /// A session wrote a key, and the write came before one that the session had read.
    WriteBeforeRead,
}

/// What a cycle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Writes over writes alone (ww).
    G0,
    /// Writes, and at least one read of a write (ww, wr).
    G1c,
    /// Just one read that missed a write (rw).
    GSingleItem,
    /// Several, none followed by another.
    GNonadjacentItem,
    /// Several, one followed by another.
    G2Item,
}

/// Which order a cycle needs beside the dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closing {
    /// None.
    Data,
    /// That of a session.
    Process,
    /// That of real time.
    Realtime,
}

impl Class {
    /// Every class, the gravest first.
    pub const ALL: [Self; 5] = [
        Self::G0,
        Self::G1c,
        Self::GSingleItem,
        Self::GNonadjacentItem,
        Self::G2Item,
    ];
}

impl Closing {
    /// Every way to close a cycle, that which takes the least first.
    pub const ALL: [Self; 3] = [Self::Data, Self::Process, Self::Realtime];
}

impl Anomaly {
    /// What breaks a guarantee of sessions, key by key.
    pub(super) const OF_SESSIONS: [Anomaly; 4] = [
        Anomaly::OwnWriteMissed,
        Anomaly::NonMonotonicRead,
        Anomaly::NonMonotonicWrite,
        Anomaly::WriteBeforeRead,
    ];

    /// Returns every anomaly.
    pub fn all() -> impl Iterator<Item = Self> {
        const OTHERS: [Anomaly; 28] = [
            Anomaly::Internal,
            Anomaly::G1a,
            Anomaly::G1b,
            Anomaly::FutureRead,
            Anomaly::DirtyUpdate,
            Anomaly::DuplicateElements,
            Anomaly::IncompatibleOrder,
            Anomaly::GarbageRead,
            Anomaly::CyclicVersions,
            Anomaly::LostUpdate,
            Anomaly::GCursor,
            Anomaly::GMonotonic,
            Anomaly::NonPrefix,
            Anomaly::GMsr,
            Anomaly::GUpdate,
            Anomaly::FracturedRead,
            Anomaly::MissedCause,
            Anomaly::SessionMissedCause,
            Anomaly::NotLinearizable,
            Anomaly::NotSequential,
            Anomaly::NotViewSerializable,
            Anomaly::NotOneCopy,
            Anomaly::NotSessionSerializable,
            Anomaly::NotPram,
            Anomaly::OwnWriteMissed,
            Anomaly::NonMonotonicRead,
            Anomaly::NonMonotonicWrite,
            Anomaly::WriteBeforeRead,
        ];
        let cycles = Closing::ALL
            .into_iter()
            .flat_map(|closing| Class::ALL.map(|class| Self::Cycle(class, closing)));
        cycles.chain(OTHERS)
    }

    /// Returns its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cycle(class, closing) => cycle_name(class, closing),
            Self::Internal => "internal",
            Self::G1a => "G1a",
            Self::G1b => "G1b",
            Self::FutureRead => "future-read",
            Self::DirtyUpdate => "dirty-update",
            Self::DuplicateElements => "duplicate-elements",
            Self::IncompatibleOrder => "incompatible-order",
            Self::GarbageRead => "garbage-read",
            Self::CyclicVersions => "cyclic-versions",
            Self::LostUpdate => "lost-update",
            Self::GCursor => "G-cursor",
            Self::GMonotonic => "G-monotonic",
            Self::NonPrefix => "non-prefix",
            Self::GMsr => "G-MSR",
            Self::GUpdate => "G-update",
            Self::FracturedRead => "fractured-read",
            Self::MissedCause => "missed-cause",
            Self::SessionMissedCause => "session-missed-cause",
            Self::NotLinearizable => "non-linearizable",
            Self::NotSequential => "non-sequential",
            Self::NotViewSerializable => "non-view-serializable",
            Self::NotOneCopy => "non-1SR",
            Self::NotSessionSerializable => "non-session-serializable",
            Self::NotPram => "non-PRAM",
            Self::OwnWriteMissed => "own-write-missed",
            Self::NonMonotonicRead => "non-monotonic-read",
            Self::NonMonotonicWrite => "non-monotonic-write",
            Self::WriteBeforeRead => "write-before-read",
        }
    }

    /// Returns whether this is an instance of `other`, or shows that there is one.
    pub fn implies(self, other: Self) -> bool {
        super::lattice::implied_by(self.name()).contains(&other.name())
    }

    /// Returns what must not happen, in a line that reads after "no".
    pub fn description(self) -> &'static str {
        match self {
            Self::Cycle(Class::G0, _) => "transactions write over each other in a circle",
            Self::Cycle(Class::G1c, _) => "transactions read from and write over each other in a circle",
            Self::Cycle(Class::GSingleItem, _) => "transaction misses a write and sees what follows from it",
            Self::Cycle(Class::GNonadjacentItem, _) => {
                "transactions miss each other's writes in a circle, each after seeing or overwriting another's"
            }
            Self::Cycle(Class::G2Item, _) => "transactions miss each other's writes in a circle",
            Self::Internal => "transaction contradicts itself",
            Self::G1a => "transaction reads what a failed one wrote",
            Self::G1b => "transaction reads what is half-way through another",
            Self::FutureRead => "transaction reads what it has yet to write",
            Self::DirtyUpdate => "committed write builds upon a failed one",
            Self::DuplicateElements => "list has an element twice",
            Self::IncompatibleOrder => "two reads of a list disagree on its order",
            Self::GarbageRead => "transaction reads what nobody wrote",
            Self::CyclicVersions => "versions of a key precede each other in a circle",
            Self::LostUpdate => "two transactions update the same version of a key",
            Self::GCursor => "key is written between a transaction's read and write of it",
            Self::GMonotonic => "transaction goes back in time between its reads",
            Self::NonPrefix => "two transactions see commits in different orders",
            Self::GMsr => "reads see commits in different orders",
            Self::GUpdate => "transaction misses what those that write can't have done in that order",
            Self::FracturedRead => "transaction sees only part of another",
            Self::MissedCause => "transaction sees an effect and misses its cause",
            Self::SessionMissedCause => {
                "transaction sees an effect, or follows it in its session, and misses its cause"
            }
            Self::NotLinearizable => "read or write is out of the order of real time",
            Self::NotSequential => "read or write is out of the order of sessions",
            Self::NotViewSerializable => "transaction reads what no order of transactions explains",
            Self::NotOneCopy => "transaction reads what one copy could not have held",
            Self::NotSessionSerializable => "transaction reads what no order explains that keeps that of sessions",
            Self::NotPram => "session reads what no order of all writes explains that keeps those of sessions",
            Self::OwnWriteMissed => "session misses its own write",
            Self::NonMonotonicRead => "session sees less of a key than before",
            Self::NonMonotonicWrite => "session's writes change places",
            Self::WriteBeforeRead => "session's write comes before what it had read",
        }
    }
}

fn cycle_name(class: Class, closing: Closing) -> &'static str {
    const NAMES: [[&str; 3]; 5] = [
        ["G0", "G0-process", "G0-realtime"],
        ["G1c", "G1c-process", "G1c-realtime"],
        ["G-single-item", "G-single-item-process", "G-single-item-realtime"],
        [
            "G-nonadjacent-item",
            "G-nonadjacent-item-process",
            "G-nonadjacent-item-realtime",
        ],
        ["G2-item", "G2-item-process", "G2-item-realtime"],
    ];
    NAMES[class as usize][closing as usize]
}
