//! Words for transactions and what they did.

use std::borrow::Cow;

use super::{
    origins::Origin,
    txns::{NONE, Step, Txns, What},
};
use crate::{datum::Datum, history::Outcome};

/// How many elements of a list are told; of a longer one the last of them.
const ELEMENTS_TOLD_MAX: usize = 8;

impl Txns {
    /// As in `T3`, numbered in the order of invocations.
    pub(super) fn name(&self, txn: u32) -> String {
        format!("T{}", self.whole(txn))
    }

    /// As in `T3 (p1, index 6 to 7)`.
    pub(super) fn full_name(&self, txn: u32) -> String {
        let origin = self.origin(txn);
        let process = &self.processes[self.txn(txn).session as usize];
        let span = match (self.txn(txn).start, origin.completion_index) {
            (0, Origin::UNKNOWN) => "never begun or ended".to_owned(),
            (0, end) => format!("ended at index {end}"),
            (_, Origin::UNKNOWN) => format!("from index {}, never answered", origin.index),
            (_, end) => format!("index {} to {end}", origin.index),
        };
        let outcome = match self.txn(txn).outcome {
            Outcome::Ok => "",
            Outcome::Fail => ", failed",
            Outcome::Info => ", outcome unknown",
        };
        format!("{} ({process}, {span}{outcome})", self.name(txn))
    }

    pub(super) fn key_name(&self, key: u32) -> String {
        self.keys[key as usize]
            .as_name()
            .map_or_else(|| self.keys[key as usize].to_string(), str::to_owned)
    }

    pub(super) fn value(&self, element: u32) -> Cow<'_, Datum> {
        match element {
            NONE => Cow::Owned(Datum::Nil),
            element => self.elements.value(element),
        }
    }

    /// As in `[1 2 3]`, or `[... 57 58]` for one that is long.
    pub(super) fn list_text(&self, list: u32, length: u32) -> String {
        let elements = self.read(list, length);
        let told = elements.len().saturating_sub(ELEMENTS_TOLD_MAX);
        let words = elements[told..].iter().map(|element| self.value(*element).to_string());
        let dots = (told > 0).then(|| "...".to_owned());
        format!("[{}]", dots.into_iter().chain(words).collect::<Vec<_>>().join(" "))
    }

    /// As in `append 3 to x`, `read x as [1 2]`.
    pub(super) fn step_text(&self, step: &Step) -> String {
        let key = self.key_name(step.key);
        match step.what() {
            What::Write(element) if self.is_of_lists() => format!("append {} to {key}", self.value(element)),
            What::Write(element) => format!("write {} to {key}", self.value(element)),
            What::ReadList { list, length } => format!("read {key} as {}", self.list_text(list, length)),
            What::ReadRegister(element) => format!("read {key} as {}", self.value(element)),
        }
    }

    /// As in `T3 (p1, index 6 to 7): append 3 to x, read y as [1]`.
    pub(super) fn txn_text(&self, txn: u32) -> String {
        let steps: Vec<String> = self.steps(txn).iter().map(|step| self.step_text(step)).collect();
        format!("{}: {}", self.full_name(txn), steps.join(", "))
    }

    pub(super) fn is_of_lists(&self) -> bool {
        self.data == super::txns::Data::Lists
    }

    /// Returns the transaction's steps as EDN has them.
    pub(super) fn datum(&self, txn: u32) -> Datum {
        Datum::list(self.steps(txn).iter().map(|step| self.step_datum(step)))
    }

    pub(super) fn step_datum(&self, step: &Step) -> Datum {
        let key = self.keys[step.key as usize].clone();
        let keyword = |name: &str| Datum::Keyword(name.into());
        match step.what() {
            What::Write(element) => {
                let name = if self.is_of_lists() { "append" } else { "w" };
                Datum::list([keyword(name), key, self.value(element).into_owned()])
            }
            What::ReadList { list, length } => {
                let values = self
                    .read(list, length)
                    .iter()
                    .map(|element| self.value(*element).into_owned());
                Datum::list([keyword("r"), key, Datum::list(values)])
            }
            What::ReadRegister(element) => Datum::list([keyword("r"), key, self.value(element).into_owned()]),
        }
    }
}
