//! The four session guarantees, per session and key.
//!
//! Terry, Demers, Petersen, Spreitzer, Theimer, Welch, *Session Guarantees for Weakly Consistent Replicated Data* (PDIS
//! 1994), section 3, states each by what a server's copy has to include when a session's later op reaches it, and, for
//! the last two, by the order of writes at every server:
//!
//! - *read your writes*: a read finds every write that its session made before it;
//! - *monotonic reads*: a read finds every write whose effect its session has read before;
//! - *monotonic writes*: a write comes, in the order of writes, after every write that its session made before it;
//! - *writes follow reads*: a write comes, in the order of writes, after every write whose effect its session has read
//!   before it.
//!
//! On registers, where the newest write is what a copy holds, the four are one sentence with an op of two kinds: **the
//! value of the session's later op is not older than that of its earlier op**. What "older" means and what shows it,
//! versions or real time, is told in [`super::age`]. Two consequences:
//!
//! - A session's writes are in real time what they are in the session. So only versions can show that monotonic writes
//!   broke, and real time shows of writes follow reads only a read of the future. Without versions the last two test
//!   nothing; that an observer sees the two in the wrong order is a breach of that observer's monotonic reads.
//! - A session that reads v, w, v is a breach only if v is surely the older: of two concurrent writes either may be.
//!
//! A delete writes a nothing of its own. A read of nothing that may be of one delete or another breaks what all of them
//! would, and is not tested otherwise.
//!
//! A session is a process. It ends with an op of unknown outcome, so only its last write can be one; that counts as a
//! later op where a version of it was seen. Failed ops did nothing and count for nothing. Guarantees between keys are
//! causal consistency's, not these.

use super::{
    age::{self, Ages, Proof},
    repeats,
};
use crate::{
    evidence::{Context, Finding, Tally, Words},
    history::{Action, History, Op, Outcome, Position, VersionId},
};

/// Finds reads that returned a value older than one that their session had written.
///
/// Tested are the ok reads of sessions that had written their key.
pub fn read_your_writes(history: &History, context: &Context) -> Finding {
    check(
        history,
        context,
        Guarantee {
            earlier: Action::Write,
            later: Action::Read,
        },
    )
}

/// Finds reads that returned a value older than one that their session had read.
///
/// Tested are the ok reads of sessions that had read something of their key.
pub fn monotonic_reads(history: &History, context: &Context) -> Finding {
    check(
        history,
        context,
        Guarantee {
            earlier: Action::Read,
            later: Action::Read,
        },
    )
}

/// Finds writes that the store ordered before a write that their session had made earlier.
///
/// Tested are the writes whose version is known, as is that of a write of the key that their session had made.
pub fn monotonic_writes(history: &History, context: &Context) -> Finding {
    check(
        history,
        context,
        Guarantee {
            earlier: Action::Write,
            later: Action::Write,
        },
    )
}

/// Finds writes that the store ordered before a write whose value their session had read.
///
/// Tested are the writes whose version is known, as is that of a value of the key that their session had read.
pub fn writes_follow_reads(history: &History, context: &Context) -> Finding {
    check(
        history,
        context,
        Guarantee {
            earlier: Action::Read,
            later: Action::Write,
        },
    )
}

/// That in each session the value of a `later` op is not older than that of an `earlier` one.
#[derive(Clone, Copy)]
struct Guarantee {
    earlier: Action,
    later: Action,
}

fn check(history: &History, context: &Context, guarantee: Guarantee) -> Finding {
    let ages = Ages::new(history);
    let mut tally = Tally::new();
    let mut sessions = Sessions::default();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        sessions.begin_key();
        // All sessions side by side, as their ops come: which of them is looked at first makes no difference to the tally.
        for op in history
            .ops_of(key)
            .filter(|op| op.is_ok_read() || op.is_possible_write())
        {
            check_op(&ages, guarantee, op, sessions.of(op), &mut tally);
        }
    }
    tally.finish(history, context, |words, proof, _| tell(words, guarantee, proof))
}

/// Checks the next op of a session.
fn check_op<'h>(
    ages: &Ages<'h>,
    guarantee: Guarantee,
    op: &'h Op,
    newest: &mut Newest<'h>,
    tally: &mut Tally<'h, Proof<'h>>,
) {
    if guarantee.later.is_write() == op.action.is_write() {
        let proof = newest.prove_older(ages, op);
        tally.test(u64::from(proof.is_some() || newest.can_judge(ages, op)));
        if let Some(proof) = proof {
            tally.violate(proof.ops(), proof);
        }
    }
    let is_told = !op.value.is_nil() && !op.value.is_unclear();
    if guarantee.earlier.is_write() == op.action.is_write() && op.outcome == Outcome::Ok && is_told {
        newest.meet(ages, op);
    }
}

