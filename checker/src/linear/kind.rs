//! The models by name, as the command line has them.

use super::{
    budget::Budget,
    check,
    models::{Counter, Kv, Mutex, Queue, QueueOrder, Register, Registers, Set},
};
use crate::{
    datum::Datum,
    evidence::{Context, Finding},
    transcript::Transcript,
};

/// A model that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// Reads and writes of one value.
    Register,
    /// The same with compare-and-set.
    CasRegister,
    /// Several registers, read and written together.
    MultiRegister,
    /// A lock.
    Mutex,
    /// A bag of what was put in and not yet taken out.
    Queue,
    /// First in, first out.
    FifoQueue,
    /// Last in, first out.
    Stack,
    /// A set of elements.
    Set,
    /// A sum.
    Counter,
    /// Texts by key, to put and to append to.
    Kv,
}

impl ModelKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Register,
        Self::CasRegister,
        Self::MultiRegister,
        Self::Mutex,
        Self::Queue,
        Self::FifoQueue,
        Self::Stack,
        Self::Set,
        Self::Counter,
        Self::Kv,
    ];

    /// Returns the name that the command line uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CasRegister => "cas-register",
            Self::MultiRegister => "multi-register",
            Self::Mutex => "mutex",
            Self::Queue => "queue",
            Self::FifoQueue => "fifo-queue",
            Self::Stack => "stack",
            Self::Set => "set",
            Self::Counter => "counter",
            Self::Kv => "kv",
        }
    }

    /// Returns the model of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a completed read of nil says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nil {
    /// Nothing was there.
    #[default]
    Absent,
    /// The value is not known: such a read is always possible.
    Any,
}

/// What a named model leaves open.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// What a register holds at first, if it is not nil.
    pub init: Datum,
    /// What a completed read of nil says.
    pub nil: Nil,
    /// What the search may cost.
    pub budget: Budget<'a>,
}

/// Finds whether `transcript` is linearizable as the model of this name has it, as [`check`] does.
pub fn check_kind(transcript: &Transcript, kind: ModelKind, options: &Options<'_>, context: &Context) -> Finding {
    let Options { init, nil, budget } = options;
    let (init, nil) = (init.clone(), *nil);
    let queue = |order| check(transcript, &Queue { order, nil }, budget, context);
    match kind {
        ModelKind::Register | ModelKind::CasRegister => check(transcript, &Register { init, nil }, budget, context),
        ModelKind::MultiRegister => check(transcript, &Registers { init, nil }, budget, context),
        ModelKind::Mutex => check(transcript, &Mutex, budget, context),
        ModelKind::Queue => queue(QueueOrder::Unordered),
        ModelKind::FifoQueue => queue(QueueOrder::Fifo),
        ModelKind::Stack => queue(QueueOrder::Lifo),
        ModelKind::Set => check(transcript, &Set { nil }, budget, context),
        ModelKind::Counter => check(transcript, &Counter, budget, context),
        ModelKind::Kv => check(transcript, &Kv, budget, context),
    }
}
