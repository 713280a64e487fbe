//! From text to events.

use serde_json::Value;

use super::cursor::Cursor;
use crate::history::{Event, EventKind, Function, History, HistoryBuilder, HistoryError, Phase, Process, Version};

/// Reads a history in the language of [this module](super).
///
/// # Errors
/// A line is not an op or an event, or the events are not a history. The first in the order of events is reported.
pub fn parse(text: &str) -> Result<History, TextError> {
    let mut builder = HistoryBuilder::new();
    for (line, event) in timed_events(text)? {
        builder.push(event).map_err(|error| TextError {
            line,
            problem: Problem::History(error),
        })?;
    }
    Ok(builder.finish())
}

/// Reads the events of a history in the language of [this module](super), in order, their `index` from 0.
///
/// # Errors
/// A line is not an op or an event. Whether the events are a history is not asked.
pub fn parse_events(text: &str) -> Result<Vec<Event>, TextError> {
    Ok(timed_events(text)?.into_iter().map(|(_, event)| event).collect())
}

/// A line of a text is wrong. Nothing of the text was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read line {line} of the history: {problem}")]
pub struct TextError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The line stops short of what it has to say, or says something else there.
    #[error("no {0} where one belongs")]
    Missing(&'static str),
    /// A word after all that a line can say.
    #[error("{0} is neither an outcome nor an attribute")]
    Unexpected(String),
    /// The span ends before it begins.
    #[error("the op ends before it begins")]
    Backwards,
    /// An op without an end has an outcome that only a completion can tell.
    #[error("an op whose end is open was never answered, so it is neither ok nor fail and returned nothing")]
    Unanswered,
    /// A read says neither what it returned nor that it failed or that nothing is known of it.
    #[error("a read returned something (`-> value`), or is `fail` or `info`")]
    NoReturn,
    /// The event can't follow those before it.
    #[error("{0}")]
    History(HistoryError),
}

/// Returns the events in order with the line of each.
fn timed_events(text: &str) -> Result<Vec<(usize, Event)>, TextError> {
    let mut events = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let cursor = Cursor::new(content);
        if content.starts_with(char::is_whitespace) && !cursor.is_empty() {
            let parsed = parse_line(cursor).map_err(|problem| TextError { line, problem })?;
            events.extend(parsed.into_iter().map(|event| (line, event)));
        }
    }
    events.sort_by_key(|(_, event): &(usize, Event)| (event.time_ns, event.kind != EventKind::Invoke));
    for (index, (_, event)) in (0..).zip(&mut events) {
        event.index = index;
    }
    Ok(events)
}

fn parse_line(mut cursor: Cursor<'_>) -> Result<Vec<Event>, Problem> {
    let when = cursor.word().ok_or(Problem::Missing("time"))?;
    match when.split_once("..") {
        None => Ok(vec![parse_event(cursor, parse_time(when)?)?]),
        Some((start, "")) => parse_op(cursor, parse_time(start)?, None),
        Some((start, end)) => parse_op(cursor, parse_time(start)?, Some(parse_time(end)?)),
    }
}

fn parse_event(mut cursor: Cursor<'_>, time_ns: u64) -> Result<Event, Problem> {
    let process = parse_process(&mut cursor)?;
    let kind = match cursor.word() {
        Some("invoke") => EventKind::Invoke,
        Some("ok") => EventKind::Ok,
        Some("fail") => EventKind::Fail,
        Some("info") => EventKind::Info,
        _ => return Err(Problem::Missing("type (invoke, ok, fail or info)")),
    };
    let (call, returned) = parse_call(&mut cursor, process)?;
    let value = returned.unwrap_or_else(|| call.value.clone());
    parse_attributes(
        cursor,
        Event {
            time_ns,
            kind,
            value,
            ..call
        },
    )
}

