//! One event: an op's invocation or its completion, one line of `history.jsonl`.
//!
//! The shape is Jepsen's (`jepsen.history`, "Op"), with `node`, `level`, `version`, `phase` and `error` added. This is
//! the record as its producer writes it; what events mean together is [`HistoryBuilder`](super::HistoryBuilder)'s to
//! say.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An invocation or a completion.
///
/// Plain data: begin with [`Event::read`], [`Event::write`] or [`Event::read_replica`], complete it with
/// [`Event::completion`], and fill in the rest by struct update.
///
/// ```
/// use quorate_checker::{Event, EventKind};
///
/// let invocation = Event { index: 0, time_ns: 123, ..Event::write(0, "k17", 42) };
/// let completion = Event {
///     index: 1,
///     time_ns: 456,
///     node: Some("n2".into()),
///     version: Some(7.into()),
///     ..invocation.completion(EventKind::Ok)
/// };
/// assert_eq!(
///     completion.to_line(),
///     r#"{"index":1,"time":456,"process":0,"type":"ok","f":"write","key":"k17","value":42,"node":"n2","version":7}"#
/// );
/// assert_eq!(Event::parse(&completion.to_line()).unwrap(), completion);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The event's number in its file. Only evidence cites it: order is the order in which events are pushed.
    pub index: u64,
    /// Nanoseconds since the start of the run. Used in words and in spans of time, never for order.
    #[serde(rename = "time")]
    pub time_ns: u64,
    /// Who acts.
    pub process: Process,
    /// Invocation, or which completion.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// What is done.
    #[serde(rename = "f")]
    pub function: Function,
    /// The key it is done to.
    pub key: String,
    /// Written or returned; null where there is nothing, or nothing yet. Of siblings and sets, a read returns a list. Of a
    /// compare-and-set, what the key has to hold and what it then holds; of one that ended well because it found something
    /// else, false.
    #[serde(default)]
    pub value: Value,
    /// Of the invocation of a write, delete or remove: the values that its client had read and now overwrites, as the
    /// context that it hands back tells the store. None, as an empty list, is a write that knows of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Vec<Value>>,
    /// The coordinator, or the replica looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The consistency level asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The store's version of what was written or returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Of a look at a replica: when in the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Why it failed, or why its outcome is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Event {
    /// Returns the invocation of a read at index 0 and time 0.
    pub fn read(process: impl Into<Process>, key: impl Into<String>) -> Self {
        Self::invocation(process.into(), Function::Read, key.into())
    }

    /// Returns the invocation of a write at index 0 and time 0.
    pub fn write(process: impl Into<Process>, key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            value: value.into(),
            ..Self::invocation(process.into(), Function::Write, key.into())
        }
    }

    /// Returns the invocation of a delete at index 0 and time 0.
    pub fn delete(process: impl Into<Process>, key: impl Into<String>) -> Self {
        Self::invocation(process.into(), Function::Delete, key.into())
    }

    /// Returns the invocation of a compare-and-set at index 0 and time 0: to `new`, if the key holds `old`.
    pub fn cas(
        process: impl Into<Process>,
        key: impl Into<String>,
        old: impl Into<Value>,
        new: impl Into<Value>,
    ) -> Self {
        Self {
            value: Value::Array(vec![old.into(), new.into()]),
            ..Self::invocation(process.into(), Function::Cas, key.into())
        }
    }

    /// Returns the invocation of the adding of an element to a set at index 0 and time 0.
    pub fn add(process: impl Into<Process>, key: impl Into<String>, element: impl Into<Value>) -> Self {
        Self {
            value: element.into(),
            ..Self::invocation(process.into(), Function::Add, key.into())
        }
    }

    /// Returns the invocation of the removal of an element from a set at index 0 and time 0; `seen` is still to be
    /// filled in.
    pub fn remove(process: impl Into<Process>, key: impl Into<String>, element: impl Into<Value>) -> Self {
        Self {
            value: element.into(),
            ..Self::invocation(process.into(), Function::Remove, key.into())
        }
    }

    /// Returns the invocation of the increment of a counter at index 0 and time 0.
    pub fn increment(process: impl Into<Process>, key: impl Into<String>, delta: i64) -> Self {
        Self {
            value: delta.into(),
            ..Self::invocation(process.into(), Function::Increment, key.into())
        }
    }

    /// Returns the invocation of a look at one replica's own copy at index 0 and time 0; `node` and `phase` are still
    /// to be filled in.
    pub fn read_replica(process: impl Into<Process>, key: impl Into<String>) -> Self {
        Self::invocation(process.into(), Function::ReadReplica, key.into())
    }

    /// Returns this event as another kind, all else equal: from an invocation, its completion.
    pub fn completion(&self, kind: EventKind) -> Self {
        Self { kind, ..self.clone() }
    }

    /// Reads one line of JSON. Keys that it does not know are ignored.
    ///
    /// # Errors
    /// The line is not JSON, or lacks what every event has.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        Ok(serde_json::from_str(line)?)
    }

    /// Returns the event as one line of JSON, without the line end.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("an event holds strings, numbers and JSON, which all have a JSON form")
    }

    fn invocation(process: Process, function: Function, key: String) -> Self {
        Self {
            index: 0,
            time_ns: 0,
            process,
            kind: EventKind::Invoke,
            function,
            key,
            value: Value::Null,
            seen: None,
            node: None,
            level: None,
            version: None,
            phase: None,
            error: None,
        }
    }
}

