//! How far replicas are behind while a run goes on, as far as other nodes know.
//!
//! A node that missed a write is owed it by whoever keeps a hint for it. What nobody keeps, because its coordinator has died, say,
//! nobody knows of: anti-entropy finds it. Told to those who look on, and to nobody else: nothing follows from it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use quorate_core::{Behind, NodeId};

use crate::fault::Place;

/// How many are named that are behind, where nothing else is asked for: a line has other things to say.
const NAMED_MAX: usize = 3;

/// How far each replica is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lags {
    behind: BTreeMap<Place, Lag>,
    unheard: BTreeSet<Place>,
}

/// How far a replica is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lag {
    /// Hints that others keep for it.
    hints: u64,
    /// For how long it has been behind without a break, as the one knows that has known longest.
    lasting: Duration,
}

impl Lags {
    /// Takes in what a node says of others, and of itself.
    pub fn add(&mut self, told: &[Behind], place_of: impl Fn(NodeId) -> Option<Place>) {
        for Behind { node, hints, lasting } in told {
            if let Some(place) = place_of(*node) {
                let lag = self.behind.entry(place).or_default();
                lag.hints += hints;
                lag.lasting = lag.lasting.max(*lasting);
            }
        }
    }

    /// A node can't say what it keeps for others.
    pub fn add_unheard(&mut self, node: Place) {
        self.unheard.insert(node);
    }

    /// Those that can't say what they keep for others.
    pub fn unheard(&self) -> impl Iterator<Item = Place> {
        self.unheard.iter().copied()
    }

    /// Whether nobody is known to be behind.
    pub fn is_empty(&self) -> bool {
        self.behind.is_empty()
    }
}

/// Those that are furthest behind, as many as the precision says: hints, and for how long there were some, but that in the
/// short form (`#`). Of equals the first.
impl fmt::Display for Lags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named_max = f.precision().unwrap_or(NAMED_MAX);
        let mut behind: Vec<_> = self.behind.iter().collect();
        behind.sort_by_key(|(place, lag)| (Reverse(lag.hints), **place));
        for (number, (place, Lag { hints, lasting })) in behind.iter().take(named_max).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{place} {hints}")?;
            if !f.alternate() {
                write!(f, " ({:.1} s)", lasting.as_secs_f64())?;
            }
        }
        match behind.len().saturating_sub(named_max) {
            0 => Ok(()),
            others => write!(f, " and {others} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lags as nodes tell them: for each of them, whom it keeps how many hints for, and for how many milliseconds.
    fn lags(told: &[&[(usize, u64, u64)]]) -> Lags {
        let mut lags = Lags::default();
        for told in told {
            let behind = |(node, hints, ms): &(usize, u64, u64)| Behind {
                node: NodeId(*node as u64),
                hints: *hints,
                lasting: Duration::from_millis(*ms),
            };
            let told: Vec<_> = told.iter().map(behind).collect();
            lags.add(&told, |node| (node.0 < 9).then_some(Place(node.0 as usize)));
        }
        lags
    }

    #[test]
    fn hints_of_all_are_one_sum_and_the_longest_time_counts() {
        let lags = lags(&[&[(2, 400, 2_100), (0, 1, 50)], &[], &[(2, 12, 900), (77, 5, 5)]]);
        assert_eq!(lags.to_string(), "n3 412 (2.1 s), n1 1 (0.1 s)");
    }

    #[test]
    fn the_worst_are_named_and_the_others_counted() {
        let lags = lags(&[&[(0, 1, 0), (1, 7, 0), (2, 9, 0), (3, 7, 0), (4, 2, 0)]]);
        assert_eq!(lags.to_string(), "n3 9 (0.0 s), n2 7 (0.0 s), n4 7 (0.0 s) and 2 more");
        assert_eq!(format!("{lags:#}"), "n3 9, n2 7, n4 7 and 2 more");
        assert_eq!(format!("{lags:#.1}"), "n3 9 and 4 more");
    }
}
