//! The models by name, as the command line has them.

use super::{
    budget::Budget,
    check,
    models::{Mutex, Register},
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
    /// A lock.
    Mutex,
}

impl ModelKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Register, Self::CasRegister, Self::Mutex];

    /// Returns the name that the command line uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CasRegister => "cas-register",
            Self::Mutex => "mutex",
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
    match kind {
        ModelKind::Register | ModelKind::CasRegister => {
            let model = Register {
                init: init.clone(),
                nil: *nil,
            };
            check(transcript, &model, budget, context)
        }
        ModelKind::Mutex => check(transcript, &Mutex, budget, context),
    }
}
