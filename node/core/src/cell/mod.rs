//! What a replica holds under a key, and how two copies of it become one.
//!
//! An update is applied by one owner, its *origin*, to its own copy, and the whole resulting cell goes to the other
//! owners, which merge it; so do read repair, hints and anti-entropy. Merging is a join: in whatever order copies meet,
//! and however often, those that have met alike are equal. Nothing is decided by arrival.
//!
//! ```text
//! client ── put, context ──▶ origin: copy + dot ── whole cell ──▶ owner: merge
//!                                               └─ whole cell ──▶ owner: merge
//! ```
//!
//! Merging never fails, but two cells within the limits can make one beyond them, when each has what the other lacks.
//! Whoever updates or merges therefore does so on a copy, and keeps that only if it [is valid](Cell::is_valid). What is
//! refused so is lost nowhere: the owners stay apart until a client that read from both writes less in its place.

mod canonical;
mod cas;
mod counter;
mod dot;
mod register;
mod set;
mod siblings;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::canonical::{Canonical, Fingerprint, Sink, Size};
pub use self::{
    cas::{Accepted, CasRegister, EARLIER_CHANGES_MAX},
    counter::{Counter, CounterError, Tally},
    dot::{ACTORS_MAX, Actor, Context, DOT_NUMBER_MAX, Dot},
    register::{Content, Register},
    set::{AddWinsSet, ELEMENTS_MAX},
    siblings::{SIBLINGS_MAX, Siblings},
};
use crate::{VALUE_BYTES_MAX, Version, WallTime};

/// What a cell may take beside one value of the largest size, in bytes: a context of [`ACTORS_MAX`] actors, and the
/// dots and lengths of [`SIBLINGS_MAX`] values. With it a cell stays well below what a frame holds.
pub const CELL_OVERHEAD_BYTES_MAX: usize = 64 * 1024;

/// What kind of cell a key has. A key has one kind, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Last write wins.
    Register,
    /// Concurrent values side by side.
    Siblings,
    /// A set in which additions win.
    Set,
    /// A sum that goes up and down.
    Counter,
    /// A register that changes by agreement among its owners.
    Cas,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Register, Kind::Siblings, Kind::Set, Kind::Counter, Kind::Cas];

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Register => "register",
            Kind::Siblings => "siblings",
            Kind::Set => "set",
            Kind::Counter => "counter",
            Kind::Cas => "cas",
        }
    }
}

/// What is held under a key.
///
/// Of the kinds the larger are in boxes: cells go from hand to hand, and most of them are registers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cell {
    /// Last write wins.
    Register(Register),
    /// Concurrent values side by side.
    Siblings(Siblings),
    /// A set in which additions win.
    Set(Box<AddWinsSet>),
    /// A sum that goes up and down.
    Counter(Counter),
    /// A register that changes by agreement among its owners.
    Cas(Box<CasRegister>),
}

/// What precedes a register as it is written down.
const REGISTER: u8 = 0;

