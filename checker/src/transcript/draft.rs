//! An entry as its fields come in, in whatever order a format has them.

use super::entry::{Entry, EntryError};
use crate::{
    datum::Datum,
    history::{EventKind, Phase, Process, Version},
};

/// An entry that is being read.
#[derive(Debug)]
pub(crate) struct Draft {
    entry: Entry,
    kind: Option<EventKind>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            entry: Entry::new(EventKind::Invoke, "", Datum::Nil),
            kind: None,
        }
    }
}

impl Draft {
    /// What fields there are, most frequent first.
    pub(crate) const FIELDS: [&'static str; 13] = [
        "index", "time", "process", "type", "f", "key", "value", "node", "level", "version", "phase", "seen", "error",
    ];

    /// Takes in a field. One that no entry has is passed over.
    pub(crate) fn set(&mut self, name: &str, value: Datum) -> Result<(), EntryError> {
        let entry = &mut self.entry;
        match name {
            "type" => self.kind = Some(named(&value, "type", kind_of)?),
            "index" => entry.index = natural(&value, "index")?,
            "time" => entry.time_ns = natural(&value, "time")?,
            "process" => entry.process = process(value)?,
            "f" => entry.function = optional(value, |it| name_of(it, "f"))?.unwrap_or_default(),
            "key" => entry.key = Some(value).filter(|key| !key.is_nil()),
            "value" => entry.value = value,
            "node" => entry.node = optional(value, |it| name_of(it, "node"))?,
            "level" => entry.level = optional(value, |it| name_of(it, "level"))?,
            "version" => entry.version = optional(value, version)?,
            "phase" => entry.phase = optional(value, |it| named(&it, "phase", phase_of))?,
            "seen" => entry.seen = optional(value, list)?,
            "error" => entry.error = Some(value).filter(|error| !error.is_nil()),
            _ => {}
        }
        Ok(())
    }

    /// Takes in a field that is a name, and returns whether there is such a field.
    pub(crate) fn set_name(&mut self, name: &str, value: &str) -> Result<bool, EntryError> {
        match name {
            "f" => self.entry.function = value.into(),
            "type" => {
                let kind = kind_of(value).ok_or_else(|| field_error("type", &Datum::Keyword(value.into())))?;
                self.kind = Some(kind);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the entry of all fields so far.
    pub(crate) fn finish(self) -> Result<Entry, EntryError> {
        let kind = self.kind.ok_or(EntryError::NoType)?;
        Ok(Entry { kind, ..self.entry })
    }
}

fn field_error(field: &'static str, value: &Datum) -> EntryError {
    EntryError::Field {
        field,
        value: cut(value),
    }
}

/// Returns the beginning of `value` as EDN: enough to find it by.
pub(super) fn cut(value: &Datum) -> String {
    const LENGTH_MAX: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LENGTH_MAX) {
        None => text,
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

fn optional<T>(value: Datum, read: impl FnOnce(Datum) -> Result<T, EntryError>) -> Result<Option<T>, EntryError> {
    if value.is_nil() {
        Ok(None)
    } else {
        read(value).map(Some)
    }
}

fn name_of(value: Datum, field: &'static str) -> Result<Box<str>, EntryError> {
    match value {
        Datum::Text(name) | Datum::Keyword(name) | Datum::Symbol(name) => Ok(name),
        other => Err(field_error(field, &other)),
    }
}

fn named<T>(value: &Datum, field: &'static str, find: impl FnOnce(&str) -> Option<T>) -> Result<T, EntryError> {
    value.as_name().and_then(find).ok_or_else(|| field_error(field, value))
}

fn kind_of(name: &str) -> Option<EventKind> {
    let kinds = [EventKind::Invoke, EventKind::Ok, EventKind::Fail, EventKind::Info];
    kinds.into_iter().find(|kind| kind.name() == name)
}

fn phase_of(name: &str) -> Option<Phase> {
    [Phase::Handoff, Phase::Final].into_iter().find(|it| it.name() == name)
}

/// Returns a number that is not negative; -1 stands for one that is not known.
fn natural(value: &Datum, field: &'static str) -> Result<Option<u64>, EntryError> {
    match value {
        Datum::Nil | Datum::Int(-1) => Ok(None),
        Datum::Int(int) => u64::try_from(*int).map(Some).map_err(|_| field_error(field, value)),
        Datum::Number(digits) => digits.parse().map(Some).map_err(|_| field_error(field, value)),
        _ => Err(field_error(field, value)),
    }
}

fn process(value: Datum) -> Result<Option<Process>, EntryError> {
    // JSON's producers write numbers as texts at times; a client must not be taken for a nemesis.
    let client = match &value {
        Datum::Nil => return Ok(None),
        Datum::Int(client) => Some(*client),
        Datum::Text(name) => name.parse().ok(),
        _ => None,
    };
    match client {
        Some(client) => Ok(Some(Process::Client(client))),
        None => name_of(value, "process").map(|name| Some(Process::Other(name.into()))),
    }
}

fn version(value: Datum) -> Result<Version, EntryError> {
    match value {
        Datum::Int(int) => u64::try_from(int)
            .map(Version::Integer)
            .map_err(|_| field_error("version", &value)),
        Datum::Number(digits) => digits
            .parse()
            .map(Version::Integer)
            .map_err(|_| field_error("version", &Datum::Number(digits))),
        other => name_of(other, "version").map(|name| Version::Text(name.into())),
    }
}

fn list(value: Datum) -> Result<Box<[Datum]>, EntryError> {
    match value {
        Datum::List(items) | Datum::Set(items) => Ok(items),
        other => Err(field_error("seen", &other)),
    }
}