fn parse_op(mut cursor: Cursor<'_>, start_ns: u64, end_ns: Option<u64>) -> Result<Vec<Event>, Problem> {
    let process = parse_process(&mut cursor)?;
    let (call, returned) = parse_call(&mut cursor, process)?;
    let said = [EventKind::Ok, EventKind::Fail, EventKind::Info]
        .into_iter()
        .find(|kind| cursor.take(kind.name()));
    let all = parse_attributes(
        cursor,
        Event {
            time_ns: start_ns,
            ..call
        },
    )?;
    let invocation = Event {
        level: None,
        version: None,
        error: None,
        ..all.clone()
    };
    let Some(end_ns) = end_ns else {
        let is_open = returned.is_none() && matches!(said, None | Some(EventKind::Info));
        return if is_open {
            Ok(vec![invocation])
        } else {
            Err(Problem::Unanswered)
        };
    };
    if end_ns < start_ns {
        return Err(Problem::Backwards);
    }
    let kind = match (said, all.function, &returned) {
        (Some(EventKind::Ok) | None, Function::Read | Function::ReadReplica, None) => return Err(Problem::NoReturn),
        (said, ..) => said.unwrap_or(EventKind::Ok),
    };
    let value = returned.unwrap_or_else(|| all.value.clone());
    Ok(vec![
        invocation,
        Event {
            time_ns: end_ns,
            kind,
            value,
            seen: None,
            ..all
        },
    ])
}

/// Reads function, key and value into an invocation at time 0; what a read returned stands beside it.
fn parse_call(cursor: &mut Cursor<'_>, process: Process) -> Result<(Event, Option<Value>), Problem> {
    let mut functions = Function::ALL.into_iter();
    let function = functions.find(|function| cursor.take(function.name()));
    let function = function.ok_or(Problem::Missing("function (read, write, read-replica or another)"))?;
    let key = cursor.name().ok_or(Problem::Missing("key"))?;
    let value = if function.takes_value() {
        cursor.value().ok_or(Problem::Missing("value"))?
    } else {
        Value::Null
    };
    let call = Event {
        function,
        value,
        ..Event::read(process, key)
    };
    let returned = if (!function.is_write() || function == Function::Cas) && cursor.take("->") {
        Some(cursor.value().ok_or(Problem::Missing("value after ->"))?)
    } else {
        None
    };
    Ok((call, returned))
}

fn parse_attributes(mut cursor: Cursor<'_>, mut event: Event) -> Result<Event, Problem> {
    while !cursor.is_empty() {
        let here = cursor;
        let unexpected = || Problem::Unexpected({ here }.word().unwrap_or_default().to_owned());
        match cursor.attribute() {
            Some("node") => event.node = Some(cursor.name().ok_or(Problem::Missing("node"))?),
            Some("level") => event.level = Some(cursor.name().ok_or(Problem::Missing("level"))?),
            Some("error") => event.error = Some(cursor.name().ok_or(Problem::Missing("error"))?),
            Some("seen") => {
                let seen = cursor.value().and_then(|list| list.as_array().cloned());
                event.seen = Some(seen.ok_or(Problem::Missing("list of values seen"))?);
            }
            Some("version") => event.version = Some(parse_version(cursor.value())?),
            Some("phase") => {
                let mut phases = [Phase::Handoff, Phase::Final].into_iter();
                let phase = phases.find(|phase| cursor.take(phase.name()));
                event.phase = Some(phase.ok_or(Problem::Missing("phase (handoff or final)"))?);
            }
            _ => return Err(unexpected()),
        }
    }
    Ok(event)
}

fn parse_version(value: Option<Value>) -> Result<Version, Problem> {
    match value {
        Some(Value::Number(number)) if number.is_u64() => Ok(Version::Integer(number.as_u64().unwrap_or_default())),
        Some(Value::String(text)) => Ok(Version::Text(text)),
        _ => Err(Problem::Missing("version")),
    }
}

fn parse_process(cursor: &mut Cursor<'_>) -> Result<Process, Problem> {
    let is_quoted = cursor.is_quoted();
    let name = cursor.name().ok_or(Problem::Missing("process"))?;
    let client = name
        .strip_prefix('p')
        .and_then(|number| number.parse().ok())
        .filter(|_| !is_quoted);
    Ok(client.map_or(Process::Other(name), Process::Client))
}

/// Reads milliseconds with up to six decimals as nanoseconds.
fn parse_time(text: &str) -> Result<u64, Problem> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 6 {
        return Err(Problem::Missing(
            "time in milliseconds, such as 12 or 12.5, or span, such as 12..15.5,",
        ));
    }
    let milliseconds: Option<u64> = whole.parse().ok();
    let nanoseconds: Option<u64> = format!("{decimals:0<6}").parse().ok();
    let total = milliseconds.and_then(|it| it.checked_mul(1_000_000)).zip(nanoseconds);
    total
        .and_then(|(whole, part)| whole.checked_add(part))
        .ok_or(Problem::Missing("time below 2^64 ns"))
}
