//! From a history to text.

use std::fmt;

use serde_json::Value;

use crate::history::{Action, Function, History, Op, Outcome, Position, Process, Version};

/// Returns `history` in the language of [this module](super): a line an op, in order of invocation, observations last.
///
/// Parsed again it is the same history, if times tell the order of its events: an op's `index` may differ, as may what
/// only an event tells (`level`, `error`).
pub fn render(history: &History) -> String {
    let ops = history
        .ops()
        .iter()
        .chain(history.observations().iter().map(|look| &look.op));
    ops.map(|op| Line { history, op }.to_string()).collect()
}

/// One op as a line.
struct Line<'h> {
    history: &'h History,
    op: &'h Op,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { history, op } = self;
        let end = op.end_ns().map(milliseconds).unwrap_or_default();
        let span = format!("{}..{end}", milliseconds(op.start_ns));
        let process = match history.process(op.process) {
            client @ Process::Client(_) => client.to_string(),
            Process::Other(name) => name_text(name, |name| name.starts_with('p')),
        };
        let function = op.action.function();
        write!(
            f,
            "    {span:<16} {process:<4} {} {}",
            function.name(),
            name_text(history.key(op.key), |_| false)
        )?;
        let value = history.compared(op);
        let value = value_text(value.as_ref().unwrap_or_else(|| history.value(op.value)));
        match op.outcome {
            _ if function.takes_value() => write!(f, " {value}")?,
            Outcome::Ok if !function.is_write() => write!(f, " -> {value}")?,
            _ => {}
        }
        if op.action == Action::CasMismatch {
            f.write_str(" -> false")?;
        } else if op.outcome != Outcome::Ok && op.end_ns().is_some() {
            write!(f, " {}", op.outcome.name())?;
        }
        let seen = history.seen(op);
        if !seen.is_empty() && function != Function::Cas {
            let seen = seen.iter().map(|value| history.value(*value).clone());
            write!(f, " seen={}", Value::from_iter(seen))?;
        }
        if let Some(node) = op.node {
            write!(f, " node={}", name_text(history.node(node), |_| false))?;
        }
        if let Action::ReadReplica(phase) = op.action {
            write!(f, " phase={}", phase.name())?;
        }
        if let Some(version) = op.version {
            write!(f, " version={}", version_text(&history.version(version)))?;
        }
        assert_eq!(
            op.outcome == Outcome::Info,
            op.end == Position::NEVER,
            "what is unknown does not end"
        );
        writeln!(f)
    }
}

/// Returns nanoseconds as milliseconds, with the decimals that it takes.
fn milliseconds(time_ns: u64) -> String {
    let whole = time_ns / 1_000_000;
    match time_ns % 1_000_000 {
        0 => whole.to_string(),
        part => format!("{whole}.{}", format!("{part:06}").trim_end_matches('0')),
    }
}

fn value_text(value: &Value) -> String {
    if value.is_null() {
        "nil".to_owned()
    } else {
        value.to_string()
    }
}

/// Returns `version` so that a number stays a number and text stays text.
fn version_text(version: &Version) -> String {
    match version {
        Version::Integer(version) => version.to_string(),
        Version::Text(version) => Value::from(version.as_str()).to_string(),
    }
}

/// Returns `name` bare if it can stand so, else as a JSON string.
fn name_text(name: &str, is_ambiguous: impl Fn(&str) -> bool) -> String {
    let is_bare = !name.is_empty() && !name.starts_with(['"', '#']) && !name.contains(char::is_whitespace);
    if is_bare && !is_ambiguous(name) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}
