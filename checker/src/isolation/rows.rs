//! Many short lists in one: no list has memory of its own.

/// Items by the row that they are in.
#[derive(Clone, Debug, Default)]
pub(in crate::isolation) struct Rows {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Rows {
    /// Sorts pairs into rows by their first.
    ///
    /// # Panics
    /// There are 2^32 pairs, which take more memory than machines have.
    pub(in crate::isolation) fn new(row_count: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0u32; row_count + 1];
        for (row, _) in pairs.clone() {
            starts[row as usize + 1] += 1;
        }
        for row in 0..row_count {
            starts[row + 1] = starts[row]
                .checked_add(starts[row + 1])
                .expect("there are fewer than 2^32 pairs");
        }
        let mut next = starts.clone();
        let mut items = vec![0; starts[row_count] as usize];
        for (row, item) in pairs {
            let place = &mut next[row as usize];
            items[*place as usize] = item;
            *place += 1;
        }
        Self { starts, items }
    }

    pub(in crate::isolation) fn row_count(&self) -> usize {
        self.starts.len() - 1
    }

    pub(in crate::isolation) fn item_count(&self) -> usize {
        self.items.len()
    }

    #[inline]
    pub(in crate::isolation) fn of(&self, row: u32) -> &[u32] {
        &self.items[self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize]
    }
}
