//! Plume's text, which PolySI, IsoVista and AWDIT write too: `r(key,value,session,txn)` or `w(...)` a line.
//!
//! All are unsigned numbers. Order in a session, and in a transaction, is that of the file; other sessions' lines may
//! stand between. If all that session 0 does is to write in its transaction 0, that is the initial state and no
//! transaction: it precedes everything.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::causal::{Access, Sessions};

/// Reads sessions.
///
/// ```
/// use quorate_checker::{causal::{self, Level}, formats::plume};
///
/// let sessions = plume::parse("w(7,0,0,0)\nw(7,1,1,1)\nr(7,1,1,2)\nr(7,0,1,3)\n")?;
/// let verdict = causal::check(&sessions, Level::ReadAtomic);
/// assert_eq!(verdict.violation.expect("it reads back").name(), "WriteCOInitRead");
/// # Ok::<(), plume::PlumeError>(())
/// ```
///
/// # Errors
/// The first line that is no access, or that goes on with a transaction after a later one of its session.
pub fn parse(text: &str) -> Result<Sessions, PlumeError> {
    let mut reader = Reader::default();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if !content.is_empty() {
            let at = |problem| PlumeError { line, problem };
            reader.take(parse_line(content).map_err(at)?).map_err(at)?;
        }
    }
    Ok(reader.finish())
}

/// A line is wrong. Nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read line {line} of Plume's text: {problem}")]
pub struct PlumeError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

#[derive(Clone, Copy)]
struct Line {
    access: Access,
    session: u64,
    txn: u64,
}

fn parse_line(line: &str) -> Result<Line, &'static str> {
    let (function, rest) = line.split_once('(').ok_or("no ( where one belongs")?;
    let mut numbers = rest.strip_suffix(')').ok_or("it does not end in )")?.split(',');
    let mut number = || {
        let word = numbers.next().map(str::trim);
        word.and_then(|word| word.parse().ok())
            .ok_or("four unsigned numbers belong in it: key, value, session, transaction")
    };
    let (key, value, session, txn) = (number()?, number()?, number()?, number()?);
    if numbers.next().is_some() {
        return Err("more than four numbers are in it");
    }
    let access = match function {
        "r" => Access::read(key, value),
        "w" => Access::write(key, value),
        _ => return Err("a line begins with r or w"),
    };
    Ok(Line { access, session, txn })
}

#[derive(Default)]
struct Reader {
    sessions: Sessions,
    /// The transaction of each session that is being read.
    open: Vec<Open>,
    by_session: FxHashMap<u64, usize>,
    begun: FxHashSet<(u64, u64)>,
    /// Whether session 0 can still turn out to be the initial state.
    has_initial: bool,
}

struct Open {
    session: u64,
    txn: u64,
    accesses: Vec<Access>,
}

impl Reader {
    fn take(&mut self, line: Line) -> Result<(), &'static str> {
        let Line { access, session, txn } = line;
        let at = *self.by_session.entry(session).or_insert(self.open.len());
        if at == self.open.len() {
            self.begun.insert((session, txn));
            self.has_initial |= (session, txn) == (0, 0);
            self.open.push(Open {
                session,
                txn,
                accesses: Vec::new(),
            });
        } else if self.open[at].txn != txn {
            if !self.begun.insert((session, txn)) {
                return Err("its transaction had ended: another of its session has begun since");
            }
            let open = &mut self.open[at];
            self.sessions.push(session, &open.accesses);
            open.accesses.clear();
            open.txn = txn;
            self.has_initial &= session != 0;
        }
        self.has_initial &= session != 0 || matches!(access, Access::Write { .. });
        self.open[at].accesses.push(access);
        Ok(())
    }

    fn finish(mut self) -> Sessions {
        for Open { session, accesses, .. } in self.open {
            if session == 0 && self.has_initial {
                for access in accesses {
                    if let Access::Write { key, value } = access {
                        self.sessions.initially(key, value);
                    }
                }
            } else {
                self.sessions.push(session, &accesses);
            }
        }
        self.sessions
    }
}
