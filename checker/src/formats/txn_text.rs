//! The texts of checkers of weak isolation: a read or a write a line, grouped into transactions and sessions.
//!
//! A transaction becomes one ok completion of a session without an invocation, as nothing is known of when it began:
//! `:f :txn, :value [[:r k v] [:w k v]]`. Sources: AWDIT (Møldrup and Pavlogiannis, PLDI 2025), its test histories; Plume
//! (Liu et al., OOPSLA 2024), its histories.

use rustc_hash::FxHashMap;

use super::{
    error::ReadError,
    part::{Line, LineError, Output, ParseLine},
};
use crate::{
    causal::INITIAL,
    datum::Datum,
    history::{EventKind, Process},
    transcript::Entry,
};

/// What a transaction is called.
const TRANSACTION: &str = "txn";

/// Parses AWDIT's test histories: `r key value`, `w key value`, a rule of dashes after a transaction, of equals signs after a
/// session.
#[derive(Debug, Default)]
pub(super) struct Awdit {
    session: i64,
    open: Transaction,
}

/// A transaction that may go on.
#[derive(Debug, Default)]
struct Transaction {
    /// The line on which it begins.
    line: u64,
    ops: Vec<Datum>,
}

impl ParseLine for Awdit {
    fn may_be_torn(&self, _line: &[u8]) -> bool {
        false
    }

    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError> {
        let is_rule = |of: u8| line.bytes.len() >= 3 && line.bytes.iter().all(|byte| *byte == of);
        if is_rule(b'-') {
            self.open.give(self.session, output)?;
        } else if is_rule(b'=') {
            self.open.give(self.session, output)?;
            self.session += 1;
        } else {
            let mut words = line
                .bytes
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty());
            let op = match (words.next(), words.next(), words.next(), words.next()) {
                (Some(name), Some(key), Some(value), None) => op(name, key, value),
                _ => None,
            };
            let why = "neither \"r KEY VALUE\" nor \"w KEY VALUE\" of integers, nor a rule of - or =";
            self.open
                .push(line.number, op.ok_or_else(|| LineError::Malformed(why.into()))?);
        }
        Ok(())
    }

    fn end(&mut self, output: &mut Output<'_>) -> Result<(), ReadError> {
        self.open.give(self.session, output)
    }
}

/// Parses Plume's histories: `r(key,value,session,transaction)` and `w(key,value,session,transaction)`.
///
/// A transaction ends where the next of its session begins. One of another session may come between. If all that session 0
/// does is to write in its transaction 0, that is no transaction but the initial state: `:f :init`.
#[derive(Debug, Default)]
pub(super) struct Plume {
    sessions: FxHashMap<i64, Session>,
    /// Sessions in order of their appearance.
    order: Vec<i64>,
}

#[derive(Debug, Default)]
struct Session {
    transaction: i64,
    open: Transaction,
    /// Its transactions that have ended.
    ended: rustc_hash::FxHashSet<i64>,
}

impl ParseLine for Plume {
    fn may_be_torn(&self, _line: &[u8]) -> bool {
        false
    }

    fn line(&mut self, line: Line<'_>, output: &mut Output<'_>) -> Result<(), LineError> {
        let why = "neither \"r(KEY,VALUE,SESSION,TRANSACTION)\" nor \"w(...)\", all of them integers";
        let Some((op, session_id, transaction)) = plume_op(line.bytes) else {
            return Err(LineError::Malformed(why.into()));
        };
        let order = &mut self.order;
        let session = self.sessions.entry(session_id).or_insert_with(|| {
            order.push(session_id);
            Session {
                transaction,
                ..Session::default()
            }
        });
        if session.transaction != transaction {
            session.open.give(session_id, output)?;
            session.ended.insert(session.transaction);
            session.transaction = transaction;
            if session.ended.contains(&transaction) {
                let why =
                    format!("transaction {transaction} of session {session_id} goes on, after another of that session");
                return Err(ReadError::text(line.number, why).into());
            }
        }
        session.open.push(line.number, op);
        Ok(())
    }

    fn end(&mut self, output: &mut Output<'_>) -> Result<(), ReadError> {
        for id in &self.order {
            let session = self
                .sessions
                .get_mut(id)
                .expect("a session is put in order when it is made");
            let is_only = session.ended.is_empty() && session.transaction == 0;
            let function = match id {
                0 if is_only && session.open.only_writes() => INITIAL,
                _ => TRANSACTION,
            };
            session.open.give_as(function, *id, output)?;
        }
        Ok(())
    }
}

impl Transaction {
    fn push(&mut self, line: u64, op: Datum) {
        if self.ops.is_empty() {
            self.line = line;
        }
        self.ops.push(op);
    }

    fn only_writes(&self) -> bool {
        let is_write = |op: &Datum| op.items().and_then(<[Datum]>::first).and_then(Datum::as_name) == Some("w");
        self.ops.iter().all(is_write)
    }

    /// Ends the transaction, if it did anything.
    fn give(&mut self, session: i64, output: &mut Output<'_>) -> Result<(), ReadError> {
        self.give_as(TRANSACTION, session, output)
    }

    fn give_as(&mut self, function: &str, session: i64, output: &mut Output<'_>) -> Result<(), ReadError> {
        if self.ops.is_empty() {
            return Ok(());
        }
        let entry = Entry {
            process: Some(Process::Client(session)),
            ..Entry::new(EventKind::Ok, function, Datum::list(self.ops.drain(..)))
        };
        output.entry(self.line, entry)
    }
}

/// Returns `[:r key value]` or `[:w key value]`.
fn op(name: &[u8], key: &[u8], value: &[u8]) -> Option<Datum> {
    let name = match name {
        b"r" => "r",
        b"w" => "w",
        _ => return None,
    };
    Some(Datum::list([
        Datum::Keyword(name.into()),
        integer(key)?.into(),
        integer(value)?.into(),
    ]))
}

fn plume_op(line: &[u8]) -> Option<(Datum, i64, i64)> {
    let (name, rest) = line.split_at_checked(1)?;
    let fields = rest.trim_ascii_start().strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut fields = fields.split(|byte| *byte == b',');
    let (key, value, session, transaction) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    Some((op(name, key, value)?, integer(session)?, integer(transaction)?))
}

fn integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}
