//! The values that transactions wrote, one after another: integers as such, as long as all are.

use std::borrow::Cow;

use crate::datum::Datum;

/// Values, each of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    keys: Vec<u32>,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// As long as all are. They take a third of the room.
    Ints(Vec<i64>),
    Any(Vec<Datum>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Ints(Vec::new())
    }
}

impl Elements {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns, by element, its key.
    pub(super) fn keys(&self) -> &[u32] {
        &self.keys
    }

    pub(super) fn key(&self, element: u32) -> u32 {
        self.keys[element as usize]
    }

    pub(super) fn value(&self, element: u32) -> Cow<'_, Datum> {
        match &self.values {
            Values::Ints(ints) => Cow::Owned(Datum::Int(ints[element as usize])),
            Values::Any(values) => Cow::Borrowed(&values[element as usize]),
        }
    }

    #[inline]
    pub(super) fn push_int(&mut self, key: u32, int: i64) {
        self.keys.push(key);
        match &mut self.values {
            Values::Ints(ints) => ints.push(int),
            Values::Any(values) => values.push(Datum::Int(int)),
        }
    }

    pub(super) fn push(&mut self, key: u32, value: &Datum) {
        self.keys.push(key);
        if let Values::Ints(ints) = &self.values {
            self.values = Values::Any(ints.iter().copied().map(Datum::Int).collect());
        }
        if let Values::Any(values) = &mut self.values {
            values.push(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_stay_what_they_are_when_something_else_comes() {
        let mut elements = Elements::default();
        elements.push_int(3, 7);
        assert_eq!(*elements.value(0), Datum::Int(7));
        elements.push(4, &Datum::Text("x".into()));
        elements.push_int(5, -1);
        let values: Vec<Datum> = (0..3).map(|element| elements.value(element).into_owned()).collect();
        assert_eq!(values, [Datum::Int(7), Datum::Text("x".into()), Datum::Int(-1)]);
        assert_eq!(
            (elements.keys(), elements.key(1), elements.len()),
            (&[3, 4, 5][..], 4, 3)
        );
    }
}
