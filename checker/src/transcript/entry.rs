//! One entry: a call's invocation or its completion, as any format of histories gives it.
//!
//! The shape is Jepsen's (`jepsen.history`, "Op"), every field but the kind optional, and every value a [`Datum`].

use serde_json::Value;

use super::draft::{Draft, cut};
use crate::{
    datum::{self, Datum},
    history::{Event, EventKind, Function, Phase, Process, Version},
};

/// An invocation or a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the whole history, where the format gives one.
    pub index: Option<u64>,
    /// Nanoseconds since the start of the run, where they are known.
    pub time_ns: Option<u64>,
    /// Who acts, where it is said.
    pub process: Option<Process>,
    /// Invocation, or which completion.
    pub kind: EventKind,
    /// What is done, such as `read` or `enqueue`; empty where it is not said.
    pub function: Box<str>,
    /// The key it is done to, where the format has a field for it.
    pub key: Option<Datum>,
    /// Asked, or answered.
    pub value: Datum,
    /// The node that was asked.
    pub node: Option<Box<str>>,
    /// The consistency level asked for.
    pub level: Option<Box<str>>,
    /// The store's version of what was written or returned.
    pub version: Option<Version>,
    /// Of a look at a replica: when in the run.
    pub phase: Option<Phase>,
    /// What the client had read and overwrites.
    pub seen: Option<Box<[Datum]>>,
    /// Why it failed, or why its outcome is not known.
    pub error: Option<Datum>,
}

/// A value is not an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is no map of fields.
    #[error("an op is a map, not {0}")]
    NotAMap(String),
    /// A field holds what it can't.
    #[error(":{field} can't be {value}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it holds, as EDN.
        value: String,
    },
    /// It does not say whether it is an invocation or which completion.
    #[error("it has no :type, which is :invoke, :ok, :fail or :info")]
    NoType,
    /// A read or write of a key that does not say which, where histories of keys are asked for.
    #[error("it has no key")]
    NoKey,
    /// A function that histories of keys don't have.
    #[error("{0:?} is no function of a history of keys")]
    NotOfKeys(String),
    /// It does not say who acts, where that has to be known.
    #[error("it has no :process")]
    NoProcess,
}

impl Entry {
    /// Returns an entry of this kind, function and value, and nothing else.
    pub fn new(kind: EventKind, function: impl Into<Box<str>>, value: Datum) -> Self {
        Self {
            index: None,
            time_ns: None,
            process: None,
            kind,
            function: function.into(),
            key: None,
            value,
            node: None,
            level: None,
            version: None,
            phase: None,
            seen: None,
            error: None,
        }
    }

    /// Takes a map of fields, as EDN or JSON have it. Fields that it does not know are passed over.
    ///
    /// # Errors
    /// It is no map, has no type, or a field holds what it can't.
    pub fn from_map(map: Datum) -> Result<Self, EntryError> {
        let Datum::Map(fields) = map else {
            return Err(EntryError::NotAMap(cut(&map)));
        };
        let mut draft = Draft::default();
        for (name, value) in fields {
            if let Some(name) = name.as_name() {
                draft.set(name, value)?;
            }
        }
        draft.finish()
    }

    /// Returns the entry as an event of a history of keys, under `index` where it has none of its own.
    ///
    /// # Errors
    /// It lacks what every event has, or its function is of something else.
    pub fn to_event(&self, index: u64) -> Result<Event, EntryError> {
        let function = Function::ALL.into_iter().find(|it| it.name() == &*self.function);
        let key = self.key.as_ref().ok_or(EntryError::NoKey)?;
        let seen = self.seen.as_ref();
        Ok(Event {
            index: self.index.unwrap_or(index),
            time_ns: self.time_ns.unwrap_or(0),
            process: self.process.clone().ok_or(EntryError::NoProcess)?,
            kind: self.kind,
            function: function.ok_or_else(|| EntryError::NotOfKeys(self.function.to_string()))?,
            key: key.as_name().map_or_else(|| key.to_string(), str::to_owned),
            value: self.value.to_json(),
            seen: seen.map(|seen| seen.iter().map(Datum::to_json).collect()),
            node: self.node.as_deref().map(str::to_owned),
            level: self.level.as_deref().map(str::to_owned),
            version: self.version.clone(),
            phase: self.phase,
            error: self.error.as_ref().map(|error| match error {
                Datum::Text(text) => text.to_string(),
                other => other.to_string(),
            }),
        })
    }

    /// Returns the entry as a map of fields, with those that it has.
    pub fn to_map(&self) -> Datum {
        let fields = self.fields().into_iter();
        Datum::map(fields.filter_map(|(name, value)| Some((Datum::Keyword(name.into()), value?))))
    }

    /// Returns the fields of EDN by name, in the order in which [`Event::to_line`] has them; none where the entry does not say.
    pub(crate) fn fields(&self) -> [(&'static str, Option<Datum>); Draft::FIELDS.len()] {
        let text = |text: &Option<Box<str>>| text.as_deref().map(Datum::from);
        [
            ("index", self.index.map(number)),
            ("time", self.time_ns.map(number)),
            ("process", self.process.as_ref().map(process_datum)),
            ("type", Some(name(self.kind.name()))),
            ("f", Some(name(&self.function)).filter(|_| !self.function.is_empty())),
            ("key", self.key.clone()),
            ("value", Some(self.value.clone())),
            ("seen", self.seen.clone().map(Datum::List)),
            ("node", text(&self.node)),
            ("level", text(&self.level)),
            ("version", self.version.as_ref().map(version_datum)),
            ("phase", self.phase.map(|phase| name(phase.name()))),
            ("error", self.error.clone()),
        ]
    }
}

impl From<&Event> for Entry {
    fn from(event: &Event) -> Self {
        Self {
            index: Some(event.index),
            time_ns: Some(event.time_ns),
            process: Some(event.process.clone()),
            kind: event.kind,
            function: event.function.name().into(),
            key: Some(Datum::from(event.key.as_str())),
            value: Datum::from(&event.value),
            node: event.node.as_deref().map(Into::into),
            level: event.level.as_deref().map(Into::into),
            version: event.version.clone(),
            phase: event.phase,
            seen: event
                .seen
                .as_ref()
                .map(|seen| seen.iter().map(|value: &Value| Datum::from(value)).collect()),
            error: event.error.as_deref().map(Datum::from),
        }
    }
}

fn number(number: u64) -> Datum {
    i64::try_from(number).map_or_else(|_| Datum::Number(number.to_string().into()), Datum::Int)
}

/// Returns a keyword of this name, or a text if no keyword can be so named.
fn name(name: &str) -> Datum {
    if datum::is_word(name) {
        Datum::Keyword(name.into())
    } else {
        Datum::from(name)
    }
}

fn process_datum(process: &Process) -> Datum {
    match process {
        Process::Client(client) => Datum::Int(*client),
        Process::Other(other) => name(other),
    }
}

fn version_datum(version: &Version) -> Datum {
    match version {
        Version::Integer(integer) => number(*integer),
        Version::Text(text) => Datum::from(text.as_str()),
    }
}
