//! Cycles, as evidence has them: transactions and what leads from each to the next.

use super::{
    anomaly::{Anomaly, Class, Closing},
    graph::Kind,
};

/// An edge of a cycle, between two transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
}

/// Returns which anomaly a cycle is; none if it passes a transaction twice, or is of no dependency at all.
pub(super) fn classify(cycle: &[Link]) -> Option<Anomaly> {
    let mut txns: Vec<u32> = cycle.iter().map(|link| link.from).collect();
    txns.sort_unstable();
    if txns.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let has = |kind: Kind| cycle.iter().any(|link| link.kind == kind);
    let after = cycle.iter().cycle().skip(1);
    let is_adjacent = cycle
        .iter()
        .zip(after)
        .any(|(a, b)| a.kind == Kind::Rw && b.kind == Kind::Rw);
    let class = match cycle.iter().filter(|link| link.kind == Kind::Rw).count() {
        0 if has(Kind::Wr) => Class::G1c,
        0 if has(Kind::Ww) => Class::G0,
        0 => return None,
        1 => Class::GSingleItem,
        _ if is_adjacent => Class::G2Item,
        _ => Class::GNonadjacentItem,
    };
    let closing = match () {
        () if has(Kind::Realtime) => Closing::Realtime,
        () if has(Kind::Process) => Closing::Process,
        () => Closing::Data,
    };
    Some(Anomaly::Cycle(class, closing))
}
