//! Levels as their definitions read: all orders of commits are tried.

use std::collections::BTreeSet;

use quorate_checker::causal::{Access, Level, Sessions};

/// A transaction: its session, and what it did.
pub(crate) type Txn = (u64, Vec<Access>);

pub(crate) fn sessions(txns: &[Txn]) -> Sessions {
    let mut sessions = Sessions::new();
    for (session, accesses) in txns {
        sessions.push(*session, accesses);
    }
    sessions
}

/// Returns whether `txns`, pushed in this order, satisfy `level`.
pub(crate) fn holds(txns: &[Txn], level: Level) -> bool {
    let Some(reads) = reads(txns) else { return false };
    let known = Known { txns, reads };
    let all: Vec<usize> = (0..txns.len()).collect();
    let is_causal = |a: usize, b: usize| known.precedes(a, b);
    match level {
        Level::WeakCausal => {
            let is_acyclic = all.iter().all(|txn| !is_causal(*txn, *txn));
            is_acyclic
                && all.iter().all(|&txn| {
                    let past: Vec<usize> = all.iter().copied().filter(|it| is_causal(*it, txn)).collect();
                    known.reads[txn].iter().all(|read| {
                        any_order(&past, &mut Vec::new(), &is_causal, &|order| {
                            let last = order.iter().rev().find(|it| known.writes(**it, read.key));
                            last.copied() == read.from
                        })
                    })
                })
        }
        _ => any_order(&all, &mut Vec::new(), &|a, b| known.directly(a, b), &|order| {
            known.is_explained(order, level)
        }),
    }
}

/// A read of another transaction, or of the initial state.
struct Read {
    key: u64,
    from: Option<usize>,
}

/// Returns by transaction what it read from others, in order; none if some read is wrong whatever the order.
fn reads(txns: &[Txn]) -> Option<Vec<Vec<Read>>> {
    let mut all = Vec::new();
    for (number, (_, accesses)) in txns.iter().enumerate() {
        let mut reads = Vec::new();
        for (place, access) in accesses.iter().enumerate() {
            let Access::Read { key, value } = *access else { continue };
            let last = |accesses: &[Access]| {
                let written = accesses.iter().rev().filter_map(|it| match it {
                    Access::Write { key: it, value } if *it == key => Some(*value),
                    _ => None,
                });
                written.into_iter().next()
            };
            let own = last(&accesses[..place]);
            if own.is_some() {
                if own != value {
                    return None;
                }
                continue;
            }
            let from =
                (0..txns.len()).find(|other| *other != number && value.is_some() && last(&txns[*other].1) == value);
            if value.is_some() && from.is_none() {
                return None;
            }
            reads.push(Read { key, from });
        }
        all.push(reads);
    }
    Some(all)
}

struct Known<'t> {
    txns: &'t [Txn],
    reads: Vec<Vec<Read>>,
}

impl Known<'_> {
    fn writes(&self, txn: usize, key: u64) -> bool {
        let is_write = |access: &Access| matches!(access, Access::Write { key: it, .. } if *it == key);
        self.txns[txn].1.iter().any(is_write)
    }

    fn in_session(&self, first: usize, then: usize) -> bool {
        self.txns[first].0 == self.txns[then].0 && first < then
    }

    fn directly(&self, first: usize, then: usize) -> bool {
        self.in_session(first, then) || self.reads[then].iter().any(|read| read.from == Some(first))
    }

    fn precedes(&self, first: usize, then: usize) -> bool {
        let mut reached = BTreeSet::new();
        let mut next = vec![first];
        while let Some(txn) = next.pop() {
            next.extend((0..self.txns.len()).filter(|it| self.directly(txn, *it) && reached.insert(*it)));
        }
        reached.contains(&then)
    }

    fn is_explained(&self, order: &[usize], level: Level) -> bool {
        let place = |txn: usize| order.iter().position(|it| *it == txn).expect("all are in it");
        order.iter().all(|&reader| {
            self.reads[reader].iter().enumerate().all(|(nth, read)| {
                order.iter().all(|&other| {
                    let knows = match level {
                        Level::ReadCommitted => self.reads[reader][..nth]
                            .iter()
                            .any(|earlier| earlier.from == Some(other)),
                        Level::ReadAtomic => self.directly(other, reader),
                        _ => self.precedes(other, reader),
                    };
                    let is_passed =
                        other != reader && Some(other) != read.from && self.writes(other, read.key) && knows;
                    !is_passed || read.from.is_some_and(|from| place(other) < place(from))
                })
            })
        })
    }
}

fn any_order(
    all: &[usize],
    order: &mut Vec<usize>,
    is_before: &impl Fn(usize, usize) -> bool,
    is_right: &impl Fn(&[usize]) -> bool,
) -> bool {
    if order.len() == all.len() {
        return is_right(order);
    }
    let rest: Vec<usize> = all.iter().copied().filter(|it| !order.contains(it)).collect();
    rest.iter().any(|&next| {
        let is_next = rest.iter().all(|other| !is_before(*other, next));
        is_next && {
            order.push(next);
            let found = any_order(all, order, is_before, is_right);
            order.pop();
            found
        }
    })
}
