//! Who wrote a value.
//!
//! Values that are small numbers, whether counted per key or over all, are looked up in an array; others in a hash table.

use rustc_hash::FxHashMap;

use super::sessions::{Cell, Kind, Sessions};

/// Who wrote a value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// Nobody did.
    Nobody,
    /// The key had it at first.
    Initial,
    /// A transaction, as its last to the key.
    Last(u32),
    /// A transaction that wrote the key again.
    Overwritten(u32),
    /// More than one did.
    Several,
}

/// All values with their writers.
pub(super) struct Writers {
    places: Places,
    /// By place, the key that the value is of, and who wrote it.
    writers: Vec<(u32, Writer)>,
}

/// How values are told apart.
enum Places {
    /// By the value, which no two keys share.
    Shared,
    /// By the value, plus where its key begins.
    Dense { starts: Vec<usize>, ends: Vec<usize> },
    /// In the order in which they were met.
    Hashed(FxHashMap<(u32, u64), u32>),
}

impl Writers {
    pub(super) fn new(input: &Sessions, session_starts: &[u32]) -> Self {
        let (places, count) = Places::new(input);
        let mut writers = Self {
            places,
            writers: vec![(0, Writer::Nobody); count],
        };
        for cell in input.initial() {
            writers.add(cell, Writer::Initial);
        }
        let mut last: Vec<(u32, u64)> = vec![(u32::MAX, 0); input.key_count()];
        let mut next = session_starts.to_vec();
        for (number, pushed) in input.txns().iter().enumerate() {
            let txn = next[pushed.session as usize];
            next[pushed.session as usize] += 1;
            for cell in input.accesses_of(number).iter().filter(|cell| cell.kind == Kind::Write) {
                let (owner, value) = last[cell.key as usize];
                if owner == txn {
                    writers.overwrite(cell.key, value, txn);
                }
                last[cell.key as usize] = (txn, cell.value);
                writers.add(cell, Writer::Last(txn));
            }
        }
        writers
    }

    /// Returns who wrote `value` of `key`.
    pub(super) fn of(&self, key: u32, value: u64) -> Writer {
        let place = self.places.of(key, value);
        let writer = place.and_then(|place| self.writers.get(place));
        writer
            .filter(|(of, _)| *of == key)
            .map_or(Writer::Nobody, |(_, writer)| *writer)
    }

    fn add(&mut self, cell: &Cell, by: Writer) {
        let place = match &mut self.places {
            Places::Hashed(places) => {
                let place = *places
                    .entry((cell.key, cell.value))
                    .or_insert(self.writers.len() as u32) as usize;
                if place == self.writers.len() {
                    self.writers.push((cell.key, Writer::Nobody));
                }
                place
            }
            places => places
                .of(cell.key, cell.value)
                .expect("there is room for what is written"),
        };
        let writer = &mut self.writers[place];
        *writer = match writer.1 {
            Writer::Nobody => (cell.key, by),
            _ => (cell.key, Writer::Several),
        };
    }

    fn overwrite(&mut self, key: u32, value: u64, txn: u32) {
        let place = self.places.of(key, value).expect("it was added");
        let writer = &mut self.writers[place].1;
        if *writer == Writer::Last(txn) {
            *writer = Writer::Overwritten(txn);
        }
    }
}

impl Places {
    /// Returns how the values written in `input` are told apart, and for how many there is room at first.
    fn new(input: &Sessions) -> (Self, usize) {
        let writes = || input.writes().chain(input.initial());
        let (mut least, mut ends) = (vec![usize::MAX; input.key_count()], vec![0; input.key_count()]);
        let (mut count, mut end) = (0, 0usize);
        for cell in writes() {
            let (key, value) = (cell.key as usize, usize::try_from(cell.value).unwrap_or(usize::MAX));
            ends[key] = value.saturating_add(1).max(ends[key]);
            least[key] = value.min(least[key]);
            end = end.max(ends[key]);
            count += 1;
        }
        let room = 2 * count + 1024;
        if end <= room && are_distinct(writes(), end) {
            return (Self::Shared, end);
        }
        let lengths = || least.iter().zip(&ends).map(|(least, end)| end.saturating_sub(*least));
        if lengths().fold(0usize, usize::saturating_add) > room {
            let mut places = FxHashMap::default();
            places.reserve(count);
            return (Self::Hashed(places), 0);
        }
        let (mut starts, mut places_ends, mut next) = (Vec::new(), Vec::new(), 0usize);
        for (least, length) in least.iter().zip(lengths()) {
            // So that a value plus its key's start, if need be around zero, is its place.
            starts.push(next.wrapping_sub(*least));
            next += length;
            places_ends.push(next);
        }
        let ends = places_ends;
        (Self::Dense { starts, ends }, next)
    }

    /// Returns where `value` of `key` has its place, if it can have one.
    fn of(&self, key: u32, value: u64) -> Option<usize> {
        match self {
            Self::Shared => usize::try_from(value).ok(),
            Self::Dense { starts, ends } => {
                let place = usize::try_from(value).ok()?.wrapping_add(starts[key as usize]);
                (place < ends[key as usize]).then_some(place)
            }
            Self::Hashed(places) => places.get(&(key, value)).map(|place| *place as usize),
        }
    }
}

/// Returns whether no value, all of them below `end`, is written twice, be it to two keys.
fn are_distinct<'c>(mut writes: impl Iterator<Item = &'c Cell>, end: usize) -> bool {
    let mut met = vec![false; end];
    writes.all(|cell| !std::mem::replace(&mut met[cell.value as usize], true))
}
