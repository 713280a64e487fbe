//! Lost updates: two transactions that read the same version of a key and wrote it, each on its own.
//!
//! In which order they wrote does not matter, so that they are found where no order is known (Berenson et al. 1995, P4; Bailis et al.
//! 2013).

use std::ops::Range;

use super::{
    anomaly::Anomaly,
    cases::Cases,
    lists::past,
    txns::{NONE, Step, Txns, What},
    writers::Writers,
};
use crate::execute::{Execute, map_ranges};

/// A transaction that read a version of a key and wrote the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Update {
    key: u32,
    /// What was read: the last element, and how many there were.
    version: (u32, u32),
    txn: u32,
    /// The read.
    step: u32,
}

/// Looks for lost updates.
pub(super) fn check(txns: &Txns, writers: &Writers, execute: &dyn Execute, cases: &mut Cases) {
    let mut updates = map_ranges(execute, txns.count(), |part| updates(txns, part, writers)).concat();
    if are_of_different_versions(txns, &updates) {
        return;
    }
    updates.sort_unstable();
    for same in updates.chunk_by(|a, b| (a.key, a.version) == (b.key, b.version)) {
        if let [first, second, ..] = same {
            cases.add(Anomaly::LostUpdate, || {
                let read = &txns.steps(first.txn)[first.step as usize];
                let text = format!(
                    "{} and {} both {}, and both wrote it, so that neither knew of the other's write.",
                    txns.full_name(first.txn),
                    txns.full_name(second.txn),
                    past(&txns.step_text(read))
                );
                (vec![first.txn, second.txn], text)
            });
        }
    }
}

/// Returns the updates of some transactions.
fn updates(txns: &Txns, part: Range<u32>, writers: &Writers) -> Vec<Update> {
    let mut updates = Vec::new();
    for txn in part.filter(|txn| writers.repeats(*txn) && txns.is_ok(*txn)) {
        let steps = txns.steps(txn);
        for (number, write) in steps.iter().enumerate() {
            if !matches!(write.what(), What::Write(_)) || writers.is_ambiguous(write.key) {
                continue;
            }
            // The first of the key, and none that wrote it between.
            let mut before = (0..).zip(&steps[..number]).filter(|(_, step)| step.key == write.key);
            let Some((step, version)) = before
                .next()
                .and_then(|(step, read)| Some((step, version(txns, read)?)))
            else {
                continue;
            };
            if before.all(|(_, step)| !matches!(step.what(), What::Write(_))) {
                updates.push(Update {
                    key: write.key,
                    version,
                    txn,
                    step,
                });
            }
        }
    }
    updates
}

/// Returns whether it is soon seen that no two are of one version: no two read the same last element, or none of the same key.
fn are_of_different_versions(txns: &Txns, updates: &[Update]) -> bool {
    let mut is_met = vec![false; txns.elements.len() + txns.keys.len()];
    updates.iter().all(|update| {
        let place = match update.version.0 {
            NONE => txns.elements.len() + update.key as usize,
            element => element as usize,
        };
        !std::mem::replace(&mut is_met[place], true)
    })
}

/// Returns which version a step reads, if it does.
fn version(txns: &Txns, step: &Step) -> Option<(u32, u32)> {
    match step.what() {
        What::Write(_) => None,
        What::ReadList { length: 0, .. } => Some((NONE, 0)),
        What::ReadList { list, length } => Some((*txns.read(list, length).last()?, length)),
        What::ReadRegister(element) => Some((element, 1)),
    }
}
