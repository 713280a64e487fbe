//! Where and when the record has the beginning and the end of each transaction.

use rustc_hash::FxHashMap;

use super::txns::{NONE, Txn};

/// How the record names a transaction, for evidence; a number that is not known is [`Origin::UNKNOWN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) index: u64,
    pub(super) completion_index: u64,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

impl Origin {
    pub(super) const UNKNOWN: u64 = u64::MAX;
}

/// The origins of transactions. Where indices count entries from 0, as in most records, they are not kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// By transaction, when it began and ended.
    times: Vec<(u64, u64)>,
    /// By transaction, the indices of its beginning and its end, unless these count entries.
    indices: Option<Vec<(u64, u64)>>,
    /// If they do, those of ends that say nothing of when the transaction took effect.
    ends: FxHashMap<u32, u64>,
}

impl Origins {
    /// Appends the origin of the last of these.
    #[inline]
    pub(super) fn push(&mut self, txns: &[Txn], origin: Origin) {
        let (last, before) = txns.split_last().expect("it is the last of them");
        let told = (origin.index, origin.completion_index);
        if self.indices.is_none() && told != counted(last) {
            self.keep_indices(before);
        }
        if let Some(indices) = &mut self.indices {
            indices.push(told);
        }
        self.times.push((origin.start_ns, origin.end_ns));
    }

    /// Says where and when a transaction ended.
    #[inline]
    pub(super) fn complete(&mut self, txns: &[Txn], txn: u32, index: u64, time_ns: u64) {
        self.times[txn as usize].1 = time_ns;
        if self.indices.is_none() {
            match counted(&txns[txn as usize]).1 {
                end if end == index => return,
                Origin::UNKNOWN => {
                    self.ends.insert(txn, index);
                    return;
                }
                _ => self.keep_indices(txns),
            }
        }
        if let Some(indices) = &mut self.indices {
            indices[txn as usize].1 = index;
        }
    }

    pub(super) fn of(&self, txns: &[Txn], txn: u32) -> Origin {
        let (start_ns, end_ns) = self.times[txn as usize];
        let (index, completion_index) = match &self.indices {
            Some(indices) => indices[txn as usize],
            None => self.counted(txn, &txns[txn as usize]),
        };
        Origin {
            index,
            completion_index,
            start_ns,
            end_ns,
        }
    }

    /// Keeps indices from now on.
    #[cold]
    fn keep_indices(&mut self, txns: &[Txn]) {
        let indices = (0..).zip(txns).map(|(number, txn)| self.counted(number, txn));
        self.indices = Some(indices.collect());
        self.ends.clear();
    }

    fn counted(&self, number: u32, txn: &Txn) -> (u64, u64) {
        let (index, end) = counted(txn);
        (index, self.ends.get(&number).copied().unwrap_or(end))
    }
}

/// Returns the indices of a transaction's beginning and end if they count entries from 0.
#[inline]
fn counted(txn: &Txn) -> (u64, u64) {
    let index = |entry: u32| match entry {
        0 | NONE => Origin::UNKNOWN,
        entry => u64::from(entry) - 1,
    };
    (index(txn.start), index(txn.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;

    fn txn(start: u32, end: u32) -> Txn {
        Txn {
            start,
            end,
            session: 0,
            first_step: 0,
            step_count: 0,
            outcome: Outcome::Ok,
        }
    }

    fn origin(index: u64, completion_index: u64) -> Origin {
        Origin {
            index,
            completion_index,
            start_ns: 10 * index,
            end_ns: 7,
        }
    }

    /// Appends those that begin so, and tells of each how it ends, if it does; returns what is known of them then.
    fn told(begins: &[(u32, u64)], ends: &[(usize, u32, u64)]) -> (bool, Vec<(u64, u64)>) {
        let (mut txns, mut origins) = (Vec::new(), Origins::default());
        for (start, index) in begins {
            txns.push(txn(*start, NONE));
            origins.push(&txns, origin(*index, Origin::UNKNOWN));
        }
        for (number, end, index) in ends {
            txns[*number].end = *end;
            origins.complete(&txns, *number as u32, *index, 70 + index);
        }
        let all = (0..txns.len() as u32).map(|number| origins.of(&txns, number));
        let is_counted = origins.indices.is_none();
        let all: Vec<Origin> = all.collect();
        assert!(all.iter().zip(begins).all(|(it, (_, index))| it.start_ns == 10 * index));
        assert!(ends.iter().all(|(number, _, index)| all[*number].end_ns == 70 + index));
        (
            is_counted,
            all.iter().map(|it| (it.index, it.completion_index)).collect(),
        )
    }

    #[test]
    fn indices_are_those_told_whether_they_count_entries_or_not() {
        const UNKNOWN: u64 = Origin::UNKNOWN;
        let counted = told(&[(1, 0), (2, 1), (4, 3)], &[(0, 3, 2), (2, NONE, 4)]);
        assert_eq!(counted, (true, vec![(0, 2), (1, UNKNOWN), (3, 4)]));
        let begins_elsewhere = told(&[(1, 0), (2, 5)], &[(0, 3, 6), (1, NONE, 9)]);
        assert_eq!(begins_elsewhere, (false, vec![(0, 6), (5, 9)]));
        let ends_elsewhere = told(&[(1, 0), (2, 1), (3, 2)], &[(0, NONE, 3), (1, 5, 7), (2, 6, 8)]);
        assert_eq!(ends_elsewhere, (false, vec![(0, 3), (1, 7), (2, 8)]));
        let has_no_beginning = told(&[(0, 3)], &[(0, 4, 3)]);
        assert_eq!(has_no_beginning, (false, vec![(3, 3)]));
    }
}
