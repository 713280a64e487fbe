//! A store of texts by key: `:get nil -> "text"`, `:put "text"`, `:append "text"`, each with a `:key`. A key that was never
//! written reads as the empty text.
//!
//! Keys are independent, so that it makes no difference whether a history is split by key beforehand.

use std::collections::BTreeMap;

use super::{mark, unknown_function};
use crate::{
    datum::Datum,
    linear::{Marks, Model, Parsed},
    transcript::Call,
};

/// A store, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kv;

/// What a store is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KvOp {
    key: Datum,
    action: KvAction,
    text: Box<str>,
}

/// What is done with a key and a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KvAction {
    Get,
    Put,
    Append,
}

impl Model for Kv {
    type Op = KvOp;
    type State = BTreeMap<Datum, Box<str>>;

    fn parse(&self, call: &Call) -> Result<Parsed<KvOp>, String> {
        let (action, text) = match &*call.function {
            "get" | "read" if !call.is_ok() => return Ok(Parsed::Nothing),
            "get" | "read" => (KvAction::Get, &call.answered),
            "put" | "write" => (KvAction::Put, &call.asked),
            "append" => (KvAction::Append, &call.asked),
            _ => return Err(unknown_function("kv store", call)),
        };
        let text = match text {
            Datum::Nil => "".into(),
            text => text.as_name().map_or_else(|| text.to_string().into(), Into::into),
        };
        let key = call.key.clone().unwrap_or_default();
        Ok(Parsed::Op(KvOp { key, action, text }))
    }

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(&self, held: &Self::State, op: &KvOp, next: &mut Vec<Self::State>) {
        let old = held.get(&op.key).map_or("", |text| text);
        let new = match op.action {
            KvAction::Get if *old == *op.text => return next.push(held.clone()),
            KvAction::Get => return,
            KvAction::Put => op.text.clone(),
            KvAction::Append => format!("{old}{}", op.text).into(),
        };
        let mut held = held.clone();
        held.insert(op.key.clone(), new);
        next.push(held);
    }

    fn observes(&self, op: &KvOp) -> bool {
        op.action == KvAction::Get
    }

    fn overwrites(&self, later: &KvOp, earlier: &KvOp) -> bool {
        later.action == KvAction::Put && earlier.action != KvAction::Get && later.key == earlier.key
    }

    fn leaves(&self, op: &KvOp) -> Marks {
        match op.action {
            KvAction::Get => Marks::none(),
            KvAction::Put | KvAction::Append => Marks::Only(vec![mark(&op.key)]),
        }
    }

    fn needs(&self, op: &KvOp) -> Marks {
        match op.action {
            KvAction::Get => Marks::Only(vec![mark(&op.key)]),
            KvAction::Put | KvAction::Append => Marks::none(),
        }
    }

    fn outdates(&self, later: &KvOp, earlier: &KvOp) -> bool {
        self.overwrites(later, earlier)
    }

    fn parts(&self, op: &KvOp) -> Marks {
        Marks::Only(vec![mark(&op.key)])
    }

    fn state_bytes(&self, held: &Self::State) -> usize {
        let entries = held
            .iter()
            .map(|(key, text)| key.bytes() + text.len() + size_of::<Box<str>>());
        size_of::<Self::State>() + entries.sum::<usize>() * 3 / 2
    }

    fn tell(&self, held: &Self::State) -> Option<String> {
        let texts: Vec<String> = held.values().map(|text| format!("{text:?}")).collect();
        Some(if texts.is_empty() {
            "nothing".to_owned()
        } else {
            texts.join(" and ")
        })
    }

    fn noun(&self) -> &'static str {
        "text"
    }
}
