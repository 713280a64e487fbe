//! PRAM (Lipton and Sandberg, 1988): each session sees all writes, those of every session in the order in which it made them, and what
//! it reads fits some order of all of these, which may be another for each session.
//!
//! Single steps are asked, as of all models of single operations. For one session all that is known comes before its reads: what it read
//! from, what came before that in the same session, and whatever had to come before one of those. Of what comes before a read all other
//! writes of the key come before the one that was read. That is followed until nothing new comes of it; there is an order exactly if
//! none of it is a circle and nothing comes before a read of the initial state (Wei et al., *Verifying PRAM consistency over
//! read/write traces of data replicas*, TPDS 2016): those reads have an order, so that each takes what comes before it and not before
//! the read before, in any order that is known, and finds what it read last. A read of a list has all writes of the key that come before
//! it, in its order, and no others.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{
    anomaly::Anomaly,
    cases::{Case, Cases},
    txns::{NONE, Txns, What},
    writers::Writers,
};
use crate::evidence::shrink;

/// Looks for a session that saw what no order explains; returns what could not be decided.
pub(super) fn check(txns: &Txns, writers: &Writers, budget: u64, cases: &mut Cases) -> Option<String> {
    let all: Vec<u32> = txns.numbers().filter(|txn| writers.happened[*txn as usize]).collect();
    let record = Record::new(txns, writers, &all);
    let mut steps = 0;
    for (number, session) in (0..).zip(&record.sessions) {
        if !session.ops.iter().any(|op| !matches!(op.what, What::Write(_))) {
            continue;
        }
        let mut view = View::new(&record, number, budget.saturating_sub(steps));
        let is_explained = view.is_explained();
        steps += view.steps;
        match is_explained {
            None => return Some(format!("PRAM was not decided within {budget} steps")),
            Some(true) => {}
            Some(false) => cases.add_best(
                Anomaly::NotPram,
                case(txns, writers, (session.number, all.clone()), budget),
            ),
        }
    }
    None
}

/// Returns the fewest transactions by which it shows.
fn case(txns: &Txns, writers: &Writers, (session, all): (u32, Vec<u32>), budget: u64) -> Case {
    let shown = shrink(all, |part| {
        let record = Record::new(txns, writers, part);
        let number = (0..).zip(&record.sessions).find(|(_, it)| it.number == session);
        number.is_some_and(|(number, _)| View::new(&record, number, budget).is_explained() == Some(false))
    });
    let told: Vec<String> = shown.iter().map(|txn| format!("{}.", txns.txn_text(*txn))).collect();
    let text = format!(
        "{} No order of all writes, each session's in its own, explains what session {} read.",
        told.join(" "),
        txns.processes[session as usize]
    );
    Case {
        txns: shown,
        text,
        cycle: Vec::new(),
    }
}

/// Single steps of some transactions, by session.
struct Record<'t> {
    txns: &'t Txns,
    sessions: Vec<Session>,
    /// By write, its session, and how many writes of this come before it. Writes are numbered session by session.
    writes: Vec<(u32, u32)>,
    /// By element, the write.
    written: FxHashMap<u32, u32>,
}

struct Session {
    number: u32,
    ops: Vec<Op>,
    first_write: u32,
    /// By write, its key.
    keys: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Op {
    key: u32,
    what: What,
}

impl<'t> Record<'t> {
    /// `kept` is in rising order.
    fn new(txns: &'t Txns, writers: &Writers, kept: &[u32]) -> Self {
        let mut numbers: FxHashMap<u32, usize> = FxHashMap::default();
        let mut sessions: Vec<Session> = Vec::new();
        for txn in kept {
            let number = txns.txn(*txn).session;
            let place = *numbers.entry(number).or_insert(sessions.len());
            if place == sessions.len() {
                sessions.push(Session {
                    number,
                    ops: Vec::new(),
                    first_write: 0,
                    keys: Vec::new(),
                });
            }
            let steps = txns.steps(*txn).iter();
            let known = steps.filter(|step| !writers.is_ambiguous(step.key));
            sessions[place].ops.extend(known.map(|step| Op {
                key: step.key,
                what: step.what(),
            }));
        }
        let mut record = Self {
            txns,
            sessions: Vec::new(),
            writes: Vec::new(),
            written: FxHashMap::default(),
        };
        for (place, mut session) in (0..).zip(sessions) {
            session.first_write = record.writes.len() as u32;
            for op in &session.ops {
                if let What::Write(element) = op.what {
                    record.written.insert(element, record.writes.len() as u32);
                    record.writes.push((place, session.keys.len() as u32));
                    session.keys.push(op.key);
                }
            }
            record.sessions.push(session);
        }
        record
    }