impl Cell {
    /// Takes in what another copy of the key holds; true if anything changed.
    ///
    /// # Panics
    /// If the kinds differ: a key has one kind, and whoever takes a cell in has checked it.
    pub fn merge(&mut self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Register(ours), Cell::Register(theirs)) => ours.merge(theirs),
            (Cell::Siblings(ours), Cell::Siblings(theirs)) => ours.merge(theirs),
            (Cell::Set(ours), Cell::Set(theirs)) => ours.merge(theirs),
            (Cell::Counter(ours), Cell::Counter(theirs)) => ours.merge(theirs),
            (Cell::Cas(ours), Cell::Cas(theirs)) => ours.merge(theirs),
            (ours, theirs) => panic!(
                "cells of kinds {:?} and {:?} can't be merged",
                ours.kind(),
                theirs.kind()
            ),
        }
    }

    /// As [`Cell::merge`], but of sets all elements stay: [`crate::Plant::RemovedElementKept`].
    pub(crate) fn merge_keeping_elements(&mut self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Set(ours), Cell::Set(theirs)) => ours.merge_keeping_elements(theirs),
            (ours, theirs) => ours.merge(theirs),
        }
    }

    /// As [`Cell::merge`], but of counters what both know is added up: [`crate::Plant::CounterMergeAdds`].
    pub(crate) fn merge_adding(&mut self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Counter(ours), Cell::Counter(theirs)) => ours.merge_adding(theirs),
            (ours, theirs) => ours.merge(theirs),
        }
    }

    /// Which kind it is of.
    pub fn kind(&self) -> Kind {
        match self {
            Cell::Register(_) => Kind::Register,
            Cell::Siblings(_) => Kind::Siblings,
            Cell::Set(_) => Kind::Set,
            Cell::Counter(_) => Kind::Counter,
            Cell::Cas(_) => Kind::Cas,
        }
    }

    /// Whether it has counted anything of `actor`: one that it knows nothing of, it can't go on from.
    pub(crate) fn knows(&self, actor: Actor) -> bool {
        match self {
            Cell::Register(_) | Cell::Cas(_) => false,
            Cell::Siblings(siblings) => siblings.context().count(actor) > 0,
            Cell::Set(set) => set.context().count(actor) > 0,
            Cell::Counter(counter) => counter.tallies().any(|(known, _)| *known == actor),
        }
    }

    /// Whether merging `other` would change nothing. Never so of another kind.
    pub fn covers(&self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Register(ours), Cell::Register(theirs)) => ours.covers(theirs),
            (Cell::Siblings(ours), Cell::Siblings(theirs)) => ours.covers(theirs),
            (Cell::Set(ours), Cell::Set(theirs)) => ours.covers(theirs),
            (Cell::Counter(ours), Cell::Counter(theirs)) => ours.covers(theirs),
            (Cell::Cas(ours), Cell::Cas(theirs)) => ours.covers(theirs),
            _ => false,
        }
    }

    /// The XXH3 of the key and everything in the cell, tombstones and contexts too: equal on all nodes for equal cells,
    /// and different for others, but for a chance of 2⁻⁶⁴.
    pub fn fingerprint(&self, key: &[u8]) -> u64 {
        if let Cell::Register(register) = self
            && let Some(fingerprint) = register.fingerprint_at_once(REGISTER, key)
        {
            return fingerprint;
        }
        let mut hash = Fingerprint::new();
        key.write(&mut hash);
        self.write(&mut hash);
        hash.digest()
    }

    /// For a register that the last write wins its version, which alone orders it; for others `None`.
    pub fn version(&self) -> Option<Version> {
        match self {
            Cell::Register(register) => Some(register.version),
            Cell::Siblings(_) | Cell::Set(_) | Cell::Counter(_) | Cell::Cas(_) => None,
        }
    }

    /// When it became a pure tombstone, by the deleter's wall clock, which grace counts from. `None` while anything in
    /// it is live; a counter always is, and so is what owners agreed upon, which is never forgotten.
    pub fn deleted_at(&self) -> Option<WallTime> {
        match self {
            Cell::Register(register) => register.deleted_at(),
            Cell::Siblings(siblings) => siblings.deleted_at(),
            Cell::Set(set) => set.deleted_at(),
            Cell::Counter(_) | Cell::Cas(_) => None,
        }
    }

    /// The highest hybrid time in it, in nanoseconds since 1970, for clocks to observe; 0 where it has none. Ballots
    /// are none: they rise above each other, whatever clocks say.
    pub fn time(&self) -> u64 {
        self.version().map_or(0, |version| version.time)
    }

    /// About what it takes on the wire.
    pub fn size_bytes(&self) -> usize {
        let mut size = Size::default();
        self.write(&mut size);
        size.0
    }

    /// Whether it is one that a cell can be: each value and the whole within their limits, all counts too, and every
    /// dot of something live among those seen. To be asked of each cell that comes from elsewhere, before anything else
    /// is done with it, and of each that was updated or merged, before it is kept.
    pub fn is_valid(&self) -> bool {
        let is_valid = match self {
            // Beside its value it has next to nothing: it is as large as it may be only if that is.
            Cell::Register(register) => return register.is_valid(),
            Cell::Siblings(siblings) => siblings.is_valid(),
            Cell::Set(set) => set.is_valid(),
            Cell::Counter(counter) => counter.is_valid(),
            Cell::Cas(register) => register.is_valid(),
        };
        is_valid && self.size_bytes() <= VALUE_BYTES_MAX + CELL_OVERHEAD_BYTES_MAX
    }
}

impl Canonical for Cell {
    fn write(&self, sink: &mut impl Sink) {
        match self {
            Cell::Register(register) => register.write(REGISTER, sink),
            Cell::Siblings(siblings) => {
                sink.take_all([1]);
                siblings.write(sink);
            }
            Cell::Set(set) => {
                sink.take_all([2]);
                set.write(sink);
            }
            Cell::Counter(counter) => {
                sink.take_all([3]);
                counter.write(sink);
            }
            Cell::Cas(register) => {
                sink.take(&[4]);
                register.write(sink);
            }
        }
    }
}
