//! The work of judging, in pieces that others may do at once: a claim on a part of the keys each.
//!
//! This crate starts no threads; whoever has some lends them.

use std::sync::OnceLock;

use quorate_checker::{Context, Counts, Finding, History};

/// What finds where a claim is broken.
pub(crate) type Check = fn(&History, &Context) -> Finding;

/// Whoever does pieces of work.
pub trait Workers {
    /// How many pieces are done at once, at most.
    fn count(&self) -> usize;

    /// Calls `piece` with every number below `count`, each once, in any order and on any thread, and returns when all are
    /// done.
    fn do_all(&self, count: usize, piece: &(dyn Fn(usize) + Sync));
}

/// Does one piece after the other, where it is called.
#[derive(Clone, Copy, Debug)]
pub struct InOrder;

impl Workers for InOrder {
    fn count(&self) -> usize {
        1
    }

    fn do_all(&self, count: usize, piece: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(piece);
    }
}

/// In how many parts each worker finds the history cut: where one takes longer than others, little is left to wait for.
const PARTS_EACH: usize = 4;

/// Returns what `history` holds, and what each of `checks` finds in it.
pub(crate) fn judge(
    workers: &dyn Workers,
    history: &History,
    context: &Context,
    checks: &[Check],
) -> (Counts, Vec<Finding>) {
    let parts = match workers.count() {
        0 | 1 => vec![history.clone()],
        count => history.parts(count * PARTS_EACH),
    };
    // An empty history has no part, and is judged all the same.
    let parts = if parts.is_empty() { vec![history.clone()] } else { parts };
    let counts: Vec<OnceLock<Counts>> = slots(parts.len());
    let findings: Vec<OnceLock<Finding>> = slots(parts.len() * checks.len());
    workers.do_all(counts.len() + findings.len(), &|number| {
        let part = &parts[number % parts.len()];
        let is_first = match number.checked_sub(counts.len()) {
            None => counts[number].set(Counts::of(part)).is_ok(),
            Some(number) => {
                let check = checks[number / parts.len()];
                findings[number].set(check(part, context)).is_ok()
            }
        };
        assert!(is_first, "each piece is done once");
    });
    let findings: Vec<Finding> = all(findings);
    let of_checks = findings.chunks(parts.len()).map(|found| merge(found, Finding::merge));
    (merge(&all(counts), Counts::merge), of_checks.collect())
}

fn slots<T>(count: usize) -> Vec<OnceLock<T>> {
    (0..count).map(|_| OnceLock::new()).collect()
}

fn all<T>(slots: Vec<OnceLock<T>>) -> Vec<T> {
    let done = slots.into_iter().map(OnceLock::into_inner);
    done.map(|it| it.expect("every piece was done")).collect()
}

fn merge<T: Clone>(parts: &[T], merge: fn(T, T) -> T) -> T {
    let merged = parts.iter().cloned().reduce(merge);
    merged.expect("a history has a part")
}
