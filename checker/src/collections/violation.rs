//! What can be wrong with a collection, and the words for it.

use serde_json::Value;

use crate::{
    evidence::{Words, ended_ns, seconds},
    history::{Action, Op, Outcome},
};

/// A violation, with the ops that are its evidence.
pub(super) enum Violation<'h> {
    /// A read misses what had been acknowledged.
    Missing { write: &'h Op, read: &'h Op },
    /// No replica holds what had been acknowledged.
    Lost { write: &'h Op, looks: Vec<&'h Op> },
    /// A read has what the writes of the chain had overwritten.
    Back {
        value: &'h Value,
        chain: Vec<&'h Op>,
        read: &'h Op,
    },
    /// A read has a value and what overwrote it, by way of the chain's writes.
    FalseSibling {
        value: &'h Value,
        chain: Vec<&'h Op>,
        read: &'h Op,
    },
    /// A read has a value twice.
    Twice { value: &'h Value, read: &'h Op },
    /// A read has what nobody put there by then.
    Phantom {
        value: &'h Value,
        read: &'h Op,
        write: Option<&'h Op>,
    },
    /// A read has what `write` put there and misses what that one's session had met before.
    OutOfOrder {
        value: &'h Value,
        earlier: &'h Op,
        write: &'h Op,
        read: &'h Op,
    },
    /// A read misses what its session had met before.
    Forgotten {
        value: &'h Value,
        earlier: &'h Op,
        read: &'h Op,
    },
}

pub(super) fn tell<'h>(words: Words<'h>, violation: &Violation<'h>, _: &[&'h Op]) -> String {
    match violation {
        Violation::Missing { write, read } => {
            let (returned, acknowledged) = (words.return_of(read), words.acknowledged_before(write, read));
            let (kept, write) = (kept(write), words.op(write));
            format!("{returned}, although {write} had been {acknowledged}, and {kept}.")
        }
        Violation::Lost { write, looks } => {
            let held = |look: &&Op| {
                let (value, time) = (words.value(look.value), seconds(ended_ns(look)));
                let node = look.node.map(|node| words.node(node)).unwrap_or_default();
                format!("{node} held {value} at {time}")
            };
            let held: Vec<String> = looks.iter().map(held).collect();
            let (key, acked) = (words.key(write), seconds(ended_ns(write)));
            let (kept, write, held) = (kept(write), words.op(write), held.join(", "));
            format!(
                "{write} to {key} had been acknowledged at {acked}, and {kept}, yet in the end no replica has it: \
                 {held}."
            )
        }
        Violation::Back { value, chain, read } => {
            let last = chain.last().expect("an acknowledged write says that it is gone");
            let (returned, acknowledged) = (words.return_of(read), words.acknowledged_before(last, read));
            let (write, way) = (words.op(last), way(words, value, chain));
            format!("{returned}, although {write} had been {acknowledged}: {way}.")
        }
        Violation::FalseSibling { value, chain, read } => {
            let (returned, way) = (words.return_of(read), way(words, value, chain));
            format!("{returned}, although {value} is no sibling there: {way}.")
        }
        Violation::Twice { value, read } => format!("{}, with {value} twice.", words.return_of(read)),
        Violation::Phantom { value, read, write } => tell_phantom(words, value, read, *write),
        Violation::OutOfOrder {
            value,
            earlier,
            write,
            read,
        } => {
            let did = if earlier.action.is_write() {
                "put it there"
            } else {
                "read it"
            };
            let (returned, later, session) = (words.return_of(read), words.value(write.value), words.process(write));
            let (through, span, after) = (words.through(earlier), words.span(earlier), words.span(write));
            format!(
                "{returned}, with {later} but without {value}, although {session}, before it wrote {later} {after}, had \
                 {did}{through} {span}, and nobody who had seen it took it away."
            )
        }
        Violation::Forgotten { value, earlier, read } => {
            let did = if earlier.action.is_write() {
                "put it there"
            } else {
                "read it"
            };
            let (returned, through, span) = (words.return_of(read), words.through(earlier), words.span(earlier));
            format!(
                "{returned}, without {value}, although it had {did}{through} {span} before, and nobody who had seen it \
                 took it away."
            )
        }
    }
}

/// That what `write` put there should still be there.
fn kept(write: &Op) -> &'static str {
    match write.action {
        Action::Add => "nobody who had seen it removed it",
        _ => "nobody who had seen it overwrote it",
    }
}

/// As in `p2's write of 3 had seen 1, and p1's write of 4 had seen 3`.
fn way(words: Words<'_>, value: &Value, chain: &[&Op]) -> String {
    let mut seen = value.to_string();
    let mut parts = Vec::new();
    for write in chain {
        parts.push(format!("{} had seen {seen}", words.op(write)));
        seen = words.value(write.value);
    }
    parts.join(", and ")
}

fn tell_phantom(words: Words<'_>, value: &Value, read: &Op, write: Option<&Op>) -> String {
    let returned = words.return_of(read);
    match write {
        None => format!("{returned}, but nobody put {value} there."),
        Some(write) if write.outcome == Outcome::Fail && write.start < read.end => {
            let (write, span) = (words.op(write), words.span(write));
            format!("{returned}, although {write} {span} had failed, so that its value must never be seen.")
        }
        Some(write) => {
            let (write, began) = (words.op(write), seconds(write.start_ns));
            format!("{returned}, although {write} began only at {began}, after that.")
        }
    }
}