/// What each session has met of one key.
#[derive(Default)]
struct Sessions<'h> {
    /// By process: the number of the key that it was met on last, counted from 1, and what was met there.
    newest: Vec<(usize, Newest<'h>)>,
    key_count: usize,
}

impl<'h> Sessions<'h> {
    /// Goes on to another key, of which no session has met anything.
    fn begin_key(&mut self) {
        self.key_count += 1;
    }

    /// The session of an op.
    fn of(&mut self, op: &Op) -> &mut Newest<'h> {
        let place = op.process.index();
        if place >= self.newest.len() {
            self.newest.resize_with(place + 1, || (0, Newest::none()));
        }
        let (met_on, newest) = &mut self.newest[place];
        if *met_on != self.key_count {
            (*met_on, *newest) = (self.key_count, Newest::none());
        }
        newest
    }
}

/// Of the session's earlier ops those whose values are the newest, by each way of telling. A later op's value is older
/// than some earlier one's exactly if it is older than one of these.
struct Newest<'h> {
    first: Option<&'h Op>,
    by_version: Option<&'h Op>,
    by_write_start: Option<&'h Op>,
    /// The least version reported of the value that is the newest by version.
    version: Option<VersionId>,
    /// Where the write began of the value whose write began last.
    write_start: Position,
}

impl<'h> Newest<'h> {
    fn none() -> Self {
        Self {
            first: None,
            by_version: None,
            by_write_start: None,
            version: None,
            write_start: Position::BEFORE_ALL,
        }
    }

    fn meet(&mut self, ages: &Ages<'h>, op: &'h Op) {
        self.first.get_or_insert(op);
        // Of two with the same version, one that reports it itself needs no other op to prove it.
        let version = |op: &Op| {
            ages.least_version(op.value)
                .map(|version| (version, op.version.is_some()))
        };
        if version(op) > self.by_version.and_then(version) {
            self.by_version = Some(op);
            self.version = ages.least_version(op.value);
        }
        let start = age::write_start(ages.history(), op.value);
        if start > self.write_start {
            self.by_write_start = Some(op);
            self.write_start = start;
        }
    }

    /// Returns the shortest proof that the value of `later` is older than one of these, if there is one.
    fn prove_older(&self, ages: &Ages<'h>, later: &'h Op) -> Option<Proof<'h>> {
        if !self.is_any_newer(ages, later) {
            return None; // As with most ops: no proof has to be looked for.
        }
        let all = [self.first, self.by_version, self.by_write_start];
        let proofs = all
            .into_iter()
            .flatten()
            .filter_map(|earlier| ages.prove_older(later, earlier));
        proofs.min_by_key(|proof| proof.others.len())
    }

    /// Returns whether the value of `later` is older than one of these, or may be.
    fn is_any_newer(&self, ages: &Ages<'h>, later: &Op) -> bool {
        if later.value.is_nil() || later.value.is_unclear() {
            return self.first.is_some();
        }
        let version = ages.greatest_version(later.value);
        version.is_some_and(|version| Some(version) < self.version)
            || age::write_end(ages.history(), later) < self.write_start
    }

    /// Returns whether a breach by `later` would have shown.
    fn can_judge(&self, ages: &Ages<'h>, later: &Op) -> bool {
        match later.action {
            _ if later.value.is_unclear() => false,
            Action::Write | Action::Delete => self.by_version.is_some() && ages.greatest_version(later.value).is_some(),
            _ => self.first.is_some(),
        }
    }
}

fn tell(words: Words<'_>, guarantee: Guarantee, proof: &Proof<'_>) -> String {
    let (later, earlier) = (proof.older, proof.newer);
    let value = words.value(earlier.value);
    let did = match guarantee.earlier {
        Action::Write if earlier.action == Action::Delete => "deleted it".to_owned(),
        Action::Write => format!("written {value}"),
        _ => format!("read {value}"),
    };
    let before = format!("{did}{} {}", words.through(earlier), words.span(earlier));
    let why = proof.tell(words);
    match guarantee.later {
        Action::Write if later.action == Action::Delete => {
            let (process, key, span) = (words.process(later), words.key(later), words.span(later));
            let through = words.through(later);
            format!(
                "{process} deleted {key}{through} {span}, having {before}, yet in the order of writes the delete came \
                 before that: {why}."
            )
        }
        Action::Write => {
            let (process, key, span) = (words.process(later), words.key(later), words.span(later));
            let (value, through) = (words.value(later.value), words.through(later));
            format!(
                "{process} wrote {value} to {key}{through} {span}, having {before}, yet in the order of writes it came \
                 before that: {why}."
            )
        }
        _ => {
            format!("{}, although it had {before} before: {why}.", words.return_of(later))
        }
    }
}
