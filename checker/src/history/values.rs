//! The values of one key, numbered as they were met.

use serde_json::Value;

use super::{
    borrowed::ValueRef,
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

    /// Appends the values to `all`.
    pub(super) fn append_to(self, all: &mut Vec<Value>) {
        match self.items {
            Items::Integers(integers) => all.extend(integers.into_iter().map(Value::from)),
            Items::Any(values) => all.extend(values),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.items {
            Items::Integers(integers) => integers.len(),
            Items::Any(values) => values.len(),
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