/// A line is not an event. Nothing was recorded of it; the file is not a history, or is damaged there.
#[derive(Debug, thiserror::Error)]
#[error("parse an event from its line: {0}")]
pub struct LineError(#[from] serde_json::Error);

/// Who acts: one thread of control, which has at most one op open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Process {
    /// A client, and so a session.
    Client(i64),
    /// Anything else, such as an observer of replicas.
    Other(String),
}

impl From<i64> for Process {
    fn from(client: i64) -> Self {
        Self::Client(client)
    }
}

impl From<&str> for Process {
    fn from(name: &str) -> Self {
        Self::Other(name.to_owned())
    }
}

impl fmt::Display for Process {
    /// Writes a client as `p3`, any other by its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(f, "p{client}"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// An invocation, or how an op ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The op begins.
    Invoke,
    /// It happened.
    Ok,
    /// It surely did not happen, and never will.
    Fail,
    /// It may have happened, may yet happen at any later time, or never.
    Info,
}

impl EventKind {
    /// Returns the word that lines use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// What an op does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// Read a key through a coordinator.
    Read,
    /// Write a register, or one sibling of it, through a coordinator.
    Write,
    /// Delete what a register holds, or the siblings seen: a write of nothing.
    Delete,
    /// Add an element to a set.
    Add,
    /// Remove an element from a set, as far as it was seen.
    Remove,
    /// Add a number, which may be negative, to a counter.
    Increment,
    /// Compare what a register holds, and set it if it is what was expected.
    Cas,
    /// Look at one replica's own copy: no quorum, no repair.
    ReadReplica,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 8] = [
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Add,
        Self::Remove,
        Self::Increment,
        Self::Cas,
        Self::ReadReplica,
    ];

    /// Returns whether it changes a key, or is meant to.
    pub fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::ReadReplica)
    }

    /// Returns whether its invocation names a value.
    pub fn takes_value(self) -> bool {
        self.is_write() && self != Self::Delete
    }

    /// Returns the word that lines use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Increment => "increment",
            Self::Cas => "cas",
            Self::ReadReplica => "read-replica",
        }
    }
}

/// When in a run a replica is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Faults are healed and hints delivered; nothing else has repaired the replicas yet.
    Handoff,
    /// The store has had its time to converge.
    Final,
}

impl Phase {
    /// Returns the word that lines use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Handoff => "handoff",
            Self::Final => "final",
        }
    }
}

/// A version as the store reports it. Opaque: all that counts is that a greater one overwrites a lesser one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Version {
    /// Ordered as numbers.
    Integer(u64),
    /// Ordered bytewise; producers pad numbers with zeros.
    Text(String),
}

impl From<u64> for Version {
    fn from(version: u64) -> Self {
        Self::Integer(version)
    }
}

impl From<&str> for Version {
    fn from(version: &str) -> Self {
        Self::Text(version.to_owned())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(version) => version.fmt(f),
            Self::Text(version) => version.fmt(f),
        }
    }
}
