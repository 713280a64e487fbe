//! Queues: `:enqueue v`, `:dequeue nil -> v`, `:drain nil -> [v ...]`, also as `:push` and `:pop`; a bag, first in first out, or
//! last in first out.
//!
//! An ok dequeue of nil found nothing, or its value is not known, as [`Nil`] says. A drain is so many dequeues, each at an
//! instant of its own: no store promises more.

use super::{mark, unknown_function};
use crate::{
    datum::Datum,
    linear::{Marks, Model, Nil, Parsed},
    transcript::Call,
};

/// A queue, empty at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Which element a dequeue takes.
    pub order: QueueOrder,
    /// What a completed dequeue of nil says.
    pub nil: Nil,
}

/// Which element a dequeue takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueOrder {
    /// Any.
    Unordered,
    /// The one that was put in first.
    Fifo,
    /// The one that was put in last: a stack.
    Lifo,
}

/// What a queue is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueOp {
    /// This was put in.
    Enqueue(Datum),
    /// This was taken out.
    Dequeue(Datum),
    /// Something was taken out, nobody knows what.
    DequeueSomething,
    /// Nothing was there.
    Empty,
}

/// A mark that no element has but by chance.
const EMPTINESS: u64 = 0x656d_7074_7921;

impl Model for Queue {
    type Op = QueueOp;
    /// In the order in which they were put in; sorted where that does not matter.
    type State = Vec<Datum>;

    fn parse(&self, call: &Call) -> Result<Parsed<QueueOp>, String> {
        let answered = &call.answered;
        match &*call.function {
            "enqueue" | "push" => Ok(Parsed::Op(QueueOp::Enqueue(call.asked.clone()))),
            "dequeue" | "pop" if !call.is_ok() => Ok(Parsed::Op(QueueOp::DequeueSomething)),
            "dequeue" | "pop" if answered.is_nil() => Ok(match self.nil {
                Nil::Absent => Parsed::Op(QueueOp::Empty),
                Nil::Any => return Err("it took out something that is not known".into()),
            }),
            "dequeue" | "pop" => Ok(Parsed::Op(QueueOp::Dequeue(answered.clone()))),
            "drain" if !call.is_ok() => Err("a drain of unknown outcome may have taken out anything".into()),
            "drain" if answered.is_nil() => Ok(Parsed::Nothing),
            "drain" => {
                let items = answered.items();
                let items = items.ok_or_else(|| format!("a drain returns a list, not {answered}"))?;
                Ok(Parsed::Ops(items.iter().cloned().map(QueueOp::Dequeue).collect()))
            }
            _ => Err(unknown_function("queue", call)),
        }
    }

    fn initial(&self) -> Vec<Datum> {
        Vec::new()
    }

    fn step(&self, held: &Vec<Datum>, op: &QueueOp, next: &mut Vec<Vec<Datum>>) {
        let without = |place: usize| {
            let mut held = held.clone();
            held.remove(place);
            held
        };
        match op {
            QueueOp::Enqueue(value) => {
                let mut held = held.clone();
                let place = match self.order {
                    QueueOrder::Unordered => held.partition_point(|it| it < value),
                    QueueOrder::Fifo | QueueOrder::Lifo => held.len(),
                };
                held.insert(place, value.clone());
                next.push(held);
            }
            QueueOp::Dequeue(value) => {
                let place = match self.order {
                    QueueOrder::Unordered => held.binary_search(value).ok(),
                    QueueOrder::Fifo => Some(0).filter(|_| held.first() == Some(value)),
                    QueueOrder::Lifo => held.len().checked_sub(1).filter(|last| held[*last] == *value),
                };
                next.extend(place.map(without));
            }
            QueueOp::DequeueSomething => match self.order {
                QueueOrder::Unordered => {
                    let is_first = |place: &usize| *place == 0 || held[*place] != held[place - 1];
                    next.extend((0..held.len()).filter(is_first).map(without));
                }
                QueueOrder::Fifo => next.extend((!held.is_empty()).then(|| without(0))),
                QueueOrder::Lifo => next.extend(held.len().checked_sub(1).map(without)),
            },
            QueueOp::Empty if held.is_empty() => next.push(Vec::new()),
            QueueOp::Empty => {}
        }
    }

    fn observes(&self, op: &QueueOp) -> bool {
        *op == QueueOp::Empty
    }

    fn leaves(&self, op: &QueueOp) -> Marks {
        match op {
            QueueOp::Enqueue(value) | QueueOp::Dequeue(value) => Marks::Only(vec![mark(value)]),
            QueueOp::DequeueSomething => Marks::All,
            QueueOp::Empty => Marks::none(),
        }
    }

    /// An element can be left out with all that is done with it: what is left is still in its order, and empty where it was.
    fn needs(&self, op: &QueueOp) -> Marks {
        match op {
            QueueOp::Enqueue(value) | QueueOp::Dequeue(value) => Marks::Only(vec![mark(value)]),
            QueueOp::DequeueSomething => Marks::none(),
            // That it was empty may be owed to whoever took something out, nobody knows what.
            QueueOp::Empty => Marks::Only(vec![EMPTINESS]),
        }
    }

    /// What was put in is there until it is taken out.
    fn needs_later(&self, op: &QueueOp) -> bool {
        matches!(op, QueueOp::Enqueue(_))
    }

    /// A bag is many bags, one for each value, unless something is asked of all.
    fn parts(&self, op: &QueueOp) -> Marks {
        match op {
            QueueOp::Enqueue(value) | QueueOp::Dequeue(value) if self.order == QueueOrder::Unordered => {
                Marks::Only(vec![mark(value)])
            }
            _ => Marks::All,
        }
    }

    fn state_bytes(&self, held: &Vec<Datum>) -> usize {
        size_of::<Vec<Datum>>() + held.iter().map(Datum::bytes).sum::<usize>()
    }

    fn tell(&self, held: &Vec<Datum>) -> Option<String> {
        Some(Datum::list(held.iter().cloned()).to_string())
    }

    fn noun(&self) -> &'static str {
        "queue"
    }
}