    /// Returns the write of an element, if it is among these.
    fn write(&self, element: u32) -> Option<u32> {
        self.written.get(&element).copied()
    }
}

/// What is known of the order of all writes as one session sees them.
struct View<'r> {
    record: &'r Record<'r>,
    session: u32,
    /// By write, those of other sessions, or later ones of its own, that come before it.
    before: FxHashMap<u32, Vec<u32>>,
    /// By key, how many elements of the longest list of it have an order already, and which list that is.
    lists: FxHashMap<u32, (u32, u32)>,
    budget: u64,
    steps: u64,
}

/// What comes before one place among the steps of a session.
struct Past {
    /// By session, how many of its writes.
    counts: Vec<u32>,
    /// By key, by session the last write of it; and how many there are.
    last: FxHashMap<u32, (Vec<(u32, u32)>, u32)>,
}

/// It can't be.
struct Contradiction;

impl<'r> View<'r> {
    fn new(record: &'r Record<'r>, session: u32, budget: u64) -> Self {
        Self {
            record,
            session,
            before: FxHashMap::default(),
            lists: FxHashMap::default(),
            budget,
            steps: 0,
        }
    }

    /// Returns whether there is an order; nothing if that takes too many steps.
    fn is_explained(&mut self) -> Option<bool> {
        loop {
            match self.round() {
                _ if self.steps > self.budget => return None,
                Err(Contradiction) => return Some(false),
                Ok((true, _)) => {}
                Ok((false, past)) => return Some(!self.has_circle(&past)),
            }
        }
    }

    /// Goes through the session once; returns whether something new came of it, and what comes before its end.
    fn round(&mut self) -> Result<(bool, Past), Contradiction> {
        let record = self.record;
        let own = &record.sessions[self.session as usize];
        let mut past = Past {
            counts: vec![0; record.sessions.len()],
            last: FxHashMap::default(),
        };
        let (mut write_count, mut has_new) = (0, false);
        for op in &own.ops {
            self.steps += 1;
            match op.what {
                What::Write(_) => {
                    self.add(&mut past, own.first_write + write_count);
                    write_count += 1;
                }
                What::ReadRegister(element) => has_new |= self.read(&mut past, op.key, element)?,
                What::ReadList { list, length } => has_new |= self.read_list(&mut past, op.key, (list, length))?,
            }
            // Nothing that the session itself has yet to write comes before.
            if past.counts[self.session as usize] > write_count {
                return Err(Contradiction);
            }
            if self.steps > self.budget {
                break;
            }
        }
        Ok((has_new, past))
    }

    /// Takes a write into what comes before, and all that comes before it.
    fn add(&mut self, past: &mut Past, write: u32) {
        let record = self.record;
        let mut open = vec![write];
        while let Some(write) = open.pop() {
            let (session, up_to) = record.writes[write as usize];
            let of = &record.sessions[session as usize];
            while past.counts[session as usize] <= up_to {
                self.steps += 1;
                let place = past.counts[session as usize];
                past.counts[session as usize] += 1;
                let write = of.first_write + place;
                open.extend(self.before.get(&write).into_iter().flatten());
                let (last, count) = past.last.entry(of.keys[place as usize]).or_default();
                *count += 1;
                match last.iter_mut().find(|(of, _)| *of == session) {
                    Some(last) => last.1 = write,
                    None => last.push((session, write)),
                }
            }
        }
    }

