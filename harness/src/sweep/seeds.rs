//! Which seeds a sweep runs: some that are told first, then new ones in their order.

/// The seeds of a sweep, none of them twice.
#[derive(Clone, Debug)]
pub struct Seeds {
    first: Vec<u64>,
    from: u64,
    count: u64,
}

impl Seeds {
    /// `first`, and then those from `from` on that are not among them: `count` in all, or as many as there are.
    pub fn new(mut first: Vec<u64>, from: u64, count: u64) -> Seeds {
        first.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        let told_later = first.iter().filter(|seed| **seed >= from).count() as u64;
        let new_max = (u64::MAX - from).saturating_sub(told_later);
        let count = count.min(new_max.saturating_add(first.len() as u64));
        Seeds { first, from, count }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first new one.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// How many were told.
    pub fn told_count(&self) -> u64 {
        self.first.len() as u64
    }

    /// The seed with this number, from 0.
    ///
    /// # Panics
    /// If there are not that many.
    pub fn at(&self, number: u64) -> u64 {
        assert!(number < self.count, "there are {} seeds", self.count);
        let told = usize::try_from(number).ok().and_then(|number| self.first.get(number));
        if let Some(seed) = told {
            return *seed;
        }
        let mut seed = self.from + (number - self.told_count());
        let mut told: Vec<_> = self.first.iter().filter(|told| **told >= self.from).collect();
        told.sort_unstable();
        told.into_iter().for_each(|told| seed += u64::from(*told <= seed));
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(first: &[u64], from: u64, count: u64) -> Vec<u64> {
        let seeds = Seeds::new(first.to_vec(), from, count);
        (0..seeds.count()).map(|number| seeds.at(number)).collect()
    }

    #[test]
    fn those_that_are_told_come_first_and_none_twice() {
        assert_eq!(all(&[], 5, 3), [5, 6, 7]);
        assert_eq!(all(&[9, 2, 6, 5], 5, 8), [9, 2, 6, 5, 7, 8, 10, 11]);
        assert_eq!(all(&[9, 2, 6], 5, 2), [9, 2]);
        assert_eq!(all(&[], u64::MAX - 2, 9), [u64::MAX - 2, u64::MAX - 1]);
    }
}
