//! AWDIT's text for tests: `r key value` or `w key value` a line, `-----` between transactions, `=====` between sessions.
//!
//! Keys and values are unsigned numbers. Nothing is written before the first session: a history whose keys hold
//! something at first has a session that writes it. Empty lines and empty transactions say nothing.

use crate::causal::{Access, Sessions};

/// Reads sessions, numbered from 0.
///
/// ```
/// use quorate_checker::{causal::{self, Level}, formats::awdit};
///
/// let sessions = awdit::parse("w 0 1\n-----\nw 0 2\n=====\nr 0 2\nw 1 1\n=====\nr 0 1\nr 1 1")?;
/// assert_eq!(causal::check(&sessions, Level::ReadAtomic).count, 0);
/// assert_eq!(causal::check(&sessions, Level::Causal).count, 1);
/// # Ok::<(), awdit::AwditError>(())
/// ```
///
/// # Errors
/// The first line that is neither an access nor a mark.
pub fn parse(text: &str) -> Result<Sessions, AwditError> {
    let mut sessions = Sessions::new();
    let mut txn: Vec<Access> = Vec::new();
    let mut session = 0;
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        let is_mark = |of: char| content.len() >= 3 && content.chars().all(|it| it == of);
        if is_mark('-') || is_mark('=') {
            push(&mut sessions, session, &mut txn);
            session += u64::from(is_mark('='));
        } else if !content.is_empty() {
            txn.push(parse_access(content).map_err(|problem| AwditError { line, problem })?);
        }
    }
    push(&mut sessions, session, &mut txn);
    Ok(sessions)
}

/// A line is wrong. Nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read line {line} of AWDIT's text: {problem}")]
pub struct AwditError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

fn parse_access(line: &str) -> Result<Access, &'static str> {
    let mut words = line.split_ascii_whitespace();
    let function = words.next();
    let mut number = || words.next().and_then(|word| word.parse().ok());
    let key = number().ok_or("an unsigned number for the key belongs after r or w")?;
    let value = number().ok_or("an unsigned number for the value belongs after the key")?;
    if words.next().is_some() {
        return Err("nothing belongs after the value");
    }
    match function {
        Some("r") => Ok(Access::read(key, value)),
        Some("w") => Ok(Access::write(key, value)),
        _ => Err("a line begins with r or w, or is ----- or ====="),
    }
}

fn push(sessions: &mut Sessions, session: u64, txn: &mut Vec<Access>) {
    if !txn.is_empty() {
        sessions.push(session, txn);
        txn.clear();
    }
}
