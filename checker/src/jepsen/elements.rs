//! Elements as numbers, in order of their first appearance, so that what is known of each is a table.

use rustc_hash::FxHashMap;

use crate::datum::Datum;

/// Integers below this have their numbers in a table of their own, which is read far faster than a map. Generators
/// count from 0; the table takes at most 4 MB.
const SMALL_MAX: usize = 1 << 20;

/// Stands for no number.
const NONE: u32 = u32::MAX;

/// The elements that a transcript speaks of.
#[derive(Debug, Default)]
pub(super) struct Elements<'t> {
    data: Vec<&'t Datum>,
    small: Vec<u32>,
    others: FxHashMap<&'t Datum, u32>,
}

impl<'t> Elements<'t> {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// Returns the element of this number.
    pub(super) fn datum(&self, number: usize) -> &'t Datum {
        self.data[number]
    }

    /// Returns the number of `element`, which may be new.
    pub(super) fn number(&mut self, element: &'t Datum) -> usize {
        let next = u32::try_from(self.data.len()).expect("there is memory for fewer elements than that");
        let number = match small(element) {
            Some(small) => {
                if small >= self.small.len() {
                    let length = (small + 1).next_power_of_two().min(SMALL_MAX);
                    self.small.resize(length, NONE);
                }
                let number = &mut self.small[small];
                if *number == NONE {
                    *number = next;
                }
                *number
            }
            None => *self.others.entry(element).or_insert(next),
        };
        if number == next {
            self.data.push(element);
        }
        number as usize
    }
}

fn small(element: &Datum) -> Option<usize> {
    let int = usize::try_from(element.as_int()?).ok()?;
    Some(int).filter(|int| *int < SMALL_MAX)
}
