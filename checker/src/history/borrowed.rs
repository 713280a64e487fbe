//! An event whose texts lie elsewhere, as in the line that it was read from: what a builder takes without copying.

use std::fmt;

use serde_json::Value;

use super::event::{Event, EventKind, Function, Phase, Process, Version};

/// An [`Event`] as far as a history is made of it, borrowing its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// The event's number in its file.
    pub index: u64,
    /// Nanoseconds since the start of the run.
    pub time_ns: u64,
    /// Who acts.
    pub process: ProcessRef<'a>,
    /// Invocation, or which completion.
    pub kind: EventKind,
    /// What is done.
    pub function: Function,
    /// The key it is done to.
    pub key: &'a str,
    /// Written or returned; null where there is nothing, or nothing yet.
    pub value: ValueRef<'a>,
    /// Of the invocation of a write: the values that its client had read and now overwrites.
    pub seen: &'a [Value],
    /// The coordinator, or the replica looked at.
    pub node: Option<&'a str>,
    /// The store's version of what was written or returned.
    pub version: Option<VersionRef<'a>>,
    /// Of a look at a replica: when in the run.
    pub phase: Option<Phase>,
}

/// A [`Process`], borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessRef<'a> {
    /// A client, and so a session.
    Client(i64),
    /// Anything else, such as an observer of replicas.
    Other(&'a str),
}

/// A JSON value, borrowed. The same value always has the same form: [`ValueRef::from`] takes the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueRef<'a> {
    /// Nothing there.
    Null,
    /// An integer of 64 bits.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// Anything else.
    Json(&'a Value),
}

/// A [`Version`], borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionRef<'a> {
    /// Ordered as numbers.
    Integer(u64),
    /// Ordered bytewise.
    Text(&'a str),
}

impl<'a> From<&'a Event> for EventRef<'a> {
    // Each event of a run is pushed so, from another crate.
    #[inline]
    fn from(event: &'a Event) -> Self {
        Self {
            index: event.index,
            time_ns: event.time_ns,
            process: (&event.process).into(),
            kind: event.kind,
            function: event.function,
            key: &event.key,
            value: (&event.value).into(),
            seen: event.seen.as_deref().unwrap_or_default(),
            node: event.node.as_deref(),
            version: event.version.as_ref().map(Into::into),
            phase: event.phase,
        }
    }
}

impl<'a> From<&'a Process> for ProcessRef<'a> {
    fn from(process: &'a Process) -> Self {
        match process {
            Process::Client(client) => Self::Client(*client),
            Process::Other(name) => Self::Other(name),
        }
    }
}

impl From<ProcessRef<'_>> for Process {
    fn from(process: ProcessRef<'_>) -> Self {
        match process {
            ProcessRef::Client(client) => Self::Client(client),
            ProcessRef::Other(name) => Self::Other(name.to_owned()),
        }
    }
}

impl ValueRef<'_> {
    /// Returns whether there is nothing.
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::String(text) => Self::Text(text),
            _ => value.as_i64().map_or(Self::Json(value), Self::Integer),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Text(text) => text.into(),
            ValueRef::Json(value) => value.clone(),
        }
    }
}

impl fmt::Display for ValueRef<'_> {
    /// Writes the value as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::from(*self).fmt(f)
    }
}

impl<'a> From<&'a Version> for VersionRef<'a> {
    fn from(version: &'a Version) -> Self {
        match version {
            Version::Integer(number) => Self::Integer(*number),
            Version::Text(text) => Self::Text(text),
        }
    }
}

impl From<VersionRef<'_>> for Version {
    fn from(version: VersionRef<'_>) -> Self {
        match version {
            VersionRef::Integer(number) => Self::Integer(number),
            VersionRef::Text(text) => Self::Text(text.to_owned()),
        }
    }
}
