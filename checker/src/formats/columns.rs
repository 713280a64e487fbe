//! Ops in columns: Jepsen's `history.txt`, and logs of Jepsen's where these columns follow the logger's prefix, as in
//! Porcupine's etcd logs.
//!
//! The columns are process, type, function, value and error; all but the error are EDN.

use super::{
    error::ReadError,
    part::{Line, LineError, Output, ParseLine},
};
use crate::{
    datum::{Datum, Forms},
    history::EventKind,
    transcript::{Draft, Entry, EntryError},
};

/// Parses lines of columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns(pub(super) Dialect);

/// What lines look like, and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The columns alone.
    HistoryTxt,
    /// The columns behind a prefix, among lines of other loggers.
    EtcdLog,
}

impl ParseLine for Columns {
    fn may_be_torn(&self, _line: &[u8]) -> bool {
        true
    }

    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError> {
        let columns = match self.0 {
            Dialect::HistoryTxt => Some(line.bytes),
            Dialect::EtcdLog => behind_prefix(line.bytes)?,
        };
        let Some(columns) = columns else {
            return Ok(());
        };
        let Some(entry) = entry(columns)? else {
            return Ok(());
        };
        let line = line.number;
        let entry = entry.map_err(|why| ReadError::Entry { line, why })?;
        let entry = match self.0 {
            Dialect::HistoryTxt => entry,
            Dialect::EtcdLog => as_etcd_means(entry),
        };
        Ok(output.entry(line, entry)?)
    }
}

/// Returns what the logger of ops logged, or nothing if the line is another logger's.
pub(super) fn behind_prefix(line: &[u8]) -> Result<Option<&[u8]>, LineError> {
    const LOGGER: &[u8] = b"jepsen.util";
    const LEVELS: [&[u8]; 6] = [b"TRACE", b"DEBUG", b"INFO", b"WARN", b"ERROR", b"FATAL"];
    if let Some(at) = line.windows(LOGGER.len()).position(|it| it == LOGGER) {
        let rest = &line[at + LOGGER.len()..];
        if let Some(columns) = rest.strip_prefix(b" - ").or(rest.strip_prefix(b": ")) {
            return Ok(Some(columns.trim_ascii_start()));
        }
    }
    let mut words = line.split(|byte| byte.is_ascii_whitespace());
    if words.any(|word| LEVELS.contains(&word)) {
        return Ok(None);
    }
    Err(LineError::Malformed(
        "no line of Jepsen's log, such as \"INFO  jepsen.util - 3 :invoke :cas [1 4]\"".into(),
    ))
}

/// Returns what the columns say, or nothing if they are a comment.
fn entry(columns: &[u8]) -> Result<Option<Result<Entry, EntryError>>, LineError> {
    let mut forms = Forms::new(columns);
    let Some(process) = forms.next_form()? else {
        return Ok(None);
    };
    let (Some(kind), Some(function)) = (forms.next_form()?, forms.next_form()?) else {
        let why = "too few columns: there are process, :type and :f, then the value and an error";
        return Err(LineError::Malformed(why.into()));
    };
    let value = forms.next_form()?.unwrap_or_default();
    let error = rest(&columns[forms.at()..]);
    let mut draft = Draft::default();
    let fields = [
        ("process", process),
        ("type", kind),
        ("f", function),
        ("value", value),
        ("error", error),
    ];
    let set = fields.into_iter().try_for_each(|(name, value)| draft.set(name, value));
    Ok(Some(set.and_then(|()| draft.finish()).map(with_error)))
}

/// Returns the last column, which is EDN or, as Jepsen prints a text there without quotes, a text.
fn rest(bytes: &[u8]) -> Datum {
    let bytes = bytes.trim_ascii();
    let mut forms = Forms::new(bytes);
    match (forms.next_form(), forms.next_form()) {
        (Ok(None), _) => Datum::Nil,
        (Ok(Some(form)), Ok(None)) => form,
        _ => Datum::from(&*String::from_utf8_lossy(bytes)),
    }
}

/// Older versions of Jepsen give the error in place of the value.
fn with_error(mut entry: Entry) -> Entry {
    let is_unhappy = matches!(entry.kind, EventKind::Info | EventKind::Fail);
    if is_unhappy && entry.error.is_none() && entry.value.as_name() == Some("timed-out") {
        entry.error = Some(std::mem::take(&mut entry.value));
    }
    entry
}

/// Returns what the entry says in the logs of etcd's test: there a read that timed out is logged as failed, and a
/// compare-and-set as failed when the store answered that it had compared, and found another value.
fn as_etcd_means(entry: Entry) -> Entry {
    match (entry.kind, &*entry.function, &entry.error) {
        (EventKind::Fail, _, Some(error)) if error.as_name() == Some("timed-out") => Entry {
            kind: EventKind::Info,
            ..entry
        },
        (EventKind::Fail, "cas", None) => Entry {
            kind: EventKind::Ok,
            value: Datum::Bool(false),
            ..entry
        },
        _ => entry,
    }
}
