//! One op: an invocation and its completion joined, with names as ids and its place in real time.

use super::{
    event::{EventKind, Function, Phase},
    id::{KeyId, NodeId, ProcessId, ValueId, VersionId},
};

/// What a client did, or an observer at one replica. It fills a line of the cache: histories hold tens of millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct Op {
    /// The `index` of the invocation.
    pub index: u64,
    /// Means something only if the op was completed.
    completion_index: u64,
    /// The invocation's time, in nanoseconds since the start of the run.
    pub start_ns: u64,
    /// Means something only if the op was completed.
    end_ns: u64,
    /// Who did it.
    pub process: ProcessId,
    /// To which key.
    pub key: KeyId,
    /// Written, or returned; nil where a read returned nothing or did not end well. Each delete writes a nothing of its
    /// own, which the reads of it return.
    pub value: ValueId,
    /// The coordinator, or the replica looked at.
    pub node: Option<NodeId>,
    /// What an ok completion said of the version of `value`.
    pub version: Option<VersionId>,
    /// Where the invocation stands among all events.
    pub start: Position,
    /// Where the completion stands; [`Position::NEVER`] for info, as it may yet take effect.
    pub end: Position,
    /// What was done.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    is_completed: bool,
    /// Whether the history has values that it had seen.
    pub(super) has_seen: bool,
}

/// When an op began and by whose hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invocation {
    pub(super) index: u64,
    pub(super) time_ns: u64,
    pub(super) position: Position,
    pub(super) process: ProcessId,
    pub(super) key: KeyId,
    pub(super) action: Action,
}

impl Op {
    /// Returns the op as long as nothing is heard of it; value, node and what it had seen are still to be filled in.
    pub(super) fn invoked(by: Invocation) -> Self {
        Self {
            index: by.index,
            completion_index: 0,
            start_ns: by.time_ns,
            end_ns: 0,
            process: by.process,
            key: by.key,
            value: ValueId::NIL,
            node: None,
            version: None,
            start: by.position,
            end: Position::NEVER,
            action: by.action,
            outcome: Outcome::Info,
            is_completed: false,
            has_seen: false,
        }
    }

    /// Notes that the event of `index` ended the op.
    pub(super) fn complete(&mut self, outcome: Outcome, index: u64, time_ns: u64, position: Position) {
        assert!(self.start < position, "a completion comes after its invocation");
        self.completion_index = index;
        self.end_ns = time_ns;
        self.is_completed = true;
        self.outcome = outcome;
        if outcome != Outcome::Info {
            self.end = position;
        }
    }

    /// Returns the `index` of the completion, if there was one.
    pub fn completion_index(&self) -> Option<u64> {
        self.is_completed.then_some(self.completion_index)
    }

    /// Returns the completion's time, of whatever kind it is, if there was one.
    pub fn end_ns(&self) -> Option<u64> {
        self.is_completed.then_some(self.end_ns)
    }

    /// Returns whether this is a read that returned.
    pub fn is_ok_read(&self) -> bool {
        self.action == Action::Read && self.outcome == Outcome::Ok
    }

    /// Returns whether this is a write, of whatever kind, that was acknowledged.
    pub fn is_acked_write(&self) -> bool {
        self.action.is_write() && self.outcome == Outcome::Ok
    }

    /// Returns whether this is a write of `value` that took effect or may have.
    pub(crate) fn is_writing(&self, value: ValueId) -> bool {
        self.is_possible_write() && self.value == value
    }

    /// Returns whether this is a write, of whatever kind, that surely did not happen.
    pub fn is_failed_write(&self) -> bool {
        self.action.is_write() && self.outcome == Outcome::Fail
    }

    /// Returns whether this is a write, of whatever kind, that took effect or may have: all but the failed.
    pub fn is_possible_write(&self) -> bool {
        self.action.is_write() && self.outcome != Outcome::Fail
    }
}

/// What an op does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A read through a coordinator.
    Read,
    /// A write through a coordinator.
    Write,
    /// A delete: a write of nothing.
    Delete,
    /// The adding of an element to a set.
    Add,
    /// The removal of an element from a set.
    Remove,
    /// An addition to a counter.
    Increment,
    /// A write that takes place only where a value is found that was expected: the one that it had seen.
    Cas,
    /// One that found something else, and so wrote nothing: as a write it failed.
    CasMismatch,
    /// A look at one replica's own copy.
    ReadReplica(Phase),
}

impl Action {
    /// Returns whether it changes a key, or is meant to: a write in the wide sense.
    pub fn is_write(self) -> bool {
        self.function().is_write()
    }

    /// Returns the function that events call it by.
    pub fn function(self) -> Function {
        match self {
            Self::Read => Function::Read,
            Self::Write => Function::Write,
            Self::Delete => Function::Delete,
            Self::Add => Function::Add,
            Self::Remove => Function::Remove,
            Self::Increment => Function::Increment,
            Self::Cas | Self::CasMismatch => Function::Cas,
            Self::ReadReplica(_) => Function::ReadReplica,
        }
    }
}

/// How an op ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It surely did not happen. A value that it meant to write must never be seen.
    Fail,
    /// Unknown. A write may take effect at any time after its start, or never; a read tells nothing.
    Info,
}

impl Outcome {
    /// Returns the word that lines use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

impl From<Outcome> for EventKind {
    /// Returns the completion that says so.
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Fail => Self::Fail,
            Outcome::Info => Self::Info,
        }
    }
}

/// A replica's own copy of a key, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The replica.
    pub node: NodeId,
    /// When in the run.
    pub phase: Phase,
    /// The look itself, always ok; `op.value` and `op.version` are what the replica held.
    pub op: Op,
}

/// A place in the order of all events, which is the order of real time.
///
/// No two events share one, so that of two ops either one ended before the other began, or they were concurrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u32);

impl Position {
    /// Before every event: where the initial state was written.
    pub const BEFORE_ALL: Self = Self(0);

    /// After every event: where an op ends that may yet take effect.
    pub const NEVER: Self = Self(u32::MAX);

    /// How many events have a place, and so how many a history can hold.
    pub const COUNT_MAX: usize = u32::MAX as usize - 1;

    /// Returns the place of the event that `event_count` others came before.
    pub(crate) fn after(event_count: usize) -> Self {
        assert!(event_count < Self::COUNT_MAX, "the builder refuses longer histories");
        Self(event_count as u32 + 1)
    }

    /// Returns the place of this number.
    pub(crate) fn at(number: u32) -> Self {
        Self(number)
    }

    /// Returns the place as a number, which is the greatest there is for [`Self::NEVER`].
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Returns where this is when `event_count` more events come before.
    pub(super) fn moved_by(self, event_count: usize) -> Self {
        match self {
            Self::NEVER => Self::NEVER,
            Self(place) => Self(place + event_count as u32),
        }
    }
}
