//! Faults that change while they last.

use std::time::Duration;

use super::{Fault, Place};

/// A moment of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// How long it has been on.
    pub since: Duration,
    /// How long it lasts in all.
    pub lasts: Duration,
}

impl Fault {
    /// When it changes next, counted from its beginning; `None` if it stays as it is until it ends.
    pub fn next_turn(&self, moment: Moment) -> Option<Duration> {
        let Moment { since, lasts } = moment;
        let next = match self {
            Fault::Flapping { every, .. } => {
                let turns = since.as_nanos() / every.as_nanos().max(1) + 1;
                every.checked_mul(u32::try_from(turns).ok()?)?
            }
            Fault::Swizzle { nodes, .. } => {
                let turns = (0..2 * nodes.len()).map(|turn| share(lasts, turn, 2 * nodes.len()));
                turns.filter(|turn| *turn > since).min()?
            }
            _ => return None,
        };
        (next < lasts).then_some(next)
    }

    /// Whether a node is cut off at a moment of a fault that changes.
    pub(super) fn is_on(&self, node: Place, moment: Moment) -> bool {
        let Moment { since, lasts } = moment;
        match self {
            Fault::Flapping { every, .. } => (since.as_nanos() / every.as_nanos().max(1)).is_multiple_of(2),
            Fault::Swizzle { nodes, back } => {
                let count = nodes.len();
                let at = |list: &[Place]| list.iter().position(|other| *other == node).unwrap_or(count);
                let begins = share(lasts, at(nodes), 2 * count);
                let ends = share(lasts, count + at(back) + 1, 2 * count);
                begins <= since && since < ends
            }
            _ => true,
        }
    }
}

/// So many of so many equal parts of a span.
fn share(span: Duration, parts: usize, of: usize) -> Duration {
    let few = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (span / few(of).max(1)).saturating_mul(few(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// At each of its turns, how many links are cut in a cluster of three.
    fn turns(fault: &Fault, lasts: Duration) -> Vec<(u128, usize)> {
        let mut moment = Moment {
            since: Duration::ZERO,
            lasts,
        };
        let mut turns = vec![(0, fault.cuts_at(3, moment).len())];
        while let Some(since) = fault.next_turn(moment) {
            moment.since = since;
            turns.push((since.as_millis(), fault.cuts_at(3, moment).len()));
        }
        turns
    }

    #[test]
    fn what_flaps_is_cut_every_other_time() {
        let flapping = Fault::Flapping {
            side: vec![Place(0)],
            every: 100 * MS,
        };
        assert_eq!(turns(&flapping, 350 * MS), [(0, 4), (100, 0), (200, 4), (300, 0)]);
    }

    #[test]
    fn a_swizzle_isolates_one_after_another_and_lets_them_back_in_another_order() {
        let swizzle = Fault::Swizzle {
            nodes: vec![Place(0), Place(1)],
            back: vec![Place(0), Place(1)],
        };
        // n1, then n1 and n2, then both still, then n2 alone.
        assert_eq!(turns(&swizzle, 400 * MS), [(0, 4), (100, 6), (200, 6), (300, 4)]);
        let halves = Fault::Halves { side: vec![Place(0)] };
        assert_eq!(turns(&halves, 400 * MS), [(0, 4)]);
    }
}
