//! The values of one key, numbered as they were met, and of all keys.

use std::sync::OnceLock;

use serde_json::Value;

use super::{
    borrowed::ValueRef,
    id::ValueId,
    order::{Order, OrderLost, hash},
};

/// Distinct values, and nothings that are each met once.
#[derive(Debug)]
pub(super) struct Values {
    items: Items,
    order: Order,
}

#[derive(Debug)]
enum Items {
    /// As long as all are.
    Integers(Vec<i64>),
    Any(Vec<Value>),
}

impl Values {
    pub(super) fn new() -> Self {
        Self {
            items: Items::Integers(Vec::new()),
            order: Order::AsMet,
        }
    }

    /// Returns the index of an integer, which is new if it was never met.
    #[inline]
    pub(super) fn intern_integer(&mut self, integer: i64) -> usize {
        if let Items::Integers(integers) = &mut self.items {
            let count = integers.len();
            match self.order.find_or_add(count, |index| integers[index].cmp(&integer)) {
                Ok(Some(index)) => return index,
                Ok(None) => {
                    integers.push(integer);
                    return count;
                }
                Err(OrderLost) => {}
            }
        }
        self.intern(ValueRef::Integer(integer))
    }

    /// Returns the index of `value`, which is something and new if it was never met. It loses the order: [`Self::intern_integer`]
    /// keeps it as long as it can.
    pub(super) fn intern(&mut self, value: ValueRef<'_>) -> usize {
        let count = self.len();
        let items = self.items.any();
        let is = |index: usize| ValueRef::from(&items[index]) == value;
        let hash_at = |index: usize| hash(ValueRef::from(&items[index]));
        let found = self.order.find_or_add_hashed(count, hash(value), is, hash_at);
        found.unwrap_or_else(|| {
            items.push(value.into());
            count
        })
    }

    /// Appends a nothing that no other is, and returns its index.
    pub(super) fn push_nothing(&mut self) -> usize {
        let count = self.len();
        let items = self.items.any();
        self.order.lose(count, |index| hash(ValueRef::from(&items[index])));
        items.push(Value::Null);
        count
    }

    /// Returns the value of this index.
    pub(super) fn is(&self, index: usize, value: ValueRef<'_>) -> bool {
        match &self.items {
            Items::Integers(integers) => ValueRef::Integer(integers[index]) == value,
            Items::Any(values) => ValueRef::from(&values[index]) == value,
        }
    }

    /// Returns the value of this index as JSON.
    pub(super) fn get(&self, index: usize) -> Value {
        match &self.items {
            Items::Integers(integers) => integers[index].into(),
            Items::Any(values) => values[index].clone(),
        }
    }

    /// Reads the last value: see [`Draft::fetch`](super::of_key::Draft::fetch).
    #[inline]
    pub(super) fn fetch(&self) -> usize {
        let last = match &self.items {
            Items::Integers(integers) => integers.last().map_or(0, |last| *last as usize),
            Items::Any(values) => values.last().map_or(0, |last| usize::from(last.is_null())),
        };
        last ^ self.order.fetch()
    }

    /// Returns the integers, if all are.
    pub(super) fn integers(&self) -> Option<&[i64]> {
        match &self.items {
            Items::Integers(integers) => Some(integers),
            Items::Any(_) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.items {
            Items::Integers(integers) => integers.len(),
            Items::Any(values) => values.len(),
        }
    }
}

/// The values of all keys, one key's after the other's.
///
/// Integers take a quarter of the room that JSON does, and most checks ask only which values are the same.
#[derive(Debug)]
pub(super) enum AllValues {
    /// Behind the common nothings. In the other form, once somebody has asked for it.
    Integers(Vec<i64>, OnceLock<Vec<Value>>),
    Any(Vec<Value>),
}

impl AllValues {
    /// Returns all that `integers` are.
    pub(super) fn of_integers(integers: Vec<i64>) -> Self {
        Self::Integers(integers, OnceLock::new())
    }

    /// Returns the common nothings and the values of `keys`, `count` with those.
    pub(super) fn of(count: usize, keys: impl Iterator<Item = Values>) -> Self {
        let mut all = Vec::with_capacity(count);
        all.resize(ValueId::COMMON, Value::Null);
        for of_key in keys {
            match of_key.items {
                Items::Integers(integers) => all.extend(integers.into_iter().map(Value::from)),
                Items::Any(values) => all.extend(values),
            }
        }
        Self::Any(all)
    }

    pub(super) fn get(&self, index: usize) -> &Value {
        match self {
            Self::Any(values) => &values[index],
            Self::Integers(integers, as_json) => {
                let as_json = as_json.get_or_init(|| {
                    let nothings = [const { Value::Null }; ValueId::COMMON];
                    nothings
                        .into_iter()
                        .chain(integers.iter().copied().map(Value::from))
                        .collect()
                });
                &as_json[index]
            }
        }
    }

    /// Returns whether none of them consists of others.
    pub(super) fn are_scalars(&self) -> bool {
        match self {
            Self::Any(values) => !values.iter().any(|value| value.is_array() || value.is_object()),
            Self::Integers(..) => true,
        }
    }

    pub(super) fn is_null(&self, index: usize) -> bool {
        match self {
            Self::Any(values) => values[index].is_null(),
            Self::Integers(..) => index < ValueId::COMMON,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Any(values) => values.len(),
            Self::Integers(integers, _) => ValueId::COMMON + integers.len(),
        }
    }
}

impl Items {
    fn any(&mut self) -> &mut Vec<Value> {
        if let Self::Integers(integers) = self {
            *self = Self::Any(integers.iter().copied().map(Value::from).collect());
        }
        match self {
            Self::Any(values) => values,
            Self::Integers(_) => unreachable!("they are any just above"),
        }
    }
}