    fn read(&mut self, past: &mut Past, key: u32, element: u32) -> Result<bool, Contradiction> {
        let write = match element {
            NONE if past.last.contains_key(&key) => return Err(Contradiction),
            NONE => return Ok(false),
            element => match self.record.write(element) {
                Some(write) => write,
                // What nobody wrote is told elsewhere.
                None => return Ok(false),
            },
        };
        self.add(past, write);
        let session = self.record.writes[write as usize].0;
        let mut has_new = false;
        for (of, other) in past.last.get(&key).into_iter().flat_map(|(last, _)| last) {
            self.steps += 1;
            match *other == write {
                true => {}
                false if *of == session => return Err(Contradiction),
                false => has_new |= self.put_before(*other, write),
            }
        }
        Ok(has_new)
    }

    fn read_list(&mut self, past: &mut Past, key: u32, (list, length): (u32, u32)) -> Result<bool, Contradiction> {
        let elements = self.record.txns.read(list, length);
        let (known, of) = self.lists.get(&key).copied().unwrap_or((0, list));
        let both = known.min(length);
        if of != list && self.record.txns.read(of, both) != &elements[..both as usize] {
            return Err(Contradiction);
        }
        let mut has_new = false;
        if length > known {
            self.lists.insert(key, (length, list));
            let writes: Vec<u32> = elements.iter().filter_map(|it| self.record.write(*it)).collect();
            for pair in writes.windows(2) {
                has_new |= self.put_before(pair[0], pair[1]);
            }
            self.steps += u64::from(length);
        }
        let is_known = |element: &&u32| self.record.write(**element).is_some();
        if let Some(last) = elements.iter().rev().find(is_known) {
            self.add(past, self.record.written[last]);
        }
        let count = past.last.get(&key).map_or(0, |(_, count)| *count as usize);
        // What is known to be in the list comes before; whatever else does should be in it too.
        if count > elements.len() || count > elements.iter().filter(is_known).count() {
            return Err(Contradiction);
        }
        Ok(has_new)
    }

    /// Notes that a write comes before another; returns whether that is new.
    fn put_before(&mut self, first: u32, then: u32) -> bool {
        let before = self.before.entry(then).or_default();
        let is_new = !before.contains(&first);
        if is_new {
            before.push(first);
        }
        is_new
    }

    /// Returns whether a write of what comes before the end of the session comes before itself.
    fn has_circle(&mut self, past: &Past) -> bool {
        let record = self.record;
        let is_in = |write: u32| {
            let (session, place) = record.writes[write as usize];
            place < past.counts[session as usize]
        };
        // By write, how many come directly before it that have not been passed.
        let mut degrees: FxHashMap<u32, u32> = FxHashMap::default();
        let mut after: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut open = VecDeque::new();
        let mut left = 0u64;
        for (session, count) in record.sessions.iter().zip(&past.counts) {
            for place in 0..*count {
                let write = session.first_write + place;
                let before = self
                    .before
                    .get(&write)
                    .into_iter()
                    .flatten()
                    .filter(|first| is_in(**first));
                let mut degree = u32::from(place > 0);
                for first in before {
                    degree += 1;
                    after.entry(*first).or_default().push(write);
                }
                degrees.insert(write, degree);
                left += 1;
                if degree == 0 {
                    open.push_back(write);
                }
            }
        }
        self.steps += left;
        while let Some(write) = open.pop_front() {
            left -= 1;
            let (session, place) = record.writes[write as usize];
            let next = (place + 1 < past.counts[session as usize]).then_some(write + 1);
            for then in next.into_iter().chain(after.get(&write).into_iter().flatten().copied()) {
                if let Some(degree) = degrees.get_mut(&then) {
                    *degree -= 1;
                    if *degree == 0 {
                        open.push_back(then);
                    }
                }
            }
        }
        left > 0
    }
}
